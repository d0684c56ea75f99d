package statevector

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// batchWidth is the widest circuit of which a Batch runs one per thread: each
// state, 512 KiB, stays in a core's second-level cache.
const batchWidth = 16

// Batch simulates many circuits: narrow ones at the same time, one per thread,
// others one after the other on all threads. Which one runs where changes no
// result. A Batch keeps its memory from one Each to the next. It is for one
// goroutine at a time.
type Batch struct {
	o      Options
	series []*Series
}

// NewBatch returns a Batch that runs with o. Its MemoryBytes are for all states
// together, its Progress is not called and its Reuse is taken over.
func NewBatch(o Options) *Batch {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	o.Progress = nil
	b := &Batch{o: o}
	b.o.Reuse = nil
	b.series = []*Series{NewSeries(o)}
	return b
}

// members is how many circuits of a width run at once.
func (b *Batch) members(n, width int) int {
	m := min(n, b.o.Threads)
	if width > batchWidth {
		m = 1
	}
	for m > 1 && Admit(width, b.o.Precision, b.o.MemoryBytes/uint64(m)) != nil {
		m--
	}
	return max(m, 1)
}

// Each calls do for 0, …, n-1, in no fixed order, from several goroutines at once
// where circuits of at most width qubits allow it. The series is the caller's
// until it returns. The first error by number that was met is returned; after an
// error no further calls are made.
func (b *Batch) Each(ctx context.Context, n, width int, do func(s *Series, i int) error) error {
	m := b.members(n, width)
	for len(b.series) < m {
		b.series = append(b.series, NewSeries(b.o))
	}
	for _, s := range b.series[:m] {
		s.o.Threads, s.o.MemoryBytes = b.o.Threads/m, b.o.MemoryBytes/uint64(m)
	}
	var next atomic.Int64
	var failed atomic.Bool
	errs := make([]error, m)
	first := make([]int, m) // of the errors: their number
	work := func(g int) {
		for i := int(next.Add(1)) - 1; i < n && !failed.Load(); i = int(next.Add(1)) - 1 {
			err := ctx.Err()
			if err == nil {
				err = do(b.series[g], i)
			}
			if err != nil {
				errs[g], first[g] = err, i
				failed.Store(true)
				return
			}
		}
	}
	var wg sync.WaitGroup
	for g := 1; g < m; g++ {
		wg.Go(func() { work(g) })
	}
	work(0)
	wg.Wait()
	var err error
	at := n
	for g, e := range errs {
		if e != nil && first[g] < at {
			err, at = e, first[g]
		}
	}
	return err
}

// Close gives the memory back.
func (b *Batch) Close() {
	for _, s := range b.series {
		s.Close()
	}
}
