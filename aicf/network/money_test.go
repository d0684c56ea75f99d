package network_test

import (
	"context"
	"errors"

	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/beacon"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// flaky is a payer whose answers get lost: after the payment, before it, or not.
type flaky struct {
	paid  map[digest.Digest]int
	calls int
	deny  bool
	blind bool // cannot tell what became of a payment
}

func (f *flaky) Pay(_ context.Context, id, _ digest.Digest, _ aicf.Amount) error {
	if f.deny {
		return network.ErrPayerRefused
	}
	f.calls++
	switch f.calls % 3 {
	case 0: // the answer is lost
		f.paid[id] = 1
		return errors.New("timeout")
	case 1: // the order is lost
		return errors.New("timeout")
	}
	f.paid[id] = 1 // idempotent by id
	return nil
}

func (f *flaky) Paid(_ context.Context, id digest.Digest) (paid, known bool, err error) {
	if f.blind {
		return false, false, nil
	}
	return f.paid[id] > 0, true, nil
}

// TestPayoutsThroughAnUnreliablePayer (promise P6): every claim is paid once or
// listed as unknown.
func TestPayoutsThroughAnUnreliablePayer(t *testing.T) {
	payer := &flaky{paid: map[digest.Digest]int{}}
	each(t, func(c *network.Config) {
		payer.paid, payer.calls = map[digest.Digest]int{}, 0
		c.Payer = payer
		c.Policy = testPolicy(t, func(p *aicf.Policy) { p.Epochs.LengthBlocks = 1; p.Network.RejudgePPM = 1 })
	}, func(w *world) {
		network.Physics(w.Service, func(digest.Digest) string { return "good" })
		p := w.provider("one", 5000, 1)
		w.deposit(buyer, 100_000)
		claims := size(9, 500, 10_000)
		for n := range claims {
			w.submit(n, nil)
			a := w.lease(p)
			proof, _ := p.envelope(w, a.Lease, 1)
			_, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof})
			require.NoError(w, err)
			st, err := w.Status(ctx)
			require.NoError(w, err)
			w.rounds(1)
			pay, err := w.Claim(ctx, w.as(p.id), p.id, st.Epoch)
			require.NoError(w, err)
			require.Equal(w, aicf.PayoutPending, pay.State)
		}
		for range 6 + claims/100 {
			w.wait(31_000)
			w.beat(p, 1)
			_, err := w.Sweep(ctx, w.now)
			require.NoError(w, err)
		}
		require.NoError(w, w.cfg.Store.View(ctx, func(t *store.Tx) error {
			paid := 0
			err := store.Pairs(t, "SELECT id, state FROM payout", func(id digest.Digest, state string) error {
				paid++
				require.Equal(w, string(aicf.PayoutPaid), state)
				require.Equal(w, 1, payer.paid[id])
				return nil
			})
			require.Equal(w, claims, paid)
			return err
		}))
		require.Len(w, payer.paid, claims)
		w.Logf("%d claims, %d orders to a payer that loses one in three and the answer of another: each paid once", claims, payer.calls)
		require.Zero(w, w.balance(p.id).Pending)
	})
}

func TestAPayerThatRefusesOrForgets(t *testing.T) {
	payer := &flaky{}
	each(t, func(c *network.Config) {
		*payer = flaky{paid: map[digest.Digest]int{}, deny: true}
		c.Payer = payer
		c.Policy = testPolicy(t, func(p *aicf.Policy) {
			p.Epochs.LengthBlocks, p.Network.RejudgePPM, p.Network.ResolveAttempts = 1, 1, 3
		})
	}, func(w *world) {
		network.Physics(w.Service, func(digest.Digest) string { return "good" })
		p := w.provider("one", 5000, 1)
		w.deposit(buyer, 1000)
		earn := func(n int) *aicf.Payout {
			w.submit(n, nil)
			a := w.lease(p)
			proof, _ := p.envelope(w, a.Lease, 1)
			_, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof})
			require.NoError(w, err)
			st, err := w.Status(ctx)
			require.NoError(w, err)
			w.rounds(1)
			pay, err := w.Claim(ctx, w.as(p.id), p.id, st.Epoch)
			require.NoError(w, err)
			return pay
		}
		earn(1)
		_, err := w.Sweep(ctx, w.now)
		require.NoError(w, err)
		require.EqualValues(w, 2, w.balance(p.id).Available, "refused: the money stays the provider's")
		payer.deny, payer.blind = false, true
		earn(2)
		for range 5 {
			w.wait(31_000)
			w.beat(p, 1)
			_, err := w.Sweep(ctx, w.now)
			require.NoError(w, err)
		}
		list, err := w.Payouts(ctx, p.id, 10)
		require.NoError(w, err)
		require.Equal(w, []aicf.PayoutState{aicf.PayoutUnknown, aicf.PayoutFailed}, []aicf.PayoutState{list[0].State, list[1].State})
		require.EqualValues(w, 2, w.balance(p.id).Pending, "unknown: neither paid again nor given back")
		payer.blind = false
		w.wait(31_000)
		_, err = w.Sweep(ctx, w.now)
		require.NoError(w, err)
		list, err = w.Payouts(ctx, p.id, 10)
		require.NoError(w, err)
		require.NotEqual(w, aicf.PayoutUnknown, list[0].State, "the payer's word ends it")
	})
}

// TestSubsidiesWaitUnderTheCap: the fund pays in order up to the cap of an epoch;
// the rest is carried and paid later.
func TestSubsidiesWaitUnderTheCap(t *testing.T) {
	each(t, func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) {
			p.Network.Subsidy, p.Network.RejudgePPM = aicf.Nano/2, 1
			p.Epochs.FundCapAtomic, p.Epochs.LengthBlocks = 2, 1
		})
	}, func(w *world) {
		network.Physics(w.Service, func(digest.Digest) string { return "good" })
		p := w.provider("one", 5000, 1)
		w.deposit(buyer, 1000)
		w.deposit(network.FundAccount, 4)
		for n := range 5 { // 2 units each, a subsidy of 1
			w.submit(n, nil)
			a := w.lease(p)
			proof, _ := p.envelope(w, a.Lease, 1)
			_, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof})
			require.NoError(w, err)
		}
		w.rounds(3)
		list, err := w.Epochs(ctx, 10)
		require.NoError(w, err)
		var subsidies, carried []aicf.Amount
		for _, e := range list {
			if e.State == aicf.EpochSettled {
				subsidies, carried = append(subsidies, e.Subsidy), append(carried, e.CarriedBy)
			}
		}
		require.Equal(w, []aicf.Amount{0, 2, 2, 0}, subsidies, "newest first; the fund had four")
		require.Equal(w, []aicf.Amount{1, 1, 3, 0}, carried)
	})
}

// TestBeaconByCommitAndReveal: two providers make a round's value; who reveals
// nothing is slashed.
func TestBeaconByCommitAndReveal(t *testing.T) {
	each(t, nil, func(w *world) {
		p, q := w.provider("one", 6000, 1), w.provider("two", 6000, 1)
		st, err := w.Status(ctx)
		require.NoError(w, err)
		values := map[digest.Digest]digest.Digest{p.id: digest.Sum([]byte("a")), q.id: digest.Sum([]byte("b"))}
		for id, v := range values {
			c, err := beacon.Commitment(1337, st.Round+1, id, v)
			require.NoError(w, err)
			require.NoError(w, w.CommitBeacon(ctx, w.as(id), id, st.Round+1, c))
			require.NoError(w, w.CommitBeacon(ctx, w.as(id), id, st.Round+1, c), "again")
			require.Equal(w, aicf.Conflict, code(w.CommitBeacon(ctx, w.as(id), id, st.Round+1, digest.Sum([]byte("x")))))
			require.Equal(w, aicf.Conflict, code(w.RevealBeacon(ctx, w.as(id), id, st.Round+1, v)), "too early")
		}
		w.rounds(1)
		require.Equal(w, aicf.ProofError, code(w.RevealBeacon(ctx, w.as(p.id), p.id, st.Round+1, values[q.id])))
		require.NoError(w, w.RevealBeacon(ctx, w.as(p.id), p.id, st.Round+1, values[p.id]))
		w.rounds(1)
		r, err := w.Round(ctx, st.Round+1)
		require.NoError(w, err)
		require.False(w, r.Dev)
		require.EqualValues(w, []uint64{2, 1, 1}, []uint64{r.Commits, r.Reveals, r.Withheld})
		before, err := w.Round(ctx, st.Round)
		require.NoError(w, err)
		require.True(w, before.Dev)
		v, err := beacon.Value(1337, st.Round+1, digest.Digest(before.Value), r.Proof)
		require.NoError(w, err)
		require.Equal(w, v[:], r.Value, "anybody recomputes it")
		held := w.slashes(aicf.SlashHeld)
		require.Len(w, held, 1)
		require.Equal(w, []any{q.id, aicf.ReasonBeacon}, []any{held[0].ProviderID, held[0].Reason})
	})
}

func TestKeysRotateWithOverlap(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		k, err := w.Key(ctx, p.op.KeyID(), w.now)
		require.NoError(w, err)
		require.Equal(w, []any{p.id, "operational"}, []any{k.Account, k.Role})
		_, err = w.Register(ctx, w.as(p.id), p.newBundle(w, uint64(w.now/1000)-1, nil, nil))
		require.Equal(w, aicf.Conflict, code(err), "an older bundle")
		old := p.op.KeyID()
		fresh := newProvider(w, "one", uint64(w.now/1000)+1)
		fresh.op = key(w, "operational", "one, rotated")
		fresh.rotate(w, 2, uint64(w.now/1000)+1)
		r, err := w.Register(ctx, w.as(p.id), fresh.bundle)
		require.NoError(w, err)
		require.False(w, r.New)
		_, err = w.Key(ctx, old, w.now+24*3600*1000-1)
		require.NoError(w, err, "the overlap")
		_, err = w.Key(ctx, old, w.now+24*3600*1000)
		require.Equal(w, aicf.Forbidden, code(err))
		_, err = w.Key(ctx, fresh.op.KeyID(), w.now)
		require.NoError(w, err)
		p.bundle = p.newBundle(w, uint64(w.now/1000)+2, nil, nil)
		_, err = w.Register(ctx, w.as(p.id), p.bundle)
		require.Equal(w, aicf.AttestationError, code(err), "a replaced key does not come back")
	})
}

func TestAPolicyWaitsForItsEpoch(t *testing.T) {
	each(t, nil, func(w *world) {
		next := testPolicy(w, func(p *aicf.Policy) { p.Activation.Epoch = 2; p.Economics.Pricing.Quantum.BasePerUnit = 10 })
		cfg := w.cfg
		cfg.Policy = next
		s, err := network.New(ctx, cfg, w.now)
		require.NoError(w, err)
		_, waiting, _, err := s.Policy(ctx)
		require.NoError(w, err)
		require.NotNil(w, waiting)
		w.deposit(buyer, 1000)
		price := func(n int) aicf.Amount {
			out, err := w.Submit(ctx, w.as(buyer), aicf.JobSubmission{Job: jobDocument(n, 0)})
			require.NoError(w, err)
			return out.Escrow
		}
		require.EqualValues(w, 2, price(1))
		w.rounds(6)
		require.EqualValues(w, 2, price(2), "epoch 1")
		w.rounds(1)
		require.EqualValues(w, 20, price(3), "epoch 2")
		_, waiting, _, err = s.Policy(ctx)
		require.NoError(w, err)
		require.Nil(w, waiting)
	})
}
