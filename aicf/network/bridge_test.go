package network_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
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
