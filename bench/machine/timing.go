package machine

import (
	"crypto/aes"
	"crypto/cipher"
	"runtime"
	"sync"
	"time"
)

// fastest runs make(i)() over and over on each of threads threads at once and
// returns the calls a second of one thread in the best round: the slowest thread
// decides a round.
func fastest(threads int, make func(i int) func()) float64 {
	best := 0.0
	var mu sync.Mutex
	for range rounds {
		rate := 0.0
		var wg sync.WaitGroup
		start := newGate(threads)
		for i := range threads {
			wg.Go(func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				call := make(i)
				call()
				start.wait()
				r := callRate(call)
				mu.Lock()
				defer mu.Unlock()
				if rate == 0 || r < rate {
					rate = r
				}
			})
		}
		wg.Wait()
		best = max(best, rate)
	}
	return best
}

// callRate is calls a second over at least roundTime.
func callRate(call func()) float64 {
	began, calls := time.Now(), 0
	for n := 1; ; n *= 2 {
		for range n {
			call()
		}
		calls += n
		if d := time.Since(began); d >= roundTime {
			return float64(calls) / d.Seconds()
		}
	}
}

// gate lets all through once all have come.
type gate struct{ wg sync.WaitGroup }

func newGate(n int) *gate {
	g := &gate{}
	g.wg.Add(n)
	return g
}

func (g *gate) wait() {
	g.wg.Done()
	g.wg.Wait()
}

const keyStreamBytes = 16 << 10

func keyStream(int) func() {
	b, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		return func() {} // not reached: the key has a valid length
	}
	s, buf := cipher.NewCTR(b, make([]byte, 16)), make([]byte, keyStreamBytes)
	return func() { s.XORKeyStream(buf, buf) }
}
