package auditlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// The file "pending" holds entries that no checkpoint covers yet, one record per
// Append:
//
//	"QAL1" ‖ u32 length of the bundle ‖ u64 index of the first entry ‖ u16 entries ‖ bundle ‖ SHA-256 of all before, first 16 bytes
//
// A last record that was cut off by a crash is dropped: its Append never
// returned. Anything else that is no record is damage.

const (
	pendingMagic = "QAL1"
	pendingHead  = 4 + 4 + 8 + 2
	pendingSum   = 16
	maxBatch     = 64      // entries of one Append
	maxPending   = 4 << 20 // bytes of the file
)

func appendRecord(b []byte, first uint64, leaves [][]byte) []byte {
	start := len(b)
	bundle := appendBundle(nil, leaves)
	b = append(b, pendingMagic...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(bundle)))
	b = binary.BigEndian.AppendUint64(b, first)
	b = binary.BigEndian.AppendUint16(b, uint16(len(leaves)))
	b = append(b, bundle...)
	sum := sha256.Sum256(b[start:])
	return append(b, sum[:pendingSum]...)
}

// parsePending returns the entries from index size on, which must be contiguous,
// and the length of the whole records.
func parsePending(b []byte, size uint64) (leaves [][]byte, whole int, err error) {
	rest := b
	for len(rest) > 0 {
		n, first, got, err := parseRecord(rest)
		if err != nil {
			return nil, 0, fmt.Errorf("pending, byte %d: %w", len(b)-len(rest), err)
		}
		if n == 0 {
			break // cut off
		}
		rest = rest[n:]
		next := size + uint64(len(leaves))
		switch end := first + uint64(len(got)); {
		case end <= next: // published already; the file was not yet emptied
		case first > next:
			return nil, 0, fmt.Errorf("pending: entries %d to %d are missing: %w", next, first-1, ErrLog)
		default:
			leaves = append(leaves, got[next-first:]...)
		}
	}
	return leaves, len(b) - len(rest), nil
}

// parseRecord reads one record; n is 0 where it was cut off by a crash.
func parseRecord(b []byte) (n int, first uint64, leaves [][]byte, err error) {
	if len(bytes.Trim(b, "\x00")) == 0 {
		return 0, 0, nil, nil // the file grew, its bytes did not arrive
	}
	if len(b) < pendingHead {
		return 0, 0, nil, nil
	}
	size, count := binary.BigEndian.Uint32(b[4:]), int(binary.BigEndian.Uint16(b[16:]))
	first = binary.BigEndian.Uint64(b[8:])
	if string(b[:4]) != pendingMagic || size > maxBundle || count > maxBatch || first > 1<<62 {
		return 0, 0, nil, fmt.Errorf("is no record: %w", ErrLog)
	}
	n = pendingHead + int(size) + pendingSum
	if len(b) < n {
		return 0, 0, nil, nil
	}
	sum := sha256.Sum256(b[:n-pendingSum])
	if !bytes.Equal(sum[:pendingSum], b[n-pendingSum:n]) {
		if len(b) == n {
			return 0, 0, nil, nil
		}
		return 0, 0, nil, fmt.Errorf("a record has another checksum: %w", ErrLog)
	}
	leaves, err = parseBundle(b[pendingHead:n-pendingSum], count)
	return n, first, leaves, err
}
