package network_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/digest"
)

var update = flag.Bool("update", false, "write the database of this schema into testdata")

// oldData are databases as a program of an earlier schema left them: one verb of
// each kind, both engines, and the hash of balances and states. The file of a
// new schema is written by go test ./aicf/network -run TestOldData -update, once.
const oldData = "testdata/schema-%04d.%s"

func gzipped(t testing.TB, b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

func ungzipped(t testing.TB, file string) []byte {
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(b))
	require.NoError(t, err)
	raw, err := io.ReadAll(z)
	require.NoError(t, err)
	return raw
}

// oldWorld has used every verb once.
func oldWorld(t testing.TB, db *store.DB) *world {
	w := newWorld(t, db, nil)
	everyVerb(w)
	return w
}

func writeOldData(t *testing.T) {
	dir := t.TempDir()
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	w := oldWorld(t, db)
	copied := filepath.Join(dir, "copy.db")
	require.NoError(t, w.Backup(ctx, copied))
	b, err := os.ReadFile(copied)
	require.NoError(t, err)
	a, err := w.Check(ctx)
	require.NoError(t, err)
	n := db.Migration()
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	require.NoError(t, os.WriteFile(fmt.Sprintf(oldData, n, "db.gz"), gzipped(t, b), 0o644))
	server := storetest.Shared(t)
	name, err := server.Name()
	require.NoError(t, err)
	pg, err := store.OpenPostgres(ctx, server.URL(name), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pg.Close()) })
	same, err := oldWorld(t, pg).Check(ctx)
	require.NoError(t, err)
	require.Equal(t, a.StateHash, same.StateHash)
	dump, err := server.Output("pg_dump", "--no-owner", "-h", server.Dir(), "-U", "owner", name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(fmt.Sprintf(oldData, n, "sql.gz"), gzipped(t, dump), 0o644))
	require.NoError(t, os.WriteFile(fmt.Sprintf(oldData, n, "hash"), []byte(a.StateHash.String()+"\n"), 0o644))
}

// TestOldData (promise P13): databases of every schema so far open in this
// program, hold the invariants, and go on to be used.
func TestOldData(t *testing.T) {
	if *update {
		writeOldData(t)
	}
	fresh, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "network.db"), store.Options{})
	require.NoError(t, err)
	newest := fresh.Migration()
	require.NoError(t, fresh.Close())
	for n := 1; n <= newest; n++ {
		want, err := os.ReadFile(fmt.Sprintf(oldData, n, "hash"))
		require.NoError(t, err, "write it: go test ./aicf/network -run TestOldData -update")
		t.Run(fmt.Sprint("sqlite/", n), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "old.db")
			require.NoError(t, os.WriteFile(file, ungzipped(t, fmt.Sprintf(oldData, n, "db.gz")), 0o600))
			db, err := store.OpenSQLite(ctx, file, store.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			goesOn(t, db, strings.TrimSpace(string(want)))
		})
		t.Run(fmt.Sprint("postgresql/", n), func(t *testing.T) {
			server := storetest.Shared(t)
			name, err := server.Name()
			require.NoError(t, err)
			require.NoError(t, server.Input(ungzipped(t, fmt.Sprintf(oldData, n, "sql.gz")), "psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", server.Dir(), "-U", "owner", name))
			db, err := store.OpenPostgres(ctx, server.URL(name), store.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			goesOn(t, db, strings.TrimSpace(string(want)))
		})
	}
}

// TestOldSettlement: a settlement of six lines that a program of schema 3 had begun, stopped
// behind two pages that took and behind two that told, goes on in this one.
func TestOldSettlement(t *testing.T) {
	for _, stopped := range []string{"taking", "telling"} {
		t.Run(stopped, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "old.db")
			require.NoError(t, os.WriteFile(file, ungzipped(t, fmt.Sprintf("testdata/schema-0003-%s.db.gz", stopped)), 0o600))
			db, err := store.OpenSQLite(ctx, file, store.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			var last int64
			require.NoError(t, db.View(ctx, func(tx *store.Tx) error { last = tx.NowMS(); return nil }))
			w := newWorldAt(t, db, last+1, nil)
			w.sound()
			_, err = w.Sweep(ctx, w.now)
			require.NoError(t, err)
			w.sound()
			ep, err := w.Epoch(ctx, 0)
			require.NoError(t, err)
			require.Equal(t, aicf.EpochSettled, ep.State)
			require.EqualValues(t, 6, ep.Claims)
			log, err := w.Events(ctx, 0, 1000)
			require.NoError(t, err)
			told := map[digest.Digest]int{}
			for _, e := range log {
				if e.Type == aicf.EvSettled {
					told[e.JobID]++
				}
			}
			require.Len(t, told, 6)
			for job, n := range told {
				require.Equal(t, 1, n, "job %s", job)
			}
		})
	}
}

// goesOn opens a used database, compares it and runs one more job.
func goesOn(t *testing.T, db *store.DB, want string) {
	var last int64
	require.NoError(t, db.View(ctx, func(tx *store.Tx) error { last = tx.NowMS(); return nil }))
	w := newWorldAt(t, db, last+1, nil)
	a, err := w.Check(ctx)
	require.NoError(t, err)
	require.Equal(t, want, a.StateHash.String())
	w.seq = 1000
	p := w.provider("newcomer", 5000, 1)
	w.deposit(buyer, 1000)
	for n := range 5 { // older jobs may be matched first
		w.submit(100+n, nil)
	}
	out, err := w.hand(p, w.lease(p), cheat{})
	require.NoError(t, err)
	require.Equal(t, aicf.LeaseCompleted, out.Status)
	w.rounds(8)
	pay, err := w.Claim(ctx, w.as(p.id), p.id, out.Epoch)
	require.NoError(t, err)
	require.Positive(t, pay.Amount)
}

// TestDowngradeIsRefused (promise P13): a database of a newer program is not
// touched, and the refusal says what to do; so is one whose migration has other
// bytes.
func TestDowngradeIsRefused(t *testing.T) {
	dir := t.TempDir()
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	require.NoError(t, err)
	n := db.Migration()
	require.NoError(t, db.Close())
	file := filepath.Join(dir, "network.db")
	edit(t, file, fmt.Sprintf("INSERT INTO migration (version, name, sha3) VALUES (%d, 'of tomorrow', 'x')", n+1))
	_, err = store.OpenSQLite(ctx, file, store.Options{})
	f := faultOf(err)
	require.NotNil(t, f, "%v", err)
	require.Equal(t, aicf.VersionTooOld, f.Code)
	require.ErrorContains(t, err, fmt.Sprintf("the database is at migration %d, this program knows %d", n+1, n))
	require.Contains(t, f.Hint, "newer program")
	edit(t, file, fmt.Sprintf("DELETE FROM migration WHERE version = %d", n+1))
	edit(t, file, "UPDATE migration SET sha3 = 'edited' WHERE version = 1")
	_, err = store.OpenSQLite(ctx, file, store.Options{})
	require.ErrorContains(t, err, "was applied with other bytes")
}

// TestRollingRestart (promise P13): three replicas are restarted one after the
// other, again and again, while clients work; nothing that was answered is lost.
func TestRollingRestart(t *testing.T) {
	restarts := size(3, 30, 300)
	server := storetest.Shared(t)
	name, err := server.Name()
	require.NoError(t, err)
	open := func() *store.DB {
		db, err := store.OpenPostgres(ctx, server.URL(name), store.Options{})
		require.NoError(t, err)
		return db
	}
	dbs := []*store.DB{open(), open(), open()}
	s := newSwarm(t, dbs...)
	s.run(6, 0, func(<-chan struct{}) {
		for i := range restarts {
			k, before := i%3, s.next.Load()
			require.NoError(t, s.replica(k).Close())
			require.NoError(t, dbs[k].Close())
			dbs[k] = open()
			s.replace(k, dbs[k])
			require.Eventually(t, func() bool { return s.next.Load() > before+6 }, time.Minute, time.Millisecond, "no job ran beside restart %d", i)
		}
	})
	judgeAnswers(t, dbs[0], s.now.Load(), s.told, len(s.told))
	for _, db := range dbs {
		require.NoError(t, db.Close())
	}
	t.Logf("%d restarts of 3 replicas in turn: %d calls, %d sent to a replica that was going and made again, %d jobs, none lost", restarts, s.calls.Load(), s.failed.Load(), len(s.told))
}

// TestRestoreDrill: a dump of PostgreSQL that was taken while clients worked is
// restored into a new server, a copy of SQLite opened elsewhere. Events, states
// and balances are those of the original at that moment, and the invariants hold.
func TestRestoreDrill(t *testing.T) {
	server := storetest.Shared(t)
	name, err := server.Name()
	require.NoError(t, err)
	pg, err := store.OpenPostgres(ctx, server.URL(name), store.Options{})
	require.NoError(t, err)
	defer pg.Close()
	lite, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "network.db"), store.Options{})
	require.NoError(t, err)
	defer lite.Close()
	other, err := storetest.Start(false)
	require.NoError(t, err)
	defer other.Remove()
	for _, c := range []struct {
		db   *store.DB
		copy func() *store.DB
	}{{pg, func() *store.DB {
		dump, err := server.Output("pg_dump", "--format=custom", "--no-owner", "-h", server.Dir(), "-U", "owner", name)
		require.NoError(t, err)
		to, err := other.Name()
		require.NoError(t, err)
		require.NoError(t, other.Input(dump, "pg_restore", "--exit-on-error", "--no-owner", "-h", other.Dir(), "-U", "owner", "-d", to))
		db, err := store.OpenPostgres(ctx, other.URL(to), store.Options{})
		require.NoError(t, err)
		return db
	}}, {lite, func() *store.DB {
		to := filepath.Join(t.TempDir(), "copy.db")
		require.NoError(t, lite.Backup(ctx, to))
		db, err := store.OpenSQLite(ctx, to, store.Options{})
		require.NoError(t, err)
		return db
	}}} {
		t.Run(c.db.Engine(), func(t *testing.T) {
			s := newSwarm(t, c.db)
			var restored *store.DB
			s.run(4, 0, func(<-chan struct{}) {
				require.Eventually(t, func() bool { return s.next.Load() > 20 }, time.Minute, time.Millisecond)
				restored = c.copy()
			})
			defer restored.Close()
			n, err := network.New(ctx, swarmConfig(t, restored, "restored"), s.now.Load())
			require.NoError(t, err)
			a, err := n.Check(ctx)
			require.NoError(t, err)
			require.True(t, a.OK(), "%v", a.Invariants)
			original, err := network.New(ctx, swarmConfig(t, c.db, "original"), s.now.Load())
			require.NoError(t, err)
			whole, err := original.Check(ctx)
			require.NoError(t, err)
			require.Greater(t, whole.Events, a.Events, "the copy was not taken under load")
			e, err := original.Events(ctx, a.Events-1, 1)
			require.NoError(t, err)
			require.Equal(t, a.HeadHash, e[0].Hash, "the copy's log is a prefix of the original's")
			again := newSwarm(t, restored)
			again.label = "again "
			again.next.Store(1_000_000)
			again.now.Store(s.now.Load())
			again.run(2, 300*time.Millisecond, func(<-chan struct{}) {})
			t.Logf("%s: a copy of %d of %d events under load; 18 invariants hold, the chain is the original's, %d jobs ran on it", c.db.Engine(), a.Events, whole.Events, len(again.told))
		})
	}
}
