package exec

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
)

// repeats finds the steps of a plan that are equal in all but the number of their
// rotations, as those of an algorithm that iterates. They share one table.
type repeats struct {
	of    []int32 // per step: the first that it equals, or -1 where it is the only one
	mu    sync.Mutex
	built map[int32]*step
}

// maxShared bounds the tables that are kept for a run, 32 KiB each.
const maxShared = 64

func findRepeats(p *plan.Program, pl *plan.Plan, scales []float64) *repeats {
	r := &repeats{built: map[int32]*step{}}
	first := map[uint64]int32{}
	var steps []*plan.Step
	var locals [][]uint8
	count := map[int32]bool{}
	for i := range pl.Passes {
		for j := range pl.Passes[i].Subs {
			sub := &pl.Passes[i].Subs[j]
			for k := range sub.Steps {
				n, st := int32(len(steps)), &sub.Steps[k]
				steps, locals = append(steps, st), append(locals, sub.Local)
				h := hashStep(p, st, sub.Local)
				f, seen := first[h]
				if seen && scales[f] == scales[n] && slices.Equal(locals[f], sub.Local) && equalSteps(p, steps[f], st) {
					r.of, count[f] = append(r.of, f), true
					continue
				}
				r.of = append(r.of, n)
				if !seen {
					first[h] = n
				}
			}
		}
	}
	for i, f := range r.of {
		if !count[f] || len(count) > maxShared {
			r.of[i] = -1
		}
	}
	return r
}

// hashStep mixes what equalSteps compares. Steps that differ and meet in it are built each.
func hashStep(p *plan.Program, st *plan.Step, local []uint8) uint64 {
	h := uint64(len(local))
	mix := func(x uint64) {
		h = (h ^ x) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	mix(uint64(local[len(local)-1]))
	for _, a := range st.Rots {
		rot := &p.Rots[a.Q][a.K]
		mix(uint64(rot.Rest) ^ bits.RotateLeft64(uint64(rot.Alpha), 31) ^ uint64(a.Q))
	}
	for _, id := range st.CZs {
		mix(uint64(p.CZs[id].A)<<8 | uint64(p.CZs[id].B))
	}
	for _, id := range st.Terms {
		mix(p.Terms[id].Mask)
		mix(p.Terms[id].Value)
		mix(uint64(p.Terms[id].Angle))
	}
	return h
}

// sameFactors compares what a table and its rotations are made of; exchanges have
// numbers of their own in each step.
func sameFactors(a, b plan.Rot) bool {
	return a.Rest == b.Rest && a.Alpha == b.Alpha
}

func equalSteps(p *plan.Program, a, b *plan.Step) bool {
	return slices.EqualFunc(a.Rots, b.Rots, func(x, y plan.At) bool { return x.Q == y.Q && sameFactors(p.Rots[x.Q][x.K], p.Rots[y.Q][y.K]) }) &&
		slices.Equal(a.Cross, b.Cross) &&
		slices.EqualFunc(a.CZs, b.CZs, func(x, y int32) bool { return p.CZs[x].A == p.CZs[y].A && p.CZs[x].B == p.CZs[y].B }) &&
		slices.EqualFunc(a.Terms, b.Terms, func(x, y int32) bool {
			t, u := &p.Terms[x], &p.Terms[y]
			return t.Mask == u.Mask && t.Value == u.Value && (t.Angle-u.Angle)&(circuit.TwoPi-1) == 0
		})
}

// take copies a step that was built before, or builds it for all.
func (r *repeats) take(dst *step, n int, build func(dst *step)) {
	f := r.of[n]
	if f < 0 {
		build(dst)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	src := r.built[f]
	if src == nil {
		src = &step{}
		build(src)
		src.shared = true
		r.built[f] = src
	}
	*dst = *src
}
