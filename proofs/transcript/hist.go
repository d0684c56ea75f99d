package transcript

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/animicaorg/engine/digest"
)

// MaxWidth is the widest outcome in bits.
const MaxWidth = 4096

// Stride is the number of bytes of one outcome of width bits.
func Stride(width uint64) int { return int((width + 7) / 8) }

// Bin is one distinct outcome with its count. Key is big-endian, the byte form
// that is hashed: clbit i is bit i mod 8 of byte len(Key)-1-i/8.
type Bin struct {
	Key   []byte
	Count uint64 // at least 1
}

// Hist is G's input. Bins are in ascending order of Key, each once.
type Hist struct {
	Width uint64 // bits, 1..MaxWidth
	Bins  []Bin
}

// Shots is the sum of the counts; ok is false when it overflows.
func (h *Hist) Shots() (n uint64, ok bool) {
	for _, b := range h.Bins {
		if n+b.Count < n {
			return 0, false
		}
		n += b.Count
	}
	return n, true
}

// HistOfRows counts packed little-endian rows (clbit i at byte i>>3, mask
// 1<<(i&7)), Stride(width) bytes each.
func HistOfRows(width uint64, rows []byte) (*Hist, error) {
	if err := checkRows(width, rows); err != nil {
		return nil, err
	}
	stride := Stride(width)
	h := &Hist{Width: width}
	if stride <= 8 {
		h.countWords(stride, rows)
		return h, nil
	}
	keys := make([][]byte, len(rows)/stride)
	flat := slices.Clone(rows)
	for i := range keys {
		keys[i] = flat[i*stride : (i+1)*stride : (i+1)*stride]
		slices.Reverse(keys[i])
	}
	slices.SortFunc(keys, bytes.Compare)
	for i, k := range keys {
		if i > 0 && bytes.Equal(keys[i-1], k) {
			h.Bins[len(h.Bins)-1].Count++
			continue
		}
		h.Bins = append(h.Bins, Bin{k, 1})
	}
	return h, nil
}

func (h *Hist) countWords(stride int, rows []byte) {
	words := make([]uint64, len(rows)/stride)
	for i := range words {
		var wide [8]byte
		copy(wide[:], rows[i*stride:(i+1)*stride])
		words[i] = binary.LittleEndian.Uint64(wide[:])
	}
	slices.Sort(words)
	for i, w := range words {
		if i > 0 && words[i-1] == w {
			h.Bins[len(h.Bins)-1].Count++
			continue
		}
		h.Bins = append(h.Bins, Bin{binary.BigEndian.AppendUint64(nil, w)[8-stride:], 1})
	}
}

// HistOfCounts takes distinct little-endian rows with their counts in any
// order.
func HistOfCounts(width uint64, rows [][]byte, counts []uint64) (*Hist, error) {
	if len(rows) != len(counts) {
		return nil, fmt.Errorf("%d rows and %d counts: %w", len(rows), len(counts), ErrFrame)
	}
	h := &Hist{Width: width}
	for i, r := range rows {
		if err := checkRows(width, r); err != nil {
			return nil, err
		}
		if len(r) != Stride(width) {
			return nil, fmt.Errorf("row %d of %d bytes at width %d: %w", i, len(r), width, ErrFrame)
		}
		key := slices.Clone(r)
		slices.Reverse(key)
		h.Bins = append(h.Bins, Bin{key, counts[i]})
	}
	slices.SortFunc(h.Bins, func(a, b Bin) int { return bytes.Compare(a.Key, b.Key) })
	return h, h.Frame().err
}

func checkRows(width uint64, rows []byte) error {
	if width < 1 || width > MaxWidth {
		return fmt.Errorf("width %d outside 1..%d: %w", width, MaxWidth, ErrFrame)
	}
	stride := Stride(width)
	if len(rows)%stride != 0 {
		return fmt.Errorf("%d bytes are no whole rows of %d: %w", len(rows), stride, ErrFrame)
	}
	if unused := ^byte(0) << (width % 8); width%8 != 0 {
		for i := stride - 1; i < len(rows); i += stride {
			if rows[i]&unused != 0 {
				return fmt.Errorf("row %d has a bit above width %d: %w", i/stride, width, ErrFrame)
			}
		}
	}
	return nil
}

// Frame implements Framed (domain qprov/v1/hist).
func (h *Hist) Frame() *Frame {
	f := NewFrame("qprov/v1/hist")
	if h.Width < 1 || h.Width > MaxWidth {
		f.fail("width %d outside 1..%d", h.Width, MaxWidth)
		return f
	}
	stride := Stride(h.Width)
	if uint64(len(h.Bins)) > math.MaxUint32/uint64(stride+8) {
		f.fail("%d outcomes of %d bytes do not fit a field", len(h.Bins), stride)
		return f
	}
	body := make([]byte, 0, len(h.Bins)*(stride+8))
	for i, b := range h.Bins {
		switch {
		case len(b.Key) != stride:
			f.fail("outcome %d has %d bytes at width %d", i, len(b.Key), h.Width)
		case h.Width%8 != 0 && b.Key[0]>>(h.Width%8) != 0:
			f.fail("outcome %d has a bit above width %d", i, h.Width)
		case b.Count == 0:
			f.fail("outcome %d has count 0", i)
		case i > 0 && bytes.Compare(h.Bins[i-1].Key, b.Key) >= 0:
			f.fail("outcome %d is repeated or out of order", i)
		}
		if f.err != nil {
			return f
		}
		body = binary.BigEndian.AppendUint64(append(body, b.Key...), b.Count)
	}
	shots, ok := h.Shots()
	if !ok {
		f.fail("counts overflow 64 bits")
	}
	return f.U64(1, h.Width).U64(2, shots).U64(3, uint64(len(h.Bins))).Bytes(4, body, math.MaxUint32)
}

// Digest is G, the guide's hist_digest.
func (h *Hist) Digest() (digest.Digest, error) { return h.Frame().Sum() }
