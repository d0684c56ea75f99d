package guest

import (
	"fmt"

	"github.com/animicaorg/engine/circuit"
)

// Batch is what a device runs and all that it sees: skeleton, palette and rows of
// every slot. It is not a message of guests; a verifier that compiles for a provider
// hands it out in this form.
type Batch struct {
	Skeleton circuit.Skeleton
	Palette  []circuit.U3Angles // ascending, distinct, normal forms
	Rows     *Rows              // slots 0..N-1
}

// Append writes the batch, n_items = slots N:
//
//	1 u64[3]    width, layers, palette size P
//	2 u32[m+1]  layer starts
//	3 u16[2p]   CZ pairs
//	4 u64[3P]   palette
//	5 u16|u32[N·L] palette indexes (u32 when P > 65536)
func (b *Batch) Append(out []byte) []byte {
	cols := []Column{colU64(1, []uint64{uint64(b.Skeleton.Width), uint64(len(b.Skeleton.Layers)), uint64(len(b.Palette))})}
	cols = append(cols, skeletonColumns(2, &b.Skeleton)...)
	cols = append(cols, tripleColumn(4, b.Palette), Column{5, uint16(b.Rows.ElemSize), b.Rows.Data})
	m := Columns{Kind: KindBatch, Items: uint64(b.Rows.N), Cols: cols}
	return m.Append(out)
}

// ParseBatch is the inverse of Append; every index is inside the palette. The rows
// alias b.
func ParseBatch(b []byte) (*Batch, error) {
	r := newReader(b, KindBatch)
	h := r.u64s(1, 3)
	if r.err != nil {
		return nil, r.err
	}
	if h[2] > uint64(len(b)) {
		r.fail("palette of %d in %d bytes", h[2], len(b))
	}
	out := &Batch{Skeleton: r.skeleton(2, h[0], h[1])}
	if r.err != nil {
		return nil, r.err
	}
	out.Palette = r.triples(4, int(h[2]))
	elem, loc, n := 2, out.Skeleton.Locations(), r.c.Items
	if len(out.Palette) > 1<<16 {
		elem = 4
	}
	if n < 1 || n > MaxShots || n > uint64(len(b)) {
		r.fail("%d slots", n)
		n = 0
	}
	data := r.take(5, uint16(elem), int(n)*loc)
	if err := r.done(); err != nil {
		return nil, err
	}
	for i, u := range out.Palette {
		if !u.IsNormal() || i > 0 && out.Palette[i-1].Compare(u) >= 0 {
			return nil, fmt.Errorf("batch: palette entry %d is not normal or out of order: %w", i, ErrForm)
		}
	}
	out.Rows = &Rows{N: int(n), Locations: loc, ElemSize: elem, Data: data}
	for i := range int(n) * loc {
		if x := out.Rows.Index(0, i); x >= uint32(len(out.Palette)) {
			return nil, fmt.Errorf("batch: slot %d location %d: index %d of %d: %w", i/loc, i%loc, x, len(out.Palette), ErrForm)
		}
	}
	return out, nil
}
