package sim

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// parallel calls fn(worker, task) for all tasks on up to threads goroutines
// (0: one per CPU) and returns the first error by task number, or ctx's.
func parallel(ctx context.Context, threads, tasks int, fn func(worker, task int) error) error {
	if threads = min(workers(threads), tasks); threads <= 1 {
		for t := range tasks {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(0, t); err != nil {
				return err
			}
		}
		return nil
	}
	var next atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	first, firstErr := tasks, error(nil)
	for w := range threads {
		wg.Go(func() {
			for t := int(next.Add(1)) - 1; t < tasks && ctx.Err() == nil; t = int(next.Add(1)) - 1 {
				if err := fn(w, t); err != nil {
					mu.Lock()
					if t < first {
						first, firstErr = t, err
					}
					mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return firstErr
}

func workers(threads int) int {
	if threads <= 0 {
		return runtime.GOMAXPROCS(0)
	}
	return threads
}
