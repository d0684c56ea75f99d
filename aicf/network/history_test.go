package network_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
)

// leaseOp is one operation on a job's lease, as its caller saw it.
type leaseOp struct {
	job   digest.Digest
	verb  string // offer, write (ack, renew), result
	fence uint64
}

// leaseState is what a job's lease is to every observer.
type leaseState struct {
	fence uint64
	done  bool
}

// leaseModel: an offer raises the fence by one; a write or a result succeeds only
// under the newest fence; nothing succeeds behind a result. Refused operations
// say nothing: time may have refused them.
var leaseModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		jobs := map[digest.Digest][]porcupine.Operation{}
		for _, o := range history {
			j := o.Input.(leaseOp).job
			jobs[j] = append(jobs[j], o)
		}
		var out [][]porcupine.Operation
		for _, h := range jobs {
			out = append(out, h)
		}
		return out
	},
	Init: func() any { return leaseState{} },
	Step: func(state, input, output any) (bool, any) {
		s, op, ok := state.(leaseState), input.(leaseOp), output.(bool)
		switch {
		case !ok:
			return true, s
		case op.verb == "offer":
			return !s.done && op.fence == s.fence+1, leaseState{fence: op.fence}
		case s.done || op.fence != s.fence:
			return false, s
		}
		return true, leaseState{s.fence, op.verb == "result"}
	},
}

// TestStaleWritesAreSeen: the checker is not blind.
func TestStaleWritesAreSeen(t *testing.T) {
	op := func(client int, verb string, fence uint64, call, ret int64) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: leaseOp{verb: verb, fence: fence}, Output: true, Call: call, Return: ret}
	}
	good := []porcupine.Operation{op(0, "offer", 1, 10, 20), op(0, "write", 1, 30, 40), op(1, "offer", 2, 50, 60), op(1, "result", 2, 70, 80)}
	require.True(t, porcupine.CheckOperations(leaseModel, good))
	for name, bad := range map[string]porcupine.Operation{
		"a former holder writes":  op(0, "write", 1, 61, 69),
		"two results":             op(0, "result", 2, 90, 99),
		"an offer behind the end": op(0, "offer", 3, 90, 99),
		"a fence twice":           op(0, "offer", 2, 90, 99),
	} {
		require.False(t, porcupine.CheckOperations(leaseModel, append(good[:len(good):len(good)], bad)), name)
	}
	require.True(t, porcupine.CheckOperations(leaseModel, append(good[:len(good):len(good)], op(0, "write", 1, 41, 69))), "it may have come before")
}

// TestLeasesAreLinearizable (promise P3): many holders, some of them paused until
// their lease is over, write to few jobs while time runs; the history of every
// job is one that a single fenced lease could have had.
func TestLeasesAreLinearizable(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) { linearizable(t, e, size(600, 5000, 100_000)) })
	}
}

func linearizable(t *testing.T, e onEngine, operations int) {
	w := newWorld(t, e.open(t), func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) {
			p.Network.OfferTTLMS, p.Network.LeaseTTLMS, p.Network.HeartbeatMS, p.Network.MaxAttempts = 400, 1000, 1e9, 1000
			p.Network.JobTTLMS, p.Network.RejudgePPM, p.Network.WindowJobs = 2e9, 1, 100_000
		})
	})
	network.Physics(w.Service, func(digest.Digest) string { return "good" })
	w.deposit(buyer, 1_000_000)
	const workers = 12
	ps := make([]*provider, workers)
	for i := range ps {
		ps[i] = w.provider(fmt.Sprint(i), 5000, 4)
	}
	var now, tick, jobs, done atomic.Int64
	now.Store(w.now)
	var mu sync.Mutex
	var history []porcupine.Operation
	// An open offer that is given again is no new operation.
	var given sync.Map
	first := func(o *aicf.Offer) bool {
		_, seen := given.LoadOrStore(o.LeaseID, true)
		return !seen
	}
	record := func(client int, in leaseOp, call int64, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{ClientId: client, Input: in, Output: ok, Call: call, Return: tick.Add(1)})
		done.Add(1)
	}
	as := func(p *provider) aicf.Call { return aicf.Call{NowMS: now.Load(), Account: p.id, Key: p.id} }
	var wg sync.WaitGroup
	for i, p := range ps {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for round := 0; done.Load() < int64(operations); round++ {
				now.Add(7)
				if jobs.Load() < done.Load()/4+4 { // few jobs for many workers
					n := int(jobs.Add(1))
					if _, err := w.Submit(ctx, aicf.Call{NowMS: now.Load(), Account: buyer, Key: buyer}, aicf.JobSubmission{Job: jobDocument(n, 0)}); err != nil && aicf.CodeOf(err) != aicf.ClockSkew {
						t.Error(err)
						return
					}
				}
				call := tick.Add(1)
				o, err := w.Next(ctx, as(p), p.id)
				if aicf.CodeOf(err) == aicf.ClockSkew { // another worker's clock ran ahead meanwhile
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if o == nil {
					w.Sweep(ctx, now.Add(50))
					continue
				}
				record(i, leaseOp{o.JobID, "offer", o.Fence}, call, first(o))
				lease := aicf.LeaseRef{LeaseID: o.LeaseID, Fence: &o.Fence}
				call = tick.Add(1)
				a, err := w.Ack(ctx, as(p), aicf.AckRequest{LeaseRef: lease})
				record(i, leaseOp{o.JobID, "write", o.Fence}, call, err == nil)
				if err != nil {
					continue
				}
				if (round+i)%10 == 0 { // paused for longer than the lease: others go on
					w.Sweep(ctx, now.Add(1100))
				}
				call = tick.Add(1)
				_, err = w.Renew(ctx, as(p), aicf.RenewRequest{LeaseRef: lease})
				record(i, leaseOp{o.JobID, "write", o.Fence}, call, err == nil)
				if (round+i)%7 == 0 {
					continue // walks away
				}
				proof, _ := p.envelope(t, a.Lease, 1)
				call = tick.Add(1)
				_, err = w.Result(ctx, as(p), aicf.ResultRequest{LeaseRef: lease, Proof: proof})
				record(i, leaseOp{o.JobID, "result", o.Fence}, call, err == nil)
			}
		}()
	}
	wg.Wait()
	require.True(t, porcupine.CheckOperations(leaseModel, history), "%d operations", len(history))
	w.now = now.Load()
}
