package engine

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// spread calls f for every i below n, split into runs over the CPUs. f of one
// run is called in order; the first error by position is returned.
func spread(n int, f func(first, last int) error) error {
	k := min(runtime.GOMAXPROCS(0), n)
	if k <= 1 {
		return f(0, n)
	}
	errs := make([]error, k)
	var wg sync.WaitGroup
	for i := range k {
		wg.Go(func() { errs[i] = f(i*n/k, (i+1)*n/k) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// leafHashes returns the RFC 6962 leaf hash of every row.
func leafHashes(r *guest.Rows) []digest.Digest {
	out := make([]digest.Digest, r.N)
	_ = spread(r.N, func(first, last int) error { // the function below never fails
		for i := first; i < last; i++ {
			out[i] = transcript.LeafHash(r.Row(i))
		}
		return nil
	})
	return out
}

// checkSlots makes sure that the trap library ran the buyer's circuit in every
// target slot, un-pads it rightly, and placed as many traps as it must.
func (p *Plan) checkSlots() error {
	t := p.Trap
	h := p.Task.header()
	if t.Shots != h.Shots || t.RatioPPM != h.RatioPPM || t.Traps != trapCount(h.Shots, h.RatioPPM) || t.Policy != p.Task.Policy.Record {
		return fmt.Errorf("trap plan is for %d shots, %d ppm, %d traps or another policy: %w", t.Shots, t.RatioPPM, t.Traps, ErrViolation)
	}
	if !equalSkeleton(&t.Skeleton, &p.Compiled.Skeleton) {
		return fmt.Errorf("trap plan has another skeleton than the compiled circuit: %w", ErrViolation)
	}
	if err := p.checkCounts(); err != nil {
		return err
	}
	return p.checkTargets()
}

// trapCount is T = ceil(shots·ppm/10^6).
func trapCount(shots, ppm uint64) uint64 { return (shots*ppm + 999_999) / 1_000_000 }

func equalSkeleton(a, b *circuit.Skeleton) bool {
	return a.Width == b.Width && slices.EqualFunc(a.Layers, b.Layers, slices.Equal[[]circuit.Pair])
}

// checkCounts compares roles and windows with the plan.
func (p *Plan) checkCounts() error {
	t := p.Trap
	perWindow := make([]uint32, len(t.WindowTraps))
	var kinds [3]uint64
	j := 0
	for i := range p.Hidden.N {
		for uint64(i) >= t.WindowStart(j+1) {
			j++
		}
		if int(p.Hidden.Window[i]) != j {
			return fmt.Errorf("slot %d is in window %d, not %d: %w", i, j, p.Hidden.Window[i], ErrViolation)
		}
		k := guest.SlotKind(p.Hidden.Kind[i])
		kinds[k]++
		if k != guest.SlotTarget {
			perWindow[j]++
		}
	}
	if kinds[guest.SlotMatch] != t.NA || kinds[guest.SlotParity] != t.NB || !slices.Equal(perWindow, t.WindowTraps) {
		return fmt.Errorf("slots hold %d + %d traps, the plan says %d + %d, or other windows: %w", kinds[guest.SlotMatch], kinds[guest.SlotParity], t.NA, t.NB, ErrViolation)
	}
	return nil
}

// checkTargets compares the Pauli-canonical form of every target slot with that
// of the compiled circuit, and the pad with the frame that is left over.
func (p *Plan) checkTargets() error {
	t := p.Trap
	w, loc := t.Skeleton.Width, t.Skeleton.Locations()
	table := circuit.NewFrameTable(t.Palette)
	row, want := make([]uint32, loc), make([]uint32, loc)
	for l, u := range p.Compiled.U {
		i, ok := slices.BinarySearchFunc(t.Palette, u, circuit.U3Angles.Compare)
		if !ok {
			return fmt.Errorf("palette lacks the compiled u3 of location %d: %w", l, ErrViolation)
		}
		row[l] = uint32(i)
	}
	wantFrame := make([]circuit.Pauli, w)
	table.Slot(&t.Skeleton, row, want, wantFrame)
	return spread(p.Rows.N, func(first, last int) error {
		row, got, frame := make([]uint32, loc), make([]uint32, loc), make([]circuit.Pauli, w)
		for i := first; i < last; i++ {
			if p.Hidden.Kind[i] != byte(guest.SlotTarget) {
				continue
			}
			p.Rows.Expand(i, row)
			table.Slot(&t.Skeleton, row, got, frame)
			if !slices.Equal(got, want) {
				return fmt.Errorf("target slot %d is not the compiled circuit: %w", i, ErrViolation)
			}
			pad := p.Hidden.Pad[i*guest.RowBytes(w):]
			for q, f := range frame {
				if byte((f^wantFrame[q])&circuit.PauliX) != pad[q>>3]>>(q&7)&1 {
					return fmt.Errorf("pad of target slot %d is wrong at qubit %d: %w", i, q, ErrViolation)
				}
			}
		}
		return nil
	})
}
