package auditlog

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestKeep ticks by hand: an empty log has no checkpoint, each tick covers what is pending,
// a tick without entries says nothing, and a fork stops being signed. Each tick has been
// seen to its end before the next entry comes.
func TestKeep(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) { keep(t, folder) })
}

func keep(t *testing.T, folder string) {
	l := openLog(t, folder)
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
	tick := func() {
		ticks <- time.Time{}
		synctest.Wait()
	}
	tick()
	for n := range 2 {
		drafts := run(n)
		_, err := l.Append(ctx, drafts...)
		require.NoError(t, err)
		_, _, pending, err := l.Head()
		require.NoError(t, err)
		require.Equal(t, len(drafts), pending)
		tick()
		require.NoError(t, <-told)
		tick() // nothing new
		_, _, pending, err = l.Head()
		require.NoError(t, err)
		require.Zero(t, pending)
	}
	require.NoError(t, l.folder.write(signedName, Checkpoint{Origin: origin, Root: emptyRoot}.Body()))
	tick()
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
