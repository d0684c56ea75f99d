package network_test

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// shortDisk is a place for a database that can be made too small.
type shortDisk struct {
	name string
	open func(t *testing.T) (dir string, fill, free func())
}

var shortDisks = []shortDisk{
	{"files may not grow", func(t *testing.T) (string, func(), func()) {
		dir := t.TempDir()
		var old syscall.Rlimit
		require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old))
		signal.Ignore(syscall.SIGXFSZ)
		free := func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old)) }
		t.Cleanup(func() { free(); signal.Reset(syscall.SIGXFSZ) })
		return dir, func() {
			wal, err := os.Stat(filepath.Join(dir, "network.db-wal"))
			require.NoError(t, err)
			require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(wal.Size()) + 400<<10, Max: old.Max}))
		}, free
	}},
	{"a full file system", func(t *testing.T) (string, func(), func()) {
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
			t.Skipf("no right to mount a small file system (%v): only the limit of a file's size was tested", err)
		}
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
		ballast := filepath.Join(dir, "ballast")
		return dir, func() {
			f, err := os.Create(ballast)
			require.NoError(t, err)
			page := make([]byte, 4096)
			for err == nil {
				_, err = f.Write(page)
			}
			require.ErrorIs(t, err, syscall.ENOSPC)
			st, err := f.Stat()
			require.NoError(t, err)
			require.NoError(t, f.Truncate(st.Size()-400<<10)) // room for a few more commits
			require.NoError(t, f.Close())
		}, func() { require.NoError(t, os.Remove(ballast)) }
	}},
}

// TestDiskFull (promise P11): a service whose disk fills up answers writes with
// StorageFailed, 503 and when to come back, goes on reading, loses nothing that
// was answered, and writes again by itself once there is room.
func TestDiskFull(t *testing.T) {
	for _, d := range shortDisks {
		t.Run(d.name, func(t *testing.T) {
			dir, fill, free := d.open(t)
			db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			w := newWorld(t, db, func(c *network.Config) {
				c.Policy = testPolicy(t, func(p *aicf.Policy) { p.Network.RejudgePPM, p.Network.HeartbeatMS = 1, 1e9 })
			})
			network.Physics(w.Service, func(digest.Digest) string { return "good" })
			p := w.provider("one", 5000, 1)
			w.deposit(buyer, 1_000_000)
			w.submit(1, nil)
			a := w.lease(p)
			fill()
			var kept []digest.Digest
			refused := 0
			for n := 10; refused < 20; n++ {
				require.Less(t, n, 5000, "the disk never filled up")
				out, err := w.Submit(ctx, w.as(buyer), aicf.JobSubmission{Job: jobDocument(n, 0)})
				if err == nil {
					kept = append(kept, out.JobID)
					continue
				}
				f := faultOf(err)
				require.NotNil(t, f, "%v", err)
				require.Equal(t, []any{aicf.StorageFailed, 503}, []any{f.Code, f.Code.Status()}, "%v", err)
				require.Positive(t, f.RetryAfterMS)
				refused++
			}
			for _, id := range kept { // reading goes on
				_, err := w.Job(ctx, id)
				require.NoError(t, err)
			}
			free()
			require.NoError(t, retry(20, func() error {
				proof, _ := p.envelope(w, a.Lease, 1)
				_, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof})
				return err
			}), "it does not recover")
			for _, id := range kept {
				j, err := w.Job(ctx, id)
				require.NoError(t, err)
				require.Equal(t, aicf.Queued, j.State)
			}
			first, n, err := integrity(db)
			require.NoError(t, err)
			require.Equal(t, []any{"ok", 1}, []any{first, n})
			t.Logf("%d writes kept, %d refused, reads went on, writes again once there was room", len(kept), refused)
		})
	}
}

func retry(times int, f func() error) (err error) {
	for range times {
		if err = f(); err == nil {
			return nil
		}
	}
	return err
}

func integrity(db *store.DB) (first string, n int, err error) {
	err = db.View(ctx, func(t *store.Tx) error {
		first, n, err = store.Texts(t, "PRAGMA integrity_check", 10)
		return err
	})
	return first, n, err
}

// TestReadOnlyFileSystem (promise P11): a database that cannot be written is
// refused at the start, with its path, and not changed.
func TestReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("no right to mount: %v", err)
	}
	defer syscall.Unmount(dir, 0)
	file := filepath.Join(dir, "network.db")
	db, err := store.OpenSQLite(ctx, file, store.Options{})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err = store.OpenSQLite(ctx, file, store.Options{})
	require.ErrorContains(t, err, file)
	require.Equal(t, aicf.StorageFailed, aicf.CodeOf(err), "%v", err)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoError(t, syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""))
	db, err = store.OpenSQLite(ctx, file, store.Options{})
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// TestLongWAL (promise P11): a reader that never ends keeps the log from being
// carried over, so that it grows to ten times its usual size (four in CI); writes and other
// reads go on, and the log shrinks once the reader is gone.
func TestLongWAL(t *testing.T) {
	times := size(2, 4, 10)
	dir := t.TempDir()
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	const usual = 12_000 * 4096
	walSize := func() int64 {
		st, err := os.Stat(filepath.Join(dir, "network.db-wal"))
		require.NoError(t, err)
		return st.Size()
	}
	n := 0
	write := func() {
		n++
		b := make([]byte, 1<<20)
		copy(b, fmt.Sprint(n))
		require.NoError(t, db.Update(ctx, 1, func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO blob (sha3, part, data) VALUES (?, 0, ?)", digest.Sum(b), b)
			return err
		}))
	}
	hold, held, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- db.View(ctx, func(*store.Tx) error { close(held); <-hold; return nil })
	}()
	<-held
	for walSize() < int64(times)*usual {
		write()
		require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
			var seen int
			if err := tx.Scan("SELECT count(*) FROM blob", nil, &seen); err != nil || seen != n {
				return fmt.Errorf("%d blobs of %d are seen (%v)", seen, n, err)
			}
			return nil
		}))
	}
	long := walSize()
	close(hold)
	require.NoError(t, <-ended)
	for range 40 { // a checkpoint, then the log begins anew at its usual size
		write()
	}
	require.LessOrEqual(t, walSize(), int64(2*usual))
	first, _, err := integrity(db)
	require.NoError(t, err)
	require.Equal(t, "ok", first)
	t.Logf("the log grew to %d MiB behind a reader, and shrank to %d MiB", long>>20, walSize()>>20)
}
