package network_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
)

func ref(a *aicf.Acked) aicf.LeaseRef {
	return aicf.LeaseRef{LeaseID: a.Lease.LeaseID, Fence: &a.Lease.Fence}
}

func code(err error) aicf.Code { return aicf.CodeOf(err) }

// TestALapsedLeaseIsNeverRevived lets a lease expire and then tries every verb
// of its former holder, before and after the job has another.
func TestALapsedLeaseIsNeverRevived(t *testing.T) {
	each(t, nil, func(w *world) {
		p, q := w.provider("one", 6000, 1), w.provider("two", 5000, 1)
		w.deposit(buyer, 100)
		id := w.submit(1, nil)
		a := w.lease(p)
		proof, tar := p.prove(w, a.Lease, cheat{})
		late := func(want aicf.Code) {
			_, err := w.Renew(ctx, w.as(p.id), aicf.RenewRequest{LeaseRef: ref(a)})
			require.Equal(w, want, code(err))
			_, err = w.Release(ctx, w.as(p.id), aicf.ReleaseRequest{LeaseRef: ref(a)})
			require.Equal(w, want, code(err))
			_, err = w.handBytes(p, a, proof, tar)
			require.Equal(w, want, code(err))
			_, err = w.Ack(ctx, w.as(p.id), aicf.AckRequest{LeaseRef: ref(a)})
			require.Equal(w, want, code(err))
		}
		w.wait(60_000)
		late(aicf.LeaseExpired) // before any sweep: time alone decides
		_, err := w.Sweep(ctx, w.now)
		require.NoError(w, err)
		late(aicf.LeaseExpired)
		j, err := w.Job(ctx, id)
		require.NoError(w, err)
		require.Equal(w, aicf.Queued, j.State)
		o, err := w.Next(ctx, w.as(q.id), q.id)
		require.NoError(w, err)
		require.Nil(w, o, "the retry waits its delay")
		w.wait(3000)
		w.beat(q, 1)
		_, err = w.Sweep(ctx, w.now)
		require.NoError(w, err)
		b := w.lease(q)
		require.EqualValues(w, 2, b.Lease.Fence)
		late(aicf.LeaseExpired)
		out, err := w.hand(q, b, cheat{})
		require.NoError(w, err)
		require.Equal(w, aicf.LeaseCompleted, out.Status)
		late(aicf.LeaseExpired)
	})
}

func TestFenceAndHolderAreCompared(t *testing.T) {
	each(t, nil, func(w *world) {
		p, q := w.provider("one", 6000, 1), w.provider("two", 5000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		a := w.lease(p)
		other := a.Lease.Fence + 1
		_, err := w.Renew(ctx, w.as(p.id), aicf.RenewRequest{LeaseRef: aicf.LeaseRef{LeaseID: a.Lease.LeaseID, Fence: &other}})
		require.Equal(w, aicf.LeaseFenced, code(err))
		_, err = w.Renew(ctx, w.as(q.id), aicf.RenewRequest{LeaseRef: ref(a)})
		require.Equal(w, aicf.Forbidden, code(err))
		_, err = w.Renew(ctx, aicf.Call{NowMS: w.now}, aicf.RenewRequest{LeaseRef: ref(a)})
		require.Equal(w, aicf.Unauthorized, code(err))
		r, err := w.Renew(ctx, w.as(p.id), aicf.RenewRequest{LeaseRef: aicf.LeaseRef{LeaseID: a.Lease.LeaseID}})
		require.NoError(w, err, "fence absent means the lease's")
		require.EqualValues(w, 1, r.Renewals)
	})
}

func TestRenewalsEndAtTheDeadline(t *testing.T) {
	each(t, func(c *network.Config) { c.Policy = testPolicy(t, func(p *aicf.Policy) { p.Network.MaxRenewals = 2 }) }, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		a := w.lease(p)
		require.Equal(w, w.now+3*60_000, a.DeadlineMS)
		for range 2 {
			w.wait(59_000)
			_, err := w.Renew(ctx, w.as(p.id), aicf.RenewRequest{LeaseRef: ref(a)})
			require.NoError(w, err)
		}
		_, err := w.Renew(ctx, w.as(p.id), aicf.RenewRequest{LeaseRef: ref(a)})
		require.Equal(w, aicf.LimitExceeded, code(err))
	})
}

func TestAReleasedJobGoesOn(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		id := w.submit(1, nil)
		o, err := w.Next(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		_, err = w.Release(ctx, w.as(p.id), aicf.ReleaseRequest{LeaseRef: aicf.LeaseRef{LeaseID: o.LeaseID}, Reason: "too wide"})
		require.NoError(w, err)
		_, err = w.Release(ctx, w.as(p.id), aicf.ReleaseRequest{LeaseRef: aicf.LeaseRef{LeaseID: o.LeaseID}, Reason: "too wide"})
		require.NoError(w, err, "released again")
		a := w.lease(p) // an offer given back costs no delay
		require.EqualValues(w, 2, a.Lease.Fence)
		for try := 0; ; try++ {
			_, err = w.Release(ctx, w.as(p.id), aicf.ReleaseRequest{LeaseRef: ref(a)})
			require.NoError(w, err)
			if try == 5 {
				break
			}
			w.wait(30_000)
			w.beat(p, 1)
			_, err = w.Sweep(ctx, w.now)
			require.NoError(w, err)
			a = w.lease(p)
		}
		j, err := w.Job(ctx, id)
		require.NoError(w, err)
		require.Equal(w, aicf.Failed, j.State, "six attempts are all")
		b, err := w.Balance(ctx, buyer)
		require.NoError(w, err)
		require.EqualValues(w, 100, b.Available, "refunded")
	})
}

func TestAnOfferLapses(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		o, err := w.Next(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		w.wait(5000)
		_, err = w.Ack(ctx, w.as(p.id), aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: o.LeaseID}})
		require.Equal(w, aicf.LeaseExpired, code(err))
		again, err := w.Next(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		require.NotEqual(w, o.LeaseID, again.LeaseID)
		require.EqualValues(w, 2, again.Fence)
	})
}

func TestEveryFilterHasItsReason(t *testing.T) {
	each(t, nil, func(w *world) {
		reason := func(p *provider, want string) {
			w.Helper()
			o, err := w.Next(ctx, w.as(p.id), p.id)
			require.NoError(w, err)
			require.Nil(w, o)
			v, err := w.Provider(ctx, p.id)
			require.NoError(w, err)
			require.Equal(w, want, v.LastReason)
			e, err := w.Eligibility(ctx, p.id, w.now)
			require.NoError(w, err)
			require.NotEmpty(w, e.Reasons)
			for _, r := range e.Reasons {
				require.NotEmpty(w, r.Fix, r.Filter)
			}
		}
		w.deposit(buyer, 1000)
		p := newProvider(w, "one", uint64(w.now/1000))
		_, err := w.Register(ctx, w.as(p.id), p.bundle)
		require.NoError(w, err)
		reason(p, "stake")
		w.deposit(p.id, 6000)
		_, err = w.Stake(ctx, w.as(p.id), p.id, 6000)
		require.NoError(w, err)
		reason(p, "heartbeat")
		w.beat(p, 0)
		reason(p, "capacity")
		w.beat(p, 1)
		reason(p, "no_job")
		w.submit(1, func(s *aicf.JobSubmission) { s.Region = "mars" })
		reason(p, "job_region")
		w.submit(2, func(s *aicf.JobSubmission) { s.Algorithm = "annealing" })
		p.beats++
		_, err = w.Heartbeat(ctx, w.as(p.id), aicf.Heartbeat{ProviderID: p.id, Capacity: 1, Seq: p.beats, QoS: "draining"})
		require.NoError(w, err)
		reason(p, "draining")
		w.beat(p, 1)
		w.submit(3, func(s *aicf.JobSubmission) { s.Region = "eu"; s.Algorithm = "trap_h" })
		a := w.lease(p)
		reason(p, "capacity")
		_, err = w.hand(p, a, cheat{failTraps: true})
		require.NoError(w, err)
		w.wait(30_000)
		w.beat(p, 1)
		_, err = w.Sweep(ctx, w.now)
		require.NoError(w, err)
		reason(p, "job_excluded")
		_, err = w.Unstake(ctx, w.as(p.id), p.id, 5000)
		require.NoError(w, err)
		reason(p, "stake")
		for range 3 {
			w.wait(40_000)
			_, err = w.Sweep(ctx, w.now)
			require.NoError(w, err)
		}
		v, err := w.Provider(ctx, p.id)
		require.NoError(w, err)
		require.Equal(w, aicf.Registered, v.State)
	})
}

// TestTheRicherHealthierProviderIsFirst holds one pass against the rule: highest
// stake × health, ties by the beacon.
func TestTheRicherHealthierProviderIsFirst(t *testing.T) {
	each(t, nil, func(w *world) {
		poor, rich := w.provider("poor", 5000, 1), w.provider("rich", 50_000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		got := make(chan *aicf.Offer, 2)
		for _, p := range []*provider{poor, rich} {
			c := w.as(p.id)
			go func() {
				o, err := w.Next(ctx, c, p.id)
				if err != nil {
					t.Error(err)
				}
				got <- o
			}()
		}
		a, b := <-got, <-got
		require.True(w, (a == nil) != (b == nil), "one job, one offer")
	})
}

func TestIdempotencyAndReplay(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(p.id, 500)
		c := w.as(p.id)
		c.IdempotencyKey, c.RequestSHA3, c.Nonce, c.NonceUntilMS = "k", digest.Sum([]byte("stake 100")), []byte("nonce 1"), w.now+60_000
		first, err := w.Stake(ctx, c, p.id, 100)
		require.NoError(w, err)
		again, err := w.Stake(ctx, c, p.id, 100)
		require.NoError(w, err)
		require.Equal(w, first, again)
		c.RequestSHA3 = digest.Sum([]byte("stake 200"))
		_, err = w.Stake(ctx, c, p.id, 200)
		require.Equal(w, aicf.IdempotencyReused, code(err))
		c.IdempotencyKey = ""
		_, err = w.Stake(ctx, c, p.id, 100)
		require.Equal(w, aicf.ReplayDetected, code(err))
		c.Nonce = []byte("nonce 2")
		_, err = w.Stake(ctx, c, p.id, 1000)
		require.Equal(w, aicf.InsufficientStake, code(err))
		more, err := w.Stake(ctx, c, p.id, 100)
		require.NoError(w, err, "a refused call leaves no trace, not even its nonce")
		require.EqualValues(w, 6200, more.Staked)
	})
}
