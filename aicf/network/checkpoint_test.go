package network_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// TestAnAuditLogThatForks has a provider tell the heads of his audit log in heartbeats: one
// that grows is noted; one that shrinks, or has another root for a size that was told, is
// accused, and the service keeps the head that it knew.
func TestAnAuditLogThatForks(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 1)
		root := func(s string) digest.Digest { return digest.Sum([]byte(s)) }
		tell := func(size uint64, root digest.Digest) {
			p.beats++
			a, err := w.Heartbeat(ctx, w.as(p.id), aicf.Heartbeat{ProviderID: p.id, Capacity: 1, TS: uint64(w.now / 1000), Seq: p.beats, Checkpoint: &aicf.CheckpointNote{Size: size, Root: root}})
			require.NoError(w, err)
			require.Equal(w, "counted", a.Outcome)
		}
		accused := func(want int) {
			w.Helper()
			page, err := w.Slashes(ctx, aicf.SlashFilter{Provider: p.id})
			require.NoError(w, err)
			require.Len(w, page.Items, want)
			for _, s := range page.Items {
				require.Equal(w, aicf.ReasonCheckpoint, s.Reason)
			}
		}
		tell(0, root("empty"))
		tell(3, root("a"))
		tell(3, root("a"))
		tell(9, root("b"))
		accused(0)
		tell(8, root("c"))
		accused(1)
		tell(9, root("other"))
		accused(2)
		page, err := w.Slashes(ctx, aicf.SlashFilter{Provider: p.id})
		require.NoError(w, err)
		s, err := w.Slash(ctx, page.Items[1].ID)
		require.NoError(w, err)
		require.Contains(w, string(s.Document), root("b").String(), "what was known")
		require.Contains(w, string(s.Document), root("other").String(), "what was told now")
		tell(9, root("b"))
		tell(10, root("d"))
		accused(2)
	})
}
