package network_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
)

// TestTheBooksOnBothEngines reads overview, trial balance, entries, windows, leases and
// proof of a network with one paid job, one in the queue and one released.
func TestTheBooksOnBothEngines(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 5000, 2)
		w.deposit(buyer, 100)
		w.rounds(1)
		id := w.submit(1, nil)
		a := w.lease(p)
		_, err := w.Proof(ctx, a.Lease.LeaseID)
		require.Equal(w, aicf.NoResultYet, aicf.CodeOf(err))
		w.wait(700)
		_, err = w.hand(p, a, cheat{})
		require.NoError(w, err)
		proof, err := w.Proof(ctx, a.Lease.LeaseID)
		require.NoError(w, err)
		require.Contains(w, string(proof), a.Lease.LeaseID.String())
		w.submit(2, nil)
		w.wait(250)

		o, err := w.Overview(ctx)
		require.NoError(w, err)
		require.Equal(w, []uint64{1, 0, 0, 0, 0, 1}, []uint64{o.Queued, o.Delayed, o.Offered, o.Leased, o.Verifying, o.Credited})
		require.Equal(w, []uint64{1, 0, 2, 0}, []uint64{o.Providers[aicf.Active], o.Providers[aicf.Jailed], o.Capacity, o.Running})
		require.EqualValues(w, 0, o.Imbalance)
		require.EqualValues(w, 5100, o.Money)
		require.EqualValues(w, w.now-250, o.OldestMS)
		require.Zero(w, o.Unclaimed)
		w.rounds(4)
		w.rounds(8) // two epochs later nobody has claimed
		w.deposit(buyer, 1)
		o, err = w.Overview(ctx)
		require.NoError(w, err)
		require.EqualValues(w, 1, o.Credited)
		require.EqualValues(w, o.Epoch, o.Unclaimed, "the pay is of epoch 0")
		require.Zero(w, o.OverdueMS)

		l, err := w.Ledger(ctx)
		require.NoError(w, err)
		require.Equal(w, l.Debits, l.Credits)
		sum := aicf.Amount(0)
		for _, line := range l.Lines {
			sum += line.Balance
			require.Equal(w, line.Credits-line.Debits, line.Balance)
		}
		require.Zero(w, sum)

		// Pages of entries are all entries, the newest event first, no event torn.
		var all, paged []aicf.Transfer
		all, _, err = w.Transfers(ctx, 0, 500)
		require.NoError(w, err)
		for before := uint64(0); ; {
			page, next, err := w.Transfers(ctx, before, 2)
			require.NoError(w, err)
			paged = append(paged, page...)
			if before = next; next == 0 {
				break
			}
		}
		require.Equal(w, all, paged)
		require.Greater(w, len(all), 6)
		about, err := w.TransfersAbout(ctx, id)
		require.NoError(w, err)
		require.NotEmpty(w, about)
		require.Equal(w, "escrow", about[0].ToKind)

		windows, err := w.Windows(ctx, p.id, 0)
		require.NoError(w, err)
		require.Len(w, windows, 1)
		require.EqualValues(w, 1, windows[0].Jobs)
		require.EqualValues(w, 1, windows[0].Good)
		require.Positive(w, windows[0].TrapsA)
		require.Equal(w, windows[0].TrapsA, windows[0].PassA)
		leases, err := w.JobLeases(ctx, id)
		require.NoError(w, err)
		require.Len(w, leases, 1)
		require.Equal(w, aicf.LeaseCompleted, leases[0].State)
		_, err = w.JobLeases(ctx, p.id)
		require.Equal(w, aicf.NotFound, aicf.CodeOf(err))
		_, err = w.Windows(ctx, id, 0)
		require.Equal(w, aicf.NotFound, aicf.CodeOf(err))

		newest, err := w.Jobs(ctx, aicf.JobFilter{Newest: true, Limit: 1})
		require.NoError(w, err)
		require.NotEqual(w, id, newest.Items[0].ID)
		older, err := w.Jobs(ctx, aicf.JobFilter{Newest: true, Limit: 1, After: newest.Next})
		require.NoError(w, err)
		require.Equal(w, id, older.Items[0].ID)
		require.Zero(w, older.Next)

		first, err := w.Inspect(ctx)
		require.NoError(w, err)
		again, err := w.Inspect(ctx)
		require.NoError(w, err)
		require.Same(w, first, again, "nothing happened in between")
		w.deposit(buyer, 1)
		after, err := w.Inspect(ctx)
		require.NoError(w, err)
		require.Equal(w, first.Events+1, after.Events)
		s, known, err := w.Store().Standbys(ctx)
		require.NoError(w, err)
		require.Equal(w, w.Store().Engine() == "postgresql", known)
		require.Zero(w, s)
	})
}
