package network_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/queue"
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
// one durable offer. It reports D, the folder's fdatasync rate, and the ratio.
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
	w := newWorld(b, db, func(c *network.Config) {
		c.Policy = testPolicy(b, func(p *aicf.Policy) { p.Quotas.LeasesMaxConcurrent.Quantum = 1 << 20 })
	})
	w.deposit(buyer, 1_000_000_000)
	jobs := max(b.N, 100)
	fill(b, w, jobs)
	ps := make([]*provider, callers)
	for i := range ps {
		ps[i] = w.provider(fmt.Sprint(i), 5000, 1<<20)
	}
	d := fdatasyncRate(b, dir)
	cal, nonces := &epoch.Calendar{ChainID: 1337}, &locked{r: entropy("claims")}
	var done atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for _, p := range ps {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for done.Add(1) <= int64(b.N) {
				if err := claim(w, cal, p.id, nonces); err != nil {
					b.Error(err)
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
}

// claim is the command behind Next for one provider; the provider's place for an
// open offer is freed in the same command, so that it can claim again.
func claim(w *world, cal *epoch.Calendar, id digest.Digest, nonces io.Reader) error {
	return w.cfg.Store.Update(ctx, w.now, func(t *store.Tx) error {
		term, err := cal.Now(t)
		if err != nil {
			return err
		}
		got, err := queue.Match(t, term, []digest.Digest{id}, nonces)
		if err != nil {
			return err
		}
		if got[0] == nil {
			return errors.New("no job was left")
		}
		_, err = t.Exec("UPDATE provider SET offer_id = NULL WHERE id = ?", id)
		return err
	})
}

// locked is a reader for many goroutines.
type locked struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *locked) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// fill copies one submitted job n times, past ledger and log: for measurements.
func fill(t testing.TB, w *world, n int) {
	w.unsound = true
	id := w.submit(0, nil)
	const columns = `requester, state, document, request, answer, circuit_hash, job_hash, width, depth, shots, trap_ppm, trap_policy, units, payable, class, region, algorithm,
		priority, max_latency_ms, insufficient_ok, escrow, paid, refunded, attempt, tries, policy, submitted_ms, expires_ms, not_before_ms, finished_ms, reason, trap_pass, trap_fail, latency_ms`
	for done := 0; done < n; done += 5000 {
		require.NoError(t, w.cfg.Store.Update(ctx, w.now, func(t *store.Tx) error {
			for i := done; i < min(n, done+5000); i++ {
				if _, err := t.Exec("INSERT INTO job (seq, id, "+columns+") SELECT ?, ?, "+columns+" FROM job WHERE id = ?", 1_000_000_000+i, digest.Sum(fmt.Append(nil, "copy ", i)), id); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}
