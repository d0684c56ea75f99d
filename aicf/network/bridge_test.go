package network_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
)

// TestAResultIsTakenOnce: not before the end, by its requester alone, and once.
func TestAResultIsTakenOnce(t *testing.T) {
	each(t, nil, func(w *world) {
		w.deposit(buyer, 100)
		id := w.submit(1, nil)
		_, err := w.TakeResult(ctx, w.as(buyer), id)
		require.Equal(w, aicf.NoResultYet, aicf.CodeOf(err))
		_, err = w.Cancel(ctx, w.as(buyer), id)
		require.NoError(w, err)
		_, err = w.TakeResult(ctx, w.as(digest.Sum([]byte("a stranger"))), id)
		require.Equal(w, aicf.Forbidden, aicf.CodeOf(err))
		call := w.as(buyer)
		call.IdempotencyKey, call.RequestSHA3 = "take", digest.Sum([]byte("take"))
		j, err := w.TakeResult(ctx, call, id)
		require.NoError(w, err)
		require.Equal(w, aicf.Cancelled, j.State)
		again, err := w.TakeResult(ctx, call, id)
		require.NoError(w, err)
		require.Equal(w, j, again, "the same call has the same answer")
		w.rounds(1) // what is kept for a time is swept
		_, err = w.TakeResult(ctx, w.as(buyer), id)
		require.Equal(w, aicf.Conflict, aicf.CodeOf(err))
	})
}

// TestClaimUpto: every settled epoch that is not claimed, oldest first, up to the one that is
// named; the same call has the same answer, another finds nothing left.
func TestClaimUpto(t *testing.T) {
	each(t, func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) { p.Epochs.LengthBlocks, p.Network.RejudgePPM = 1, 1 })
	}, func(w *world) {
		network.Physics(w.Service, func(digest.Digest) string { return "good" })
		p := w.provider("one", 5000, 1)
		w.deposit(buyer, 1000)
		for n := range 4 { // one job an epoch, 2 units each
			w.submit(n, nil)
			a := w.lease(p)
			proof, _ := p.envelope(w, a.Lease, 1)
			_, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof})
			require.NoError(w, err)
			w.rounds(1)
		}
		st, err := w.Statement(ctx, p.id, nil, 0, 0)
		require.NoError(w, err)
		require.Len(w, st.Lines, 4)
		epochs := []uint64{st.Lines[0].Settled, st.Lines[1].Settled, st.Lines[2].Settled, st.Lines[3].Settled}
		_, err = w.Claim(ctx, w.as(p.id), p.id, epochs[1]) // out of order, one by one
		require.NoError(w, err)
		_, err = w.ClaimUpto(ctx, w.as(digest.Sum([]byte("a stranger"))), p.id, nil)
		require.Equal(w, aicf.Forbidden, code(err))

		call := w.as(p.id)
		call.IdempotencyKey, call.RequestSHA3 = "claim", digest.Sum([]byte("claim"))
		first, err := w.ClaimUpto(ctx, call, p.id, &epochs[2])
		require.NoError(w, err)
		require.Len(w, first.Payouts, 2)
		require.Equal(w, []uint64{epochs[0], epochs[2]}, []uint64{first.Payouts[0].Epoch, first.Payouts[1].Epoch})
		require.Equal(w, []digest.Digest{st.Lines[0].JobID, st.Lines[2].JobID}, []digest.Digest{first.Lines[0].JobID, first.Lines[1].JobID})
		require.NoError(w, network.VerifyReceipt(1337, &first.Payouts[1].Receipt, w.cfg.Service.Public()))
		again, err := w.ClaimUpto(ctx, call, p.id, &epochs[2])
		require.NoError(w, err)
		require.Equal(w, first, again)
		rest, err := w.ClaimUpto(ctx, w.as(p.id), p.id, nil)
		require.NoError(w, err)
		require.Len(w, rest.Payouts, 1)
		require.Equal(w, epochs[3], rest.Payouts[0].Epoch)
		none, err := w.ClaimUpto(ctx, w.as(p.id), p.id, nil)
		require.NoError(w, err)
		require.Empty(w, none.Payouts)
		require.Zero(w, w.balance(p.id).Claimable)
	})
}

// TestHandedIn lists what came in for a job, the refused result and the accepted one, with the
// counts of their traps.
func TestHandedIn(t *testing.T) {
	each(t, nil, func(w *world) {
		p, q := w.provider("one", 6000, 1), w.provider("two", 5000, 1)
		w.deposit(buyer, 100)
		id := w.submit(1, nil)
		none, err := w.HandedIn(ctx, id)
		require.NoError(w, err)
		require.Empty(w, none)
		_, err = w.hand(p, w.lease(p), cheat{liesOfTraps: true})
		require.NoError(w, err)
		w.wait(3000)
		w.beat(q, 1)
		w.rounds(1)
		_, err = w.hand(q, w.lease(q), cheat{})
		require.NoError(w, err)
		all, err := w.HandedIn(ctx, id)
		require.NoError(w, err)
		require.Len(w, all, 2)
		require.Equal(w, []digest.Digest{p.id, q.id}, []digest.Digest{all[0].Lease.ProviderID, all[1].Lease.ProviderID})
		require.Equal(w, []aicf.LeaseState{aicf.LeaseRejected, aicf.LeaseCompleted}, []aicf.LeaseState{all[0].Outcome.Status, all[1].Outcome.Status})
		good := all[1].Outcome.Traps
		require.NotNil(w, good)
		require.Equal(w, []uint64{good.TrapsA, good.TrapsB}, []uint64{good.PassA, good.PassB})
		require.NotZero(w, good.TrapsA+good.TrapsB)
		_, err = w.HandedIn(ctx, digest.Sum([]byte("no job")))
		require.Equal(w, aicf.NotFound, code(err))
	})
}
