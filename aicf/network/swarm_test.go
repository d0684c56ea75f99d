package network_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// swarm are clients that run jobs through replicas which fail them: a call that
// is not answered is made again, with its idempotency key, at any replica.
type swarm struct {
	testing.TB
	replicas []*network.Service
	patience time.Duration // with a call, before it is made elsewhere
	label    string        // of the calls' idempotency keys

	now     atomic.Int64
	stop    atomic.Bool
	next    atomic.Int64 // job
	calls   atomic.Int64
	failed  atomic.Int64 // calls that failed for the storage
	unknown atomic.Int64 // of these, commits without an answer
	silent  atomic.Int64 // calls that ran out of patience
	mu      sync.Mutex
	told    map[int]*told
}

// swarmConfig is what every replica has.
func swarmConfig(t testing.TB, db *store.DB, label string) network.Config {
	cfg := childConfig(t)
	cfg.Store, cfg.Entropy = db, entropy(label)
	return cfg
}

func newSwarm(t testing.TB, dbs ...*store.DB) *swarm {
	s := &swarm{TB: t, patience: 2 * time.Second, told: map[int]*told{}}
	s.now.Store(start)
	s.replicas = make([]*network.Service, len(dbs))
	for i, db := range dbs {
		s.replace(i, db)
	}
	return s
}

func (s *swarm) replica(i int) *network.Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replicas[i]
}

// replace starts a replica anew.
func (s *swarm) replace(i int, db *store.DB) {
	n, err := network.New(ctx, swarmConfig(s, db, fmt.Sprint("replica ", i, " from ", s.now.Load())), s.now.Load())
	require.NoError(s, err)
	network.Physics(n, func(digest.Digest) string { return "good" })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replicas[i] = n
}

// ask makes a call until it is answered; nil when the answer is a refusal.
func ask[T any](s *swarm, rnd *rand.Rand, what string, c aicf.Call, call func(*network.Service, aicf.Call) (*T, error)) *T {
	type got struct {
		v   *T
		err error
	}
	for {
		n := s.replica(rnd.IntN(len(s.replicas)))
		ch := make(chan got, 1)
		s.calls.Add(1)
		c := c
		c.NowMS = s.now.Add(1)
		go func() {
			v, err := call(n, c)
			ch <- got{v, err}
		}()
		patience := time.NewTimer(s.patience)
		select {
		case g := <-ch:
			patience.Stop()
			switch aicf.CodeOf(g.err) {
			case aicf.StorageFailed, aicf.Overloaded, aicf.ClockSkew:
				s.failed.Add(1)
				if aicf.CodeOf(g.err) == aicf.StorageFailed && hinted(g.err) {
					s.unknown.Add(1)
				}
				time.Sleep(time.Millisecond)
				continue
			case aicf.LeaseExpired: // time went on meanwhile
				return nil
			}
			if g.err != nil {
				s.Errorf("%s: %v", what, g.err)
				return nil
			}
			return g.v
		case <-patience.C:
			s.silent.Add(1)
		}
	}
}

// client runs jobs until the swarm stops. As many are submitted as are run.
func (s *swarm) client(i int) {
	rnd := rand.New(rand.NewPCG(tortureSeed(s), uint64(i)))
	p := newProvider(s, fmt.Sprint(i), start/1000)
	bare, n := aicf.Call{Account: p.id, Key: p.id}, 0
	keyed := func() aicf.Call {
		n++
		c := bare
		c.IdempotencyKey, c.RequestSHA3 = fmt.Sprint(s.label, i, " call ", n), digest.Sum(fmt.Append(nil, n))
		return c
	}
	treasury := keys.KeyID(key(s, keys.Service, "treasury").Public())
	ask(s, rnd, "register", keyed(), func(x *network.Service, c aicf.Call) (*aicf.Registration, error) {
		return x.Register(ctx, c, p.bundle)
	})
	ask(s, rnd, "deposit", aicf.Call{Account: treasury, Key: treasury}, func(x *network.Service, c aicf.Call) (*aicf.Balance, error) {
		return x.Deposit(ctx, c, p.id, 1_000_000_000, "for "+p.id.String())
	})
	ask(s, rnd, "stake", keyed(), func(x *network.Service, c aicf.Call) (*aicf.StakeChange, error) { return x.Stake(ctx, c, p.id, 5000) })
	ask(s, rnd, "heartbeat", bare, func(x *network.Service, c aicf.Call) (*aicf.HeartbeatAnswer, error) {
		return x.Heartbeat(ctx, c, aicf.Heartbeat{ProviderID: p.id, Capacity: 4, Seq: 1})
	})
	for !s.stop.Load() && !s.Failed() {
		number := int(s.next.Add(1))
		a := s.job(rnd, p, number, bare, keyed)
		if a == nil {
			return
		}
		s.mu.Lock()
		s.told[number] = a
		s.mu.Unlock()
	}
}

// job submits one job and runs one; nil when the test failed.
func (s *swarm) job(rnd *rand.Rand, p *provider, number int, bare aicf.Call, keyed func() aicf.Call) *told {
	a := &told{}
	a.submitted = ask(s, rnd, "submit", keyed(), func(x *network.Service, c aicf.Call) (*aicf.Submitted, error) {
		return x.Submit(ctx, c, aicf.JobSubmission{Job: jobDocument(number, 0)})
	})
	var ref aicf.LeaseRef
	for a.acked == nil {
		o := s.offer(rnd, p, bare)
		if o == nil {
			return nil
		}
		ref = aicf.LeaseRef{LeaseID: o.LeaseID, Fence: &o.Fence}
		a.acked = ask(s, rnd, "ack", keyed(), func(x *network.Service, c aicf.Call) (*aicf.Acked, error) {
			return x.Ack(ctx, c, aicf.AckRequest{LeaseRef: ref})
		})
	}
	proof, _ := p.envelope(s, a.acked.Lease, 1)
	for a.outcome == nil || a.outcome.Status == aicf.LeaseVerifying {
		a.outcome = ask(s, rnd, "result", bare, func(x *network.Service, c aicf.Call) (*aicf.ResultOutcome, error) {
			return x.Result(ctx, c, aicf.ResultRequest{LeaseRef: ref, Proof: proof})
		})
		if a.outcome == nil {
			return nil
		}
	}
	return a
}

// offer waits for work. An offer that went to a client which had given the call
// up holds a job until it lapses: who waits long lets time go on.
func (s *swarm) offer(rnd *rand.Rand, p *provider, bare aicf.Call) *aicf.Offer {
	for tries := 1; !s.Failed(); tries++ {
		o := ask(s, rnd, "next", bare, func(x *network.Service, c aicf.Call) (*aicf.Offer, error) { return x.Next(ctx, c, p.id) })
		if o != nil {
			return o
		}
		if tries%20 == 0 {
			s.now.Add(500)
			ask(s, rnd, "sweep", bare, func(x *network.Service, c aicf.Call) (*network.Swept, error) {
				w, err := x.Sweep(ctx, c.NowMS)
				return &w, err
			})
		}
	}
	return nil
}

// run lets clients work while chaos goes on, for a time.
func (s *swarm) run(clients int, d time.Duration, chaos func(done <-chan struct{})) {
	var wg sync.WaitGroup
	for i := range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			s.client(i)
		}()
	}
	done := make(chan struct{})
	var broken sync.WaitGroup
	broken.Add(1)
	go func() {
		defer broken.Done()
		chaos(done)
	}()
	time.Sleep(d)
	close(done)
	broken.Wait()
	s.stop.Store(true)
	wg.Wait()
	for _, n := range s.replicas {
		require.NoError(s, n.Close())
	}
}

func hinted(err error) bool {
	f := faultOf(err)
	return f != nil && f.Hint != ""
}
