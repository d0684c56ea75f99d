package network_test

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/store"
)

// load is what became of calls that were offered.
type load struct {
	accepted []time.Duration
	refused  map[int]int // by status
	badly    []string    // refusals that do not say when to come back, and other answers
}

func (l *load) p99() time.Duration {
	slices.Sort(l.accepted)
	return l.accepted[len(l.accepted)*99/100]
}

// offer makes calls at a rate, whatever the answers, for a time.
func (s *served) offer(perSecond int, d time.Duration) *load {
	out := &load{refused: map[int]int{}}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2000}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var wg sync.WaitGroup
	begun := time.Now()
	for n := 0; ; n++ {
		due := begun.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
		if due.Sub(begun) >= d {
			break
		}
		time.Sleep(time.Until(due))
		wg.Add(1)
		go func() {
			defer wg.Done()
			sent := time.Now()
			r, err := s.post(client, "/aicf/faucet", map[string]any{"account": buyer, "amount": 1})
			took := time.Since(sent)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				out.badly = append(out.badly, err.Error())
			case r.StatusCode == http.StatusOK:
				out.accepted = append(out.accepted, took)
			case r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusServiceUnavailable:
				out.refused[r.StatusCode]++
				if after, err := strconv.Atoi(r.Header.Get("Retry-After")); err != nil || after < 1 {
					out.badly = append(out.badly, "Retry-After: "+r.Header.Get("Retry-After"))
				}
			default:
				out.badly = append(out.badly, r.Status)
			}
		}()
	}
	wg.Wait()
	return out
}

// TestOverload (promise P12): ten times the calls that the service admits, in one
// caller's budget and over all callers. What is admitted is answered as fast as
// before, the rest is told when to come back, and the memory does not grow.
func TestOverload(t *testing.T) {
	d := time.Duration(size(1, 15, 600)) * time.Second
	const perSecond = 100
	// In seconds the database's page caches, 64 MiB at most, still fill with what is
	// written; in ten minutes they are full.
	filling := size(0, 32<<20, 0)
	for _, c := range []struct {
		name   string
		status int
		edit   func(*httpapi.Config)
	}{
		{"one caller's budget", http.StatusTooManyRequests, func(c *httpapi.Config) { c.Rate = perSecond }},
		{"calls at once", http.StatusServiceUnavailable, func(c *httpapi.Config) { c.Concurrent = 2 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "network.db"), store.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			s := serve(t, db, c.edit)
			s.offer(perSecond, time.Second) // caches and connections
			one := s.offer(perSecond, d/3)
			s.offer(10*perSecond, d/10)
			debug.FreeOSMemory()
			before := measure(t)
			ten := s.offer(10*perSecond, d*2/3)
			debug.FreeOSMemory()
			after := measure(t)
			require.Empty(t, one.badly)
			require.Empty(t, ten.badly)
			require.NotEmpty(t, ten.accepted)
			t.Logf("%d calls a second: %d accepted, p99 %v; %d a second: %d accepted, p99 %v, %d refused with %d and Retry-After; RSS %d → %d MiB",
				perSecond, len(one.accepted), one.p99().Round(time.Microsecond), 10*perSecond, len(ten.accepted), ten.p99().Round(time.Microsecond), ten.refused[c.status], c.status, before.rss>>20, after.rss>>20)
			require.Positive(t, ten.refused[c.status])
			if os.Getenv("TORTURE_SIZE") != "" {
				require.LessOrEqual(t, ten.p99(), 2*one.p99()+time.Millisecond)
				require.Less(t, float64(after.rss), 1.2*float64(before.rss)+float64(filling))
				require.Less(t, float64(after.heap), 1.2*float64(before.heap), "what lives in the heap, without the caches")
			}
		})
	}
}
