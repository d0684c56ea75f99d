package backends

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// ErrBatch is wrapped by every refusal of Batch.Validate: the caller made the
// batch wrong, and no backend may run it.
var ErrBatch = errors.New("malformed batch")

// maxPalette bounds a palette: every triple of the largest batch distinct.
const maxPalette = 1 << 24

func batchError(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrBatch)
}

// Validate checks a batch as guest.ParsePlan and guest.ParseRows check the
// messages it is made of: skeleton, normal forms and order of the palette, and
// every index. Backends call it before they run.
func (b *Batch) Validate() error {
	if err := b.Skeleton.Validate(); err != nil {
		return batchError("%v", err)
	}
	if len(b.Palette) < 1 || len(b.Palette) > maxPalette {
		return batchError("palette of %d triples, want 1 to %d", len(b.Palette), maxPalette)
	}
	for i, u := range b.Palette {
		switch {
		case !u.IsNormal() || (u.Theta|u.Phi|u.Lambda)&0xfff != 0:
			return batchError("palette entry %d is not in normal form", i)
		case i > 0 && b.Palette[i-1].Compare(u) >= 0:
			return batchError("palette entry %d is out of order", i)
		}
	}
	return b.validateRows()
}

func (b *Batch) validateRows() error {
	r := b.Rows
	if r == nil {
		return batchError("no rows")
	}
	elem := 2
	if len(b.Palette) > 1<<16 {
		elem = 4
	}
	loc := b.Skeleton.Locations()
	switch {
	case r.N < 1 || r.N > guest.MaxShots || r.First > guest.MaxShots-uint64(r.N):
		return batchError("slots %d + %d of at most %d", r.First, r.N, guest.MaxShots)
	case r.Locations != loc || r.ElemSize != elem:
		return batchError("rows of %d indexes of %d bytes, want %d of %d", r.Locations, r.ElemSize, loc, elem)
	case len(r.Data)/(loc*elem) != r.N || len(r.Data)%(loc*elem) != 0:
		return batchError("%d bytes of rows for %d slots of %d bytes", len(r.Data), r.N, loc*elem)
	}
	if i := badIndex(r.Data, elem, uint32(len(b.Palette))); i >= 0 {
		return batchError("slot %d location %d: index outside the palette of %d", r.First+uint64(i/loc), i%loc, len(b.Palette))
	}
	return nil
}

// badIndex returns the position of the first index at or above n, or -1.
func badIndex(data []byte, elem int, n uint32) int {
	if elem == 2 {
		for i := 0; i+2 <= len(data); i += 2 {
			if uint32(binary.LittleEndian.Uint16(data[i:])) >= n {
				return i / 2
			}
		}
		return -1
	}
	for i := 0; i+4 <= len(data); i += 4 {
		if binary.LittleEndian.Uint32(data[i:]) >= n {
			return i / 4
		}
	}
	return -1
}

// Layered returns the circuit of slot First+i with every qubit measured into the
// clbit of its number. The batch has been validated.
func (b *Batch) Layered(i int) *circuit.Layered {
	l := &circuit.Layered{Skeleton: b.Skeleton, U: make([]circuit.U3Angles, b.Rows.Locations), Clbits: b.Skeleton.Width, Measure: make([]int, b.Skeleton.Width)}
	for k := range l.U {
		l.U[k] = b.Palette[b.Rows.Index(i, k)]
	}
	for q := range l.Measure {
		l.Measure[q] = q
	}
	return l
}
