package exec

import (
	"runtime"
	"sync/atomic"
)

// team runs tasks on all workers of a run. Its goroutines wait for the next task
// without sleeping: a pass over a narrow state takes less time than to wake one.
type team struct {
	workers []*worker
	now     atomic.Pointer[task]
}

// task is f for units 0..n-1; all fields but the counters stay as they are.
type task struct {
	n          int64
	f          func(w *worker, u int)
	next, done atomic.Int64
	last       bool // goroutines go home
}

// newTeam starts a goroutine per worker but the first, which is the caller's.
func newTeam(workers []*worker) *team {
	t := &team{workers: workers}
	first := &task{}
	t.now.Store(first)
	for _, w := range workers[1:] {
		go t.serve(w, first)
	}
	return t
}

// dismiss lets the goroutines end.
func (t *team) dismiss() { t.now.Store(&task{last: true}) }

func (t *team) serve(w *worker, seen *task) {
	for {
		now := t.now.Load()
		for i := 1; now == seen; i++ {
			if i%256 == 0 {
				runtime.Gosched()
			}
			now = t.now.Load()
		}
		if now.last {
			return
		}
		now.work(w)
		seen = now
	}
}

func (k *task) work(w *worker) {
	for u := k.next.Add(1) - 1; u < k.n; u = k.next.Add(1) - 1 {
		k.f(w, int(u))
		k.done.Add(1)
	}
}

// each runs f for units 0..n-1, in any order, and returns when all are done. A
// goroutine that comes late finds nothing to do.
func (t *team) each(n int, f func(w *worker, u int)) {
	if len(t.workers) == 1 || n <= 1 {
		for u := range n {
			f(t.workers[0], u)
		}
		return
	}
	k := &task{n: int64(n), f: f}
	t.now.Store(k)
	k.work(t.workers[0])
	for i := 1; k.done.Load() < k.n; i++ {
		if i%256 == 0 {
			runtime.Gosched()
		}
	}
}
