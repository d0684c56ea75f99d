package statevector

import (
	"context"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// vector holds the stored amplitudes in two arrays.
type vector struct {
	width  int
	re, im []float64
	cum    []float64 // cum[b]: probability of all blocks up to and with b
}

// run advances a vector step by step.
type run struct {
	ctx     context.Context
	v       *vector
	sweeps  []sweep
	table   table
	workers []worker
}

// worker is the scratch of one goroutine.
type worker struct {
	re, im []float64 // a tile of 2^lowBits amplitudes
	tr, ti []float64 // the table of group 0 with signs
	mask   uint      // the signs of tr and ti, 0: none made for this step
}

func newRun(ctx context.Context, v *vector, threads int) *run {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	r := &run{ctx: ctx, v: v}
	for _, g := range groups(v.width) {
		r.sweeps = append(r.sweeps, sweep{group: g})
	}
	tile := 1 << min(v.width, lowBits)
	r.workers = make([]worker, min(threads, max(1, len(v.re)/tile)))
	for i := range r.workers {
		b := make([]float64, 4*tile)
		r.workers[i] = worker{re: b[:tile], im: b[tile : 2*tile], tr: b[2*tile : 3*tile], ti: b[3*tile:]}
	}
	return r
}

// each runs fn for all tasks. Which worker takes which task does not matter: no
// task reads what another writes.
func (r *run) each(tasks int, fn func(w *worker, task int)) error {
	if len(r.workers) == 1 || tasks == 1 {
		for t := range tasks {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			fn(&r.workers[0], t)
		}
		return nil
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range r.workers {
		wg.Go(func() {
			for t := int(next.Add(1)) - 1; t < tasks && r.ctx.Err() == nil; t = int(next.Add(1)) - 1 {
				fn(&r.workers[i], t)
			}
		})
	}
	wg.Wait()
	return r.ctx.Err()
}

// start writes R_0·D_0|0…0⟩; D_0 does nothing to |0…0⟩.
func (r *run) start(p *layers) error {
	low := min(p.width, lowBits)
	if len(p.steps) == 0 {
		clear(r.v.re)
		clear(r.v.im)
		r.v.re[0] = 1
		return nil
	}
	lo, hi := productTables(p.steps[0].rest, low)
	lowT := make([]float64, len(lo))
	for i, x := range lo {
		lowT[i] = float64(x)
	}
	return r.each(len(hi), func(_ *worker, t int) {
		re, im, h := r.v.re[t<<low:][:len(lowT)], r.v.im[t<<low:][:len(lowT)], float64(hi[t])
		for i, x := range lowT {
			re[i] = float64(x * h)
		}
		clear(im)
	})
}

// step does D_s and R_s, group after group.
func (r *run) step(st *step) error {
	for g := range r.sweeps {
		s := &r.sweeps[g]
		if s.prepare(st, &r.table); s.idle {
			continue
		}
		tasks, fn := r.lowTasks(s)
		if g > 0 {
			tasks, fn = r.highTasks(s)
		}
		if err := r.each(tasks, fn); err != nil {
			return err
		}
	}
	return nil
}

// lowTasks: group 0 is contiguous, a task is one run of it.
func (r *run) lowTasks(s *sweep) (int, func(*worker, int)) {
	size := 1 << s.bits
	for i := range r.workers {
		r.workers[i].mask = 0
	}
	return len(r.v.re) >> s.bits, func(w *worker, t int) {
		re, im := r.v.re[t*size:][:size], r.v.im[t*size:][:size]
		if len(s.re) > 0 {
			tr, ti := s.re, s.im
			if m := s.crossMask(t * size); m != 0 {
				w.sign(s, m)
				tr, ti = w.tr, w.ti
			}
			multiply(re, im, tr, ti)
		}
		rotate(re, 0, s.tan)
		rotate(im, 0, s.tan)
	}
}

// sign makes the table of group 0 with the signs of mask m, unless w has it.
func (w *worker) sign(s *sweep, m uint) {
	if w.mask == m {
		return
	}
	w.mask = m
	for i, x := range s.re {
		y := s.im[i]
		if bits.OnesCount(uint(i)&m)&1 == 1 {
			x, y = -x, -y
		}
		w.tr[i], w.ti[i] = x, y
	}
}

// highTasks: a task gathers all rows of a later group over 2^c neighbouring
// columns into scratch, where the group is contiguous, and puts them back.
func (r *run) highTasks(s *sweep) (int, func(*worker, int)) {
	c := min(s.lo, lowBits-s.bits)
	rows, cols := 1<<s.bits, 1<<c
	below := s.lo - c // bits of the task number that lie below the group
	return len(r.v.re) >> (s.bits + c), func(w *worker, t int) {
		base := t&(1<<below-1)<<c | t>>below<<(s.lo+s.bits)
		m := s.crossMask(base)
		re, im := w.re[:rows*cols], w.im[:rows*cols]
		for row := range rows {
			a, b := float64(1), float64(0)
			if len(s.re) > 0 {
				a, b = s.re[row], s.im[row]
			}
			if bits.OnesCount(uint(row)&m)&1 == 1 {
				a, b = -a, -b
			}
			at := base + row<<s.lo
			scaleInto(re[row<<c:][:cols], im[row<<c:][:cols], r.v.re[at:][:cols], r.v.im[at:][:cols], a, b)
		}
		rotate(re, c, s.tan)
		rotate(im, c, s.tan)
		for row := range rows {
			at := base + row<<s.lo
			copy(r.v.re[at:][:cols], re[row<<c:])
			copy(r.v.im[at:][:cols], im[row<<c:])
		}
	}
}
