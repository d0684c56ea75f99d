package network_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/proofs/transcript"
)

// TestAJobFromSubmissionToPayout walks the guide's happy path and holds every
// figure against the policy: 7 units, 85/10/5.
func TestAJobFromSubmissionToPayout(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 5000, 2)
		view, err := w.Provider(ctx, p.id)
		require.NoError(w, err)
		require.Equal(w, aicf.Active, view.State)
		w.deposit(buyer, 100)
		w.rounds(1)
		id := w.submit(1, nil)
		b, err := w.Balance(ctx, buyer)
		require.NoError(w, err)
		require.Equal(w, []aicf.Amount{98, 2}, []aicf.Amount{b.Available, b.Escrow})

		o, err := w.Next(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		again, err := w.Next(ctx, w.as(p.id), p.id)
		require.NoError(w, err)
		require.Equal(w, o, again, "an open offer is given again")
		a := w.lease(p)
		require.NoError(w, a.Lease.Verify())
		require.EqualValues(w, 1, a.Lease.Fence)
		nonce, err := transcript.LeaseNonceHash(a.Lease.Nonce)
		require.NoError(w, err)
		require.Equal(w, o.NonceHash, nonce, "the offer committed to the nonce")
		require.NoError(w, network.VerifyReceipt(1337, &a.Receipt, w.cfg.Service.Public()))

		w.wait(700)
		out, err := w.hand(p, a, cheat{})
		require.NoError(w, err)
		require.Nil(w, out.Failure)
		require.Equal(w, aicf.LeaseCompleted, out.Status)
		require.EqualValues(w, 700, out.LatencyMS)
		require.NoError(w, network.VerifyReceipt(1337, &out.Receipt, w.cfg.Service.Public()))
		j, err := w.Job(ctx, id)
		require.NoError(w, err)
		require.Equal(w, aicf.Completed, j.State)
		require.EqualValues(w, 2, j.Paid)

		_, err = w.Claim(ctx, w.as(p.id), p.id, 0)
		require.Equal(w, aicf.NoResultYet, aicf.CodeOf(err))
		w.rounds(4)
		pay, err := w.Claim(ctx, w.as(p.id), p.id, 0)
		require.NoError(w, err)
		require.Equal(w, aicf.PayoutPaid, pay.State)
		same, err := w.Claim(ctx, w.as(p.id), p.id, 0)
		require.NoError(w, err)
		require.Equal(w, pay, same)

		st, err := w.Statement(ctx, p.id, nil, 0, 0)
		require.NoError(w, err)
		require.Len(w, st.Lines, 1)
		require.Equal(w, aicf.ClaimPaid, st.Lines[0].State)
		require.Equal(w, st.Lines[0].Gross, st.Lines[0].Provider+st.Lines[0].Treasury+st.Lines[0].Miner)
		b, err = w.Balance(ctx, p.id)
		require.NoError(w, err)
		require.Equal(w, pay.Amount, b.Available)
		require.EqualValues(w, 5000, b.Staked)

		proof, err := w.Inclusion(ctx, 0, out.Claim)
		require.NoError(w, err)
		claimed, err := network.ReadInclusion(proof)
		require.NoError(w, err)
		require.Equal(w, []any{id, p.id, pay.Amount}, []any{claimed.JobID, claimed.ProviderID, claimed.Provider})
		require.NoError(w, network.VerifyBatch(proof, w.cfg.Service.Public()))
		require.Error(w, network.VerifyBatch(proof, p.op.Public()))
		for name, change := range map[string]func(*aicf.InclusionProof){
			"epoch": func(i *aicf.InclusionProof) { i.Epoch++ }, "claim": func(i *aicf.InclusionProof) { i.Claim[0] ^= 1 }, "size": func(i *aicf.InclusionProof) { i.Size++ },
			"leaf": func(i *aicf.InclusionProof) { i.Leaf = append([]byte{}, i.Leaf[1:]...) }, "root": func(i *aicf.InclusionProof) { i.Root[0] ^= 1 },
			"index": func(i *aicf.InclusionProof) { i.Index++ }, "path": func(i *aicf.InclusionProof) { i.Path = append(i.Path, id) }, "claims": func(i *aicf.InclusionProof) { i.Batch.Claims++ },
		} {
			bad := *proof
			change(&bad)
			_, err := network.ReadInclusion(&bad)
			require.Error(w, err, name)
		}
		for name, change := range map[string]func(*aicf.EpochBatch){
			"policy": func(b *aicf.EpochBatch) { b.Policy[0] ^= 1 }, "gross": func(b *aicf.EpochBatch) { b.Gross++ }, "subsidy": func(b *aicf.EpochBatch) { b.Subsidy++ },
			"carried": func(b *aicf.EpochBatch) { b.Carried++ }, "time": func(b *aicf.EpochBatch) { b.SignedAt++ }, "key": func(b *aicf.EpochBatch) { b.Key[0] ^= 1 },
		} {
			bad := *proof
			change(&bad.Batch)
			require.Error(w, network.VerifyBatch(&bad, w.cfg.Service.Public()), name)
		}
		log, err := w.Events(ctx, 0, 1000)
		require.NoError(w, err)
		require.NoError(w, network.VerifyEvents(log))
		require.NoError(w, network.VerifyEvents(log[3:]))
		require.Equal(w, log[out.Receipt.Event-1].Hash, out.Receipt.EventHash, "the receipt names the log's event")
		require.ErrorIs(w, network.VerifyEvents(append(log[:2:2], log[3:]...)), network.ErrChain)
		log[4].TSMS++
		require.ErrorIs(w, network.VerifyEvents(log), network.ErrChain)
		line, err := w.Timeline(ctx, id)
		require.NoError(w, err)
		var kinds []string
		for _, e := range line.Events {
			kinds = append(kinds, e.Type)
		}
		require.Equal(w, []string{"submitted", "offered", "leased", "result_received", "completed", "accrued", "settled", "claimed"}, kinds)
	})
}
