package auditlog

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is that of C2SP tlog-tiles: 256 hashes in a full tile.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tilePath is where a tile of hashes lies: tile/<L>/<N>[.p/<W>].
func tilePath(t tlog.Tile) string { return widthPath(fmt.Sprintf("tile/%d/", t.L), t.N, t.W) }

// bundlePath is where entries [n·256, n·256+w) lie.
func bundlePath(n int64, w int) string { return widthPath("tile/entries/", n, w) }

// widthPath writes n in groups of three digits, all but the last behind an x.
func widthPath(prefix string, n int64, w int) string {
	p := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		p = fmt.Sprintf("x%03d/%s", n%1000, p)
	}
	if w < tileWidth {
		p += ".p/" + strconv.Itoa(w)
	}
	return prefix + p
}

// appendBundle writes leaves as a bundle: u16 big-endian length and bytes each.
func appendBundle(b []byte, leaves [][]byte) []byte {
	for _, l := range leaves {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(l))), l...)
	}
	return b
}

// maxBundle is the length of the longest bundle.
const maxBundle = tileWidth * (2 + maxLeaf)

// parseBundle reads exactly n leaves.
func parseBundle(b []byte, n int) ([][]byte, error) {
	if n < 0 || n > tileWidth {
		return nil, fmt.Errorf("%d entries in a bundle: %w", n, ErrLog)
	}
	leaves := make([][]byte, 0, n)
	for i := range n {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, fmt.Errorf("entry %d of a bundle is cut: %w", i, ErrLog)
		}
		size := int(binary.BigEndian.Uint16(b))
		if size > maxLeaf {
			return nil, fmt.Errorf("entry %d has %d bytes, limit %d: %w", i, size, maxLeaf, ErrLog)
		}
		leaves = append(leaves, b[2:2+size:2+size])
		b = b[2+size:]
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes behind the bundle: %w", len(b), ErrLog)
	}
	return leaves, nil
}
