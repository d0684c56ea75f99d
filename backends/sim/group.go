package sim

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/circuit"
)

// oneGroup is the slots that share one simulation.
type oneGroup struct {
	row      []uint32 // canonical ids, one per location
	slots    []uint32 // ascending
	clifford bool
}

// groups is a batch after canonicalisation.
type groups struct {
	canon []circuit.U3Angles // what canonical ids stand for
	gates []stabilizer.Gate  // the same as Clifford gates, where they are
	list  []*oneGroup        // by first slot
	flips []byte             // per slot, a row: bits to flip after measurement
}

// part is the groups of a run of slots.
type part struct {
	byRow map[string]*oneGroup
	list  []*oneGroup
	keys  []string
}

// group rewrites every slot to its canonical form and collects equal ones. The
// result does not depend on how the slots are split over goroutines.
func group(ctx context.Context, b *backends.Batch) (*groups, error) {
	table := circuit.NewFrameTable(b.Palette)
	g := &groups{canon: table.Canon, flips: make([]byte, b.Rows.N*guest.RowBytes(b.Skeleton.Width))}
	var isClifford []bool
	g.gates, isClifford = stabilizer.GatesOf(table.Canon)
	k := min(backends.Threads(b.Threads), b.Rows.N)
	parts := make([]*part, k)
	var wg sync.WaitGroup
	for i := range k {
		wg.Go(func() { parts[i] = g.collect(ctx, b, table, isClifford, i*b.Rows.N/k, (i+1)*b.Rows.N/k) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := make(map[string]*oneGroup)
	for _, p := range parts {
		for i, one := range p.list {
			if have := all[p.keys[i]]; have != nil {
				have.slots = append(have.slots, one.slots...)
				continue
			}
			all[p.keys[i]] = one
			g.list = append(g.list, one)
		}
	}
	return g, nil
}

// collect handles slots [first, last).
func (g *groups) collect(ctx context.Context, b *backends.Batch, table *circuit.FrameTable, isClifford []bool, first, last int) *part {
	w, loc := b.Skeleton.Width, b.Skeleton.Locations()
	rb := guest.RowBytes(w)
	p := &part{byRow: make(map[string]*oneGroup)}
	row, out, frame, key := make([]uint32, loc), make([]uint32, loc), make([]circuit.Pauli, w), make([]byte, 4*loc)
	for i := first; i < last; i++ {
		if i%64 == 0 && ctx.Err() != nil {
			return p
		}
		b.Rows.Expand(i, row)
		table.Slot(&b.Skeleton, row, out, frame)
		for q, f := range frame {
			g.flips[i*rb+q>>3] |= byte(f&circuit.PauliX) << (q & 7)
		}
		for l, id := range out {
			binary.LittleEndian.PutUint32(key[4*l:], id)
		}
		one := p.byRow[string(key)]
		if one == nil {
			one = &oneGroup{row: append([]uint32(nil), out...), clifford: true}
			for _, id := range out {
				one.clifford = one.clifford && isClifford[id]
			}
			k := string(key)
			p.byRow[k], p.list, p.keys = one, append(p.list, one), append(p.keys, k)
		}
		one.slots = append(one.slots, uint32(i))
	}
	return p
}
