package exec

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// Double is the outcome of a run in binary64: numeric version 1 of complex128
// (SPEC.md, "Complex128"). Its methods but Close may be called from many goroutines.
type Double struct {
	prog *plan.Program
	plan *plan.Plan
	mem  []float32 // what x lies in
	x    []float64 // as State.x
	cum  []uint64  // running sums of the weights of leaves
	leaf int       // amplitudes of a leaf
}

// BytesDouble is the memory that a run of a width needs, in bytes.
func BytesDouble(width, threads int) uint64 {
	w := max(width, plan.Lanes)
	const scratch = 1 << 20 // of a thread: chunk and tables
	return uint64(stateFloats(w))*8 + max(uint64(1)<<w/leafSize, 1)*8 + uint64(threads)*scratch
}

// RunDouble is Run in binary64. It takes over the memory of old, which may be nil.
func RunDouble(ctx context.Context, p *plan.Program, pl *plan.Plan, o Options, old *Double) (*Double, error) {
	if !pl.Fits(p) {
		return nil, fmt.Errorf("plan of width %d for a program of width %d: %w", pl.Width, p.Width, ErrPlan)
	}
	s := &Double{prog: p, plan: pl, leaf: min(1<<pl.Width, leafSize)}
	n := stateFloats(pl.Width)
	if old != nil {
		s.mem, s.cum, *old = old.mem, old.cum, Double{}
	}
	if cap(s.mem) < 2*n {
		release(s.mem)
		var err error
		if s.mem, err = allocate(2 * n); err != nil {
			return nil, err
		}
	}
	s.x = wide(s.mem[:2*n])
	k := o.Kernel
	if k == nil {
		k = kernel.Best()
	}
	r := &doubleRun{ctx: ctx, s: s}
	if p.Mixed {
		r.scales = doubleScales(p, pl)
	}
	for range threads(o.Threads) {
		r.workers = append(r.workers, newDoubleWorker(k))
	}
	if r.run(o.Progress); ctx.Err() != nil {
		s.Close()
		return nil, ctx.Err()
	}
	return s, nil
}

// wide and narrow look at the same memory as numbers of the other size.
func wide(x []float32) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(&x[0])), len(x)/2)
}

func narrow(x []float64) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(&x[0])), 2*len(x))
}

// doubleRun walks through the subs of a plan, each a pass over the state.
type doubleRun struct {
	ctx     context.Context
	s       *Double
	workers []*doubleWorker
	scales  []float64
	steps   []doubleStep
}

func (r *doubleRun) run(progress func(done, total int)) {
	s, total, first := r.s, 0, 0
	for i := range s.plan.Passes {
		total += len(s.plan.Passes[i].Subs)
	}
	st := &start{}
	st.set(s.prog, s.plan)
	r.each(1<<max(s.plan.Width-plan.ChunkMax, 0), func(w *doubleWorker, u int) { w.fill(st, s.x, u) })
	done := 0
	for i := range s.plan.Passes {
		for j := range s.plan.Passes[i].Subs {
			sub := &s.plan.Passes[i].Subs[j]
			r.sub(sub, first)
			first += len(sub.Steps)
			if r.ctx.Err() != nil {
				return
			}
			if done++; progress != nil {
				progress(done, total)
			}
		}
	}
	r.weigh()
}

// sub makes the tables of a sub, then runs it on all chunks.
func (r *doubleRun) sub(sub *plan.Sub, first int) {
	for len(r.steps) < len(sub.Steps) {
		r.steps = append(r.steps, doubleStep{})
	}
	r.each(len(sub.Steps), func(w *doubleWorker, u int) {
		scale := 0.0
		if r.scales != nil {
			scale = r.scales[first+u]
		}
		w.build(&r.steps[u], r.s.prog, r.s.plan, sub.Local, &sub.Steps[u], scale)
	})
	outer := without(upTo(r.s.plan.Width), sub.Local)
	rows := rowsOf(sub.Local, func(index uint64) uint64 { return 2 * stateOffset(index) })
	steps := r.steps[:len(sub.Steps)]
	r.each(1<<len(outer), func(w *doubleWorker, u int) {
		base := deposit(uint64(u), outer)
		mem := r.s.x[stateOffset(base)/4:]
		if rows.whole() {
			w.sweep(steps, mem[:rows.size], base)
			return
		}
		x := w.chunk[:rows.size*len(rows.off)]
		w.kernel.Gather(narrow(x), narrow(mem), rows.off)
		w.sweep(steps, x, base)
		w.kernel.Scatter(narrow(x), narrow(mem), rows.off)
	})
}

// each runs f for units 0..n-1 on the workers, in any order, and waits; once ctx
// is done it leaves units out.
func (r *doubleRun) each(n int, f func(w *doubleWorker, u int)) {
	var next atomic.Int64
	loop := func(w *doubleWorker) {
		for u := int(next.Add(1)) - 1; u < n && r.ctx.Err() == nil; u = int(next.Add(1)) - 1 {
			f(w, u)
		}
	}
	var wg sync.WaitGroup
	for _, w := range r.workers[1:min(len(r.workers), max(n, 1))] {
		wg.Go(func() { loop(w) })
	}
	loop(r.workers[0])
	wg.Wait()
}

// Close gives the memory back. The state must not be used again.
func (s *Double) Close() {
	if s.mem != nil {
		release(s.mem)
		s.mem, s.x = nil, nil
	}
}

// Width is the number of qubits of the program.
func (s *Double) Width() int { return s.prog.Width }

// Stored returns the amplitude of a basis state but for the last diagonal and the
// phase.
func (s *Double) Stored(qubits uint64) (re, im float64) {
	index := s.plan.Index(qubits ^ s.prog.Frame)
	o := stateOffset(index)/4 + index&(kernel.Lanes-1)
	return s.x[o], s.x[o+kernel.Lanes]
}

// Amplitude returns the amplitude of a basis state with its phase.
func (s *Double) Amplitude(qubits uint64) (complex128, error) {
	x, y := s.Stored(qubits & (1<<s.prog.Width - 1))
	return finish(s.prog, qubits, x, y)
}

// doubleScales is scales for tangents in binary64.
func doubleScales(p *plan.Program, pl *plan.Plan) []float64 {
	var out []float64
	for i := range pl.Passes {
		for j := range pl.Passes[i].Subs {
			for _, st := range pl.Passes[i].Subs[j].Steps {
				n := 1.0
				for _, r := range st.Rots {
					t, _ := p.Rots[r.Q][r.K].Rest.TanCosHalf()
					n = float64(n * (1 + float64(t*t)))
				}
				out = append(out, 1/math.Sqrt(n))
			}
		}
	}
	return out
}
