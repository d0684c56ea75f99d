package store_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
)

type listener struct{ commits []store.Commit }

func (l *listener) Committed(c store.Commit) { l.commits = append(l.commits, c) }

// TestTheObserverHearsWhatWasCommitted: every event once, in order, and nothing that was
// undone or only read.
func TestTheObserverHearsWhatWasCommitted(t *testing.T) {
	l := &listener{}
	ticks := int64(0)
	db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "network.db"), store.Options{Observer: l, Ticks: func() int64 { ticks += 1000; return ticks }})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			switch i % 4 {
			case 0: // undone
				err := db.Update(ctx, 1000, func(t *store.Tx) error {
					_, err := t.Append(store.Note{Type: "never"})
					return errors.Join(err, errors.New("no"))
				})
				require.Error(t, err)
			case 1: // reads
				require.NoError(t, db.Update(ctx, 1000, func(*store.Tx) error { return nil }))
			default:
				require.NoError(t, mint(db, 1000, owner(i%7), 5))
			}
		})
	}
	wg.Wait()
	require.NoError(t, db.Close()) // the writer has ended
	seq, commands := uint64(0), 0
	for _, c := range l.commits {
		commands += c.Commands
		require.Positive(t, c.Took)
		for _, e := range c.Events {
			seq++
			require.Equal(t, seq, e.Seq)
			require.Equal(t, aicf.EvDeposited, e.Type)
			require.NotEmpty(t, e.Data)
		}
	}
	require.EqualValues(t, 50, seq)
	require.GreaterOrEqual(t, commands, 50)
}

// TestSQLiteHasNoCopies: nobody is asked.
func TestSQLiteHasNoCopies(t *testing.T) {
	_, known, err := sqlite(t).Standbys(ctx)
	require.NoError(t, err)
	require.False(t, known)
	require.Equal(t, 1024, sqlite(t).QueueBound())
}
