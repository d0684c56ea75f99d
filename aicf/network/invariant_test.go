package network_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
)

// corruptions break one invariant each, where a database editor could.
var corruptions = map[string]string{
	"I1":  "UPDATE account SET credits = credits + 1 WHERE kind = 'available'",
	"I2":  "UPDATE transfer SET amount = amount + 1 WHERE event = (SELECT max(event) FROM transfer)",
	"I3":  "UPDATE account SET debits = CASE kind WHEN 'bonded' THEN debits + 100000 ELSE debits END, credits = CASE kind WHEN 'mint' THEN credits + 100000 * (SELECT count(*) FROM account WHERE kind = 'bonded') ELSE credits END",
	"I4":  "UPDATE unbonding SET amount = amount + 1",
	"I5":  "UPDATE job SET paid = paid - 1 WHERE paid > 0",
	"I6":  "UPDATE payout SET amount = amount + 1",
	"I7":  "UPDATE job SET state = 'failed' WHERE state = 'completed'",
	"I8":  "UPDATE event SET data = json_set(data, '$.states', json('[{\"of\":\"lease\",\"id\":\"' || lower(hex((SELECT id FROM lease WHERE state = 'completed'))) || '\",\"to\":\"active\"}]')) WHERE seq = (SELECT max(seq) FROM event)",
	"I9":  "UPDATE job SET attempt = attempt + 1",
	"I10": "UPDATE provider SET running = running + 1",
	"I11": "UPDATE epoch SET gross = gross + 1 WHERE state = 'settled'",
	"I12": "UPDATE epoch SET subsidy = cap + 1",
	"I13": "UPDATE epoch SET batch = root WHERE claims > 0",
	"I14": "UPDATE event SET type = 'forged' WHERE seq = 5",
	"I15": "UPDATE slash SET amount = amount + 1",
	"I16": "UPDATE epoch_share SET amount = amount + 1",
	"I17": "UPDATE claim_line SET gross = gross + 1",
	"I18": "UPDATE tally SET n = n + 1",
}

// TestEveryInvariantCanFail corrupts a copy of a used database for each
// invariant: the check names it, or the service does not start.
func TestEveryInvariantCanFail(t *testing.T) {
	dir := t.TempDir()
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	w := newWorld(t, db, nil)
	everyVerb(w)
	_, err = w.Unstake(ctx, w.as(w.ps[0].id), w.ps[0].id, 10)
	require.NoError(t, err)
	require.Len(t, corruptions, 18)
	for id, statement := range corruptions {
		t.Run(id, func(t *testing.T) {
			file := filepath.Join(dir, id+".db")
			require.NoError(t, w.Backup(ctx, file))
			edit(t, file, statement)
			copied, err := store.OpenSQLite(ctx, file, store.Options{})
			require.NoError(t, err)
			defer copied.Close()
			cfg := w.cfg
			cfg.Store = copied
			s, err := network.New(ctx, cfg, w.now)
			if err != nil {
				require.ErrorContains(t, err, "invariant "+id)
				return
			}
			a, err := s.Check(ctx)
			require.NoError(t, err)
			var broken []string
			for _, i := range a.Invariants {
				if !i.OK {
					broken = append(broken, i.ID)
				}
			}
			require.Contains(t, broken, id, strings.Join(broken, " "))
			require.False(t, a.OK())
		})
	}
}

func edit(t *testing.T, file, statement string) {
	raw, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	defer raw.Close()
	raw.SetMaxOpenConns(1)
	_, err = raw.Exec("PRAGMA ignore_check_constraints = 1")
	require.NoError(t, err)
	r, err := raw.Exec(statement)
	require.NoError(t, err)
	n, err := r.RowsAffected()
	require.NoError(t, err)
	require.Positive(t, n, "the statement touched nothing")
}

// TestBackupUnderLoad copies the database between writes; the copy opens, is
// sound, and is a prefix of the original.
func TestBackupUnderLoad(t *testing.T) {
	dir := t.TempDir()
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	w := newWorld(t, db, nil)
	w.deposit(buyer, 100)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				w.Faucet(ctx, w.as(buyer), buyer, 1)
			}
		}
	}()
	file := filepath.Join(dir, "backup.db")
	require.NoError(t, w.Backup(ctx, file))
	require.Error(t, w.Backup(ctx, file), "a backup is never overwritten")
	close(stop)
	<-stopped
	copied, err := store.OpenSQLite(ctx, file, store.Options{})
	require.NoError(t, err)
	defer copied.Close()
	cfg := w.cfg
	cfg.Store = copied
	s, err := network.New(ctx, cfg, w.now)
	require.NoError(t, err)
	a, err := s.Check(ctx)
	require.NoError(t, err)
	require.True(t, a.OK(), fmt.Sprint(a.Invariants))
	e, err := w.Events(ctx, a.Events-1, 1)
	require.NoError(t, err)
	require.Equal(t, a.HeadHash, e[0].Hash)
}
