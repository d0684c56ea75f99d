package auditlog

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestKeep ticks by hand: an empty log has no checkpoint, each tick covers what is pending,
// a tick without entries says nothing, and a fork stops being signed.
func TestKeep(t *testing.T) {
	l := openLog(t, t.TempDir())
	ticks, told := make(chan time.Time), make(chan error, 8)
	var sizes []uint64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.Keep(ctx, ticks, func(signed []byte, err error) {
			if err == nil {
				var c Checkpoint
				if c, err = OpenCheckpoint(signed, origin, l.public); err == nil {
					sizes = append(sizes, c.Size)
				}
			}
			told <- err
		})
	}()
	ticks <- time.Time{}
	for n := range 2 {
		drafts := run(n)
		_, err := l.Append(ctx, drafts...)
		require.NoError(t, err)
		_, _, pending, err := l.Head()
		require.NoError(t, err)
		require.Equal(t, len(drafts), pending)
		ticks <- time.Time{}
		require.NoError(t, <-told)
		ticks <- time.Time{} // nothing new
		_, _, pending, err = l.Head()
		require.NoError(t, err)
		require.Zero(t, pending)
	}
	require.NoError(t, l.folder.write(signedName, Checkpoint{Origin: origin, Root: emptyRoot}.Body()))
	ticks <- time.Time{}
	require.ErrorIs(t, <-told, ErrFork)
	close(ticks)
	<-ended
	n := uint64(len(run(0)))
	require.Equal(t, []uint64{n, n + uint64(len(run(1)))}, sizes)
	require.Empty(t, told)

	over, cancel := context.WithCancel(ctx)
	cancel()
	l.Keep(over, nil, nil)
}
