package network_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
)

// TestResultsCountOnce (promise P4): every result is sent one to five times, in
// any order and at once, by the holder and by one that held the job before; each
// job accrues once, and all answers to one result are the same.
func TestResultsCountOnce(t *testing.T) {
	jobs := size(30, 1000, 10_000)
	each(t, func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) {
			p.Network.RejudgePPM, p.Network.HeartbeatMS, p.Network.WindowJobs, p.Network.MaxAttempts = 1, 1e9, 100_000, 100
			p.Network.LeaseTTLMS, p.Network.JobTTLMS, p.Epochs.LengthBlocks = 10_000, 2e9, 1000
		})
	}, func(w *world) {
		network.Physics(w.Service, func(digest.Digest) string { return "good" })
		old, holder := w.provider("old", 5000, 8), w.provider("holder", 5000, 8)
		w.deposit(buyer, aicf.Amount(jobs)*10)
		rnd := rand.New(rand.NewPCG(tortureSeed(w), 4))
		type send struct {
			p     *provider
			lease aicf.LeaseRef
			proof []byte
			good  bool
		}
		accrued, stale := aicf.Amount(0), 0
		for first := 0; first < jobs; first += 8 {
			var sends []send
			for n := first; n < min(first+8, jobs); n++ {
				w.submit(n, nil)
				if n == first { // the first holder is too late
					a := w.lease(old)
					proof, _ := old.envelope(w, a.Lease, 1)
					for range 1 + rnd.IntN(3) {
						sends = append(sends, send{old, ref(a), proof, false})
					}
					w.wait(60_000)
					_, err := w.Sweep(ctx, w.now)
					require.NoError(w, err)
					w.wait(60_000) // the delay of the next attempt
					_, err = w.Sweep(ctx, w.now)
					require.NoError(w, err)
				}
				a := w.lease(holder)
				proof, _ := holder.envelope(w, a.Lease, 1)
				for range 1 + rnd.IntN(5) {
					sends = append(sends, send{holder, ref(a), proof, true})
				}
			}
			rnd.Shuffle(len(sends), func(i, j int) { sends[i], sends[j] = sends[j], sends[i] })
			var mu sync.Mutex
			outcomes := map[digest.Digest]*aicf.ResultOutcome{}
			var wg sync.WaitGroup
			for _, s := range sends {
				wg.Add(1)
				go func() {
					defer wg.Done()
					out, err := w.Result(ctx, w.as(s.p.id), aicf.ResultRequest{LeaseRef: s.lease, Proof: s.proof})
					mu.Lock()
					defer mu.Unlock()
					if !s.good {
						stale++
						if c := aicf.CodeOf(err); c != aicf.LeaseExpired && c != aicf.LeaseFenced {
							w.Errorf("a late result: %v", err)
						}
						return
					}
					if err != nil {
						w.Error(err)
						return
					}
					if seen := outcomes[out.LeaseID]; seen != nil && fmt.Sprint(*seen) != fmt.Sprint(*out) {
						w.Errorf("two outcomes of one result: %v, %v", *seen, *out)
					}
					outcomes[out.LeaseID] = out
				}()
			}
			wg.Wait()
			for _, o := range outcomes {
				require.Equal(w, aicf.LeaseCompleted, o.Status)
				accrued += o.Accrued
			}
		}
		require.EqualValues(w, 2*jobs, accrued)
		require.EqualValues(w, 2*jobs, w.balance(holder.id).Accrued)
		require.Zero(w, w.balance(old.id).Accrued)
		w.Logf("%d jobs, %d late results refused, %d accrued: each job once", jobs, stale, accrued)
	})
}
