package network_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/digest"
)

// fdatasyncRate is how often a second the folder syncs one written page.
func fdatasyncRate(b testing.TB, dir string) float64 {
	var fs syscall.Statfs_t
	require.NoError(b, syscall.Statfs(dir, &fs))
	const tmpfs = 0x01021994
	if fs.Type == tmpfs {
		b.Skip("the folder is on tmpfs: its syncs mean nothing; set TMPDIR to a disk")
	}
	f, err := os.Create(filepath.Join(dir, "sync"))
	require.NoError(b, err)
	defer f.Close()
	page := make([]byte, 4096)
	n, begun := 0, time.Now()
	for ; time.Since(begun) < time.Second; n++ {
		_, err := f.WriteAt(page, int64(n%256)*4096)
		require.NoError(b, err)
		require.NoError(b, syscall.Fdatasync(int(f.Fd())))
	}
	return float64(n) / time.Since(begun).Seconds()
}

// BenchmarkClaims measures lease claims a second (decision G9): one operation is
// a call of Next that returns a durable offer, each for another provider. It
// reports D, the folder's fdatasync rate, and the ratio.
func BenchmarkClaims(b *testing.B) {
	for _, e := range []string{"sqlite", "postgresql"} {
		for _, callers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d", e, callers), func(b *testing.B) { claims(b, e, callers) })
		}
	}
}

func claims(b *testing.B, engine string, callers int) {
	dir := b.TempDir()
	var db *store.DB
	var err error
	if engine == "sqlite" {
		db, err = store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	} else {
		s, failed := storetest.Start(true)
		if failed != nil {
			b.Skip(failed)
		}
		defer s.Remove()
		url, failed := s.Create()
		require.NoError(b, failed)
		db, err = store.OpenPostgres(ctx, url, store.Options{})
	}
	require.NoError(b, err)
	defer db.Close()
	w := newWorld(b, db, nil)
	w.deposit(buyer, 1_000_000_000)
	jobs := max(b.N, 100)
	fill(b, w, jobs)
	ids := copies(b, w, jobs)
	d := fdatasyncRate(b, dir)
	var next atomic.Int64
	var wg sync.WaitGroup
	written, used, commits := wrote(), cpuTime(), db.Stats().Commits.Load()
	b.ResetTimer()
	for range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				o, err := w.Next(ctx, w.as(ids[i-1]), ids[i-1])
				if err != nil || o == nil {
					b.Errorf("no offer: %v", err)
					return
				}
			}
		}()
	}
	wg.Wait()
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "claims/s")
	b.ReportMetric(d, "fdatasync/s")
	b.ReportMetric(rate/d, "claims/fdatasync")
	b.ReportMetric(float64(wrote()-written)/1024/float64(b.N), "KiB-written/claim")
	b.ReportMetric(float64(b.N)/float64(db.Stats().Commits.Load()-commits), "claims/commit")
	b.ReportMetric(float64((cpuTime()-used).Microseconds())/float64(b.N), "cpu-us/claim")
}

// cpuTime is what this process, not a database server, has used of the processors.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// wrote is how many bytes this process has sent to files, by the kernel's count.
func wrote() (n int64) {
	raw, _ := os.ReadFile("/proc/self/io") // elsewhere: 0
	_, after, _ := strings.Cut(string(raw), "\nwrite_bytes: ")
	fmt.Sscan(after, &n)
	return n
}

// Columns of a provider and of a job that a copy has like its model.
const (
	providerColumns = `state, bundle_sha3, bundle_ts, algorithms, regions, level, dev, capacity, qos, version, min_price_ppm, beat_seq, beat_sha3, beat_ms, due_ms, missed, health, health_ppm,
		health_status, log_size, log_root, running, offer_id, quota_epoch, quota_units, jailed_until, cooldown_until, offenses, window_number, registered_ms, registered_round, reason, reason_ms`
	jobColumns = `requester, request, circuit_hash, job_hash, width, depth, shots, trap_ppm, trap_policy, units, payable, class, region, algorithm,
		priority, max_latency_ms, insufficient_ok, escrow, paid, refunded, tries, policy, submitted_ms, expires_ms, not_before_ms, finished_ms, reason, trap_pass, trap_fail, latency_ms`
)

// copies registers n providers like one, past the registry: for measurements.
func copies(t testing.TB, w *world, n int) []digest.Digest {
	one := w.provider("copied", 5000, 1).id
	ids := make([]digest.Digest, n)
	for done := 0; done < n; done += 5000 {
		require.NoError(t, w.cfg.Store.Update(ctx, w.now, func(t *store.Tx) error {
			for i := done; i < min(n, done+5000); i++ {
				ids[i] = digest.Sum(fmt.Append(nil, "provider ", i))
				if _, err := t.Exec("INSERT INTO provider (id, "+providerColumns+") SELECT ?, "+providerColumns+" FROM provider WHERE id = ?", ids[i], one); err != nil {
					return err
				}
				if _, err := t.Exec("INSERT INTO provider_text (provider_id, bundle) SELECT ?, bundle FROM provider_text WHERE provider_id = ?", ids[i], one); err != nil {
					return err
				}
				if _, err := t.Exec("INSERT INTO account (owner, kind, debits, credits) VALUES (?, 'bonded', 0, 5000)", ids[i]); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	analyzed(t, w)
	return ids
}

// fill copies one submitted job n times, past ledger and log: for measurements.
func fill(t testing.TB, w *world, n int) {
	w.unsound = true
	id := w.submit(0, nil)
	for done := 0; done < n; done += 5000 {
		require.NoError(t, w.cfg.Store.Update(ctx, w.now, func(t *store.Tx) error {
			for i := done; i < min(n, done+5000); i++ {
				if err := copyJob(t, digest.Sum(fmt.Append(nil, "copy ", i)), 1_000_000_000+int64(i), id); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	analyzed(t, w)
}

// analyzed lets PostgreSQL count what was written past it, as its autovacuum does.
func analyzed(t testing.TB, w *world) {
	if w.cfg.Store.Engine() != "sqlite" {
		require.NoError(t, w.cfg.Store.Update(ctx, w.now, func(t *store.Tx) error { _, err := t.Exec("ANALYZE"); return err }))
	}
}

// copyJob copies a job into the queue.
func copyJob(t *store.Tx, id digest.Digest, seq int64, from digest.Digest) error {
	_, err := t.Exec("INSERT INTO job (seq, id, state, attempt, "+jobColumns+") SELECT ?, ?, 'queued', 0, "+jobColumns+" FROM job WHERE id = ?", seq, id, from)
	if err != nil {
		return err
	}
	_, err = t.Exec("INSERT INTO job_text (seq, document, answer) SELECT ?, document, answer FROM job JOIN job_text USING (seq) WHERE id = ?", seq, from)
	return err
}
