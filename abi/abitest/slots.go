package abitest

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// roles: windows and kinds hold as many traps as the plan says.
func roles(ctx context.Context, g Guest) error {
	return g.with(ctx, func(c abi.Caller) error {
		for _, j := range []*job{newJob(4, 3, 700, 250_000), newJob(3, 1, 64, 1_000_000), newJob(3, 1, 64, 0)} {
			r, err := j.generated(ctx, c)
			if err != nil {
				return err
			}
			windows := make([]uint32, len(r.plan.WindowTraps))
			var kinds [3]uint64
			for i, k := range r.hidden.Kind {
				kinds[k]++
				if guest.SlotKind(k) != guest.SlotTarget {
					windows[r.hidden.Window[i]]++
				}
			}
			if kinds[guest.SlotMatch] != r.plan.NA || kinds[guest.SlotParity] != r.plan.NB || !slices.Equal(windows, r.plan.WindowTraps) {
				return fmt.Errorf("%d + %d traps in windows %v, the plan says %d + %d in %v", kinds[1], kinds[2], windows, r.plan.NA, r.plan.NB, r.plan.WindowTraps)
			}
		}
		return nil
	})
}

// targets: every target slot is the compiled circuit but for Paulis, and its pad
// is what those Paulis flip.
func targets(ctx context.Context, g Guest) error {
	return g.generated(ctx, newJob(6, 4, 200, 250_000), func(r *run) error {
		s, w := &r.plan.Skeleton, r.layered.Width
		table := circuit.NewFrameTable(r.plan.Palette)
		row, want, got := make([]uint32, s.Locations()), make([]uint32, s.Locations()), make([]uint32, s.Locations())
		base, frame := make([]circuit.Pauli, w), make([]circuit.Pauli, w)
		for l, u := range r.layered.U {
			i, ok := slices.BinarySearchFunc(r.plan.Palette, u, circuit.U3Angles.Compare)
			if !ok {
				return fmt.Errorf("the palette lacks the circuit's own u3 at location %d", l)
			}
			row[l] = uint32(i)
		}
		table.Slot(s, row, want, base)
		all := guest.Rows{N: r.hidden.N, Locations: s.Locations(), ElemSize: r.plan.IndexSize(), Data: r.rows}
		for i := range all.N {
			if guest.SlotKind(r.hidden.Kind[i]) != guest.SlotTarget {
				continue
			}
			all.Expand(i, row)
			table.Slot(s, row, got, frame)
			if !slices.Equal(got, want) {
				return fmt.Errorf("target slot %d is another circuit", i)
			}
			pad := r.hidden.Pad[i*guest.RowBytes(w):]
			for q := range w {
				if byte((frame[q]^base[q])&circuit.PauliX) != pad[q>>3]>>(q&7)&1 {
					return fmt.Errorf("target slot %d: the pad of qubit %d is wrong", i, q)
				}
			}
		}
		return nil
	})
}

// honest: what a trap slot measures without errors is what its predicate demands.
// Each trap is simulated; the predicate must hold with certainty.
func honest(ctx context.Context, g Guest) error {
	for _, j := range []*job{newJob(4, 3, 160, 500_000), newJob(3, 0, 64, 500_000), newJob(5, 4, 64, 500_000)} {
		err := g.generated(ctx, j, func(r *run) error {
			s := &r.plan.Skeleton
			all := guest.Rows{N: r.hidden.N, Locations: s.Locations(), ElemSize: r.plan.IndexSize(), Data: r.rows}
			slot := circuit.Layered{Skeleton: *s, U: make([]circuit.U3Angles, s.Locations()), Clbits: s.Width, Measure: make([]int, s.Width)}
			for q := range slot.Measure {
				slot.Measure[q] = q
			}
			row := make([]uint32, s.Locations())
			for i := range all.N {
				if guest.SlotKind(r.hidden.Kind[i]) == guest.SlotTarget {
					continue
				}
				all.Expand(i, row)
				for l, x := range row {
					slot.U[l] = r.plan.Palette[x]
				}
				if p := passing(r.hidden, i, layeredResults(&slot)); p < 1-1e-9 {
					return fmt.Errorf("width %d, %d layers: slot %d of kind %d passes with probability %.9f", s.Width, len(s.Layers), i, r.hidden.Kind[i], p)
				}
			}
			return nil
		})
		if err != nil && abi.ClassOf(err) != abi.DomainError {
			return err
		}
	}
	return nil
}

// passing sums the probabilities of the outcomes that pass the trap in slot i;
// width at most 8.
func passing(h *guest.Hidden, i int, results map[int]float64) (p float64) {
	pad, mask := int(h.Pad[i]), int(h.Mask[i])
	for k, x := range results {
		u := (k ^ pad) & mask
		if guest.SlotKind(h.Kind[i]) == guest.SlotMatch && u == 0 || guest.SlotKind(h.Kind[i]) == guest.SlotParity && bits.OnesCount(uint(u))&1 == int(h.Parity[i]) {
			p += x
		}
	}
	return p
}

// leaks: an instance that is called again and again needs no more memory.
func leaks(ctx context.Context, g Guest) error {
	return g.planned(ctx, newJob(6, 6, 4096, 100_000), func(r *run) error {
		var pages uint32
		for k := range 120 {
			o, err := r.caller.Call(ctx, abi.ExportGenerate, []uint64{uint64(64 * (k % 64)), 64}, r.inputs())
			if err != nil {
				return err
			}
			if o.Class != abi.OK {
				return fmt.Errorf("call %d ended as %v: %s", k, o.Class, o.Message)
			}
			if k == 40 {
				pages = o.MemoryPages
			}
			if k > 40 && o.MemoryPages > pages {
				return fmt.Errorf("memory grew from %d to %d pages between calls 40 and %d", pages, o.MemoryPages, k)
			}
		}
		return nil
	})
}
