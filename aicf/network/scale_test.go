package network_test

import (
	"bufio"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/digest"
)

func sqliteIn(b testing.TB, dir string) *store.DB {
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { db.Close() })
	return db
}

// BenchmarkQueueDepth compares claims out of a queue of 100,000 jobs with those
// out of 1,000, in turns, from 64 callers. The queue of 1,000 is filled up again
// between the turns.
func BenchmarkQueueDepth(b *testing.B) {
	const turn, callers = 500, 64
	var spent [2]time.Duration
	type side struct {
		w    *world
		ids  []digest.Digest
		next int
	}
	var sides [2]side
	for i, n := range []int{1000 + turn, 100_000} {
		w := newWorld(b, sqliteIn(b, b.TempDir()), nil)
		w.deposit(buyer, 1_000_000_000)
		fill(b, w, n)
		sides[i] = side{w: w, ids: copies(b, w, 40*turn)}
	}
	turns := 0
	for b.Loop() {
		for i := range sides {
			s := &sides[i]
			if s.next+turn > len(s.ids) {
				b.Skip("no providers are left: use -benchtime of fewer turns")
			}
			begun := time.Now()
			claimAll(b, s.w, s.ids[s.next:s.next+turn], callers)
			spent[i] += time.Since(begun)
			s.next += turn
			refill(b, s.w, turn, s.next)
		}
		turns++
	}
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "100000/1000")
	b.ReportMetric(float64(turns*turn)/spent[1].Seconds(), "claims/s")
}

// claimAll lets each provider take an offer.
func claimAll(b testing.TB, w *world, ids []digest.Digest, callers int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := next.Add(1); i <= int64(len(ids)); i = next.Add(1) {
				if o, err := w.Next(ctx, w.as(ids[i-1]), ids[i-1]); err != nil || o == nil {
					b.Errorf("no offer: %v", err)
					return
				}
			}
		}()
	}
	wg.Wait()
}

// refill copies queued jobs anew, past ledger and log.
func refill(b testing.TB, w *world, n, salt int) {
	require.NoError(b, w.cfg.Store.Update(ctx, w.now, func(t *store.Tx) error {
		for i := range n {
			if err := copyJob(t, digest.Sum(fmt.Append(nil, "refill ", salt, i)), 2_000_000_000+int64(salt)*1000+int64(i), digest.Sum([]byte("job 0"))); err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkSettlement settles an epoch of 100,000 claims of 1,000 providers while a
// member writes now and then. Bar: 10 s.
func BenchmarkSettlement(b *testing.B) {
	const lines, providers, bar = 100_000, 1000, 10.0
	for _, e := range []string{"sqlite", "postgresql"} {
		b.Run(e, func(b *testing.B) {
			b.StopTimer()
			var longest time.Duration
			for range b.N {
				db := durable(b, e)
				w := newWorld(b, db, func(c *network.Config) {
					c.Policy = testPolicy(b, func(p *aicf.Policy) { p.Network.RejudgePPM = 1 })
				})
				accrue(b, w, lines, providers)
				for range 4 {
					st, err := w.Status(ctx)
					require.NoError(b, err)
					_, err = w.AdvanceRound(ctx, w.now, st.Round)
					require.NoError(b, err)
				}
				ended, waited := make(chan struct{}), make(chan time.Duration)
				go func() { waited <- w.writes(ended) }()
				b.StartTimer()
				s, err := w.Sweep(ctx, w.now)
				b.StopTimer()
				close(ended)
				longest = max(longest, <-waited)
				require.NoError(b, err)
				require.Equal(b, 1, s.Settled)
				ep, err := w.Epoch(ctx, 0)
				require.NoError(b, err)
				require.EqualValues(b, lines+1, ep.Claims)
			}
			took := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(took, "s/settlement")
			b.ReportMetric(bar, "bar-s")
			b.ReportMetric(took/bar, "of-bar")
			b.ReportMetric(float64(longest.Microseconds())/1000, "longest-write-ms")
		})
	}
}

// durable opens an empty database that keeps what it answers.
func durable(b testing.TB, engine string) *store.DB {
	if engine == "sqlite" {
		return sqliteIn(b, b.TempDir())
	}
	s, err := storetest.Start(true)
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() { require.NoError(b, s.Remove()) })
	url, err := s.Create()
	require.NoError(b, err)
	db, err := store.OpenPostgres(ctx, url, store.Options{})
	require.NoError(b, err)
	b.Cleanup(func() { db.Close() })
	return db
}

// writes makes a write every 20 ms until ended is closed; it returns how long the slowest
// took.
func (w *world) writes(ended <-chan struct{}) (longest time.Duration) {
	beat := time.NewTicker(20 * time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-ended:
			return longest
		case <-beat.C:
		}
		begun := time.Now()
		if _, err := w.Faucet(ctx, w.as(buyer), buyer, 1); err != nil {
			w.Errorf("a write beside the settlement: %v", err)
		}
		longest = max(longest, time.Since(begun))
	}
}

// idOf writes number i behind a letter as an id of 32 bytes, in an engine's SQL.
func idOf(engine, letter, i string) string {
	if engine == "sqlite" {
		return "CAST(printf('" + letter + "%031d', " + i + ") AS BLOB)"
	}
	return "convert_to('" + letter + "' || lpad(CAST(" + i + " AS TEXT), 31, '0'), 'UTF8')"
}

// numbers is a table n of the numbers i from 0 on, in both engines' SQL.
func numbers(n int) string {
	return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d)", n-1)
}

// accrue copies the pay of one job n times over providers, past the log.
func accrue(b testing.TB, w *world, n, providers int) {
	network.Physics(w.Service, func(digest.Digest) string { return "good" })
	w.unsound = true
	w.deposit(buyer, 1000)
	p := w.provider("model", 5000, 1)
	w.submit(0, nil)
	a := w.lease(p)
	proof, _ := p.envelope(w, a.Lease, 1)
	_, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof})
	require.NoError(b, err)
	engine := w.cfg.Store.Engine()
	require.NoError(b, w.cfg.Store.Update(ctx, w.now, func(t *store.Tx) error {
		if err := copyLines(t, engine, n, providers, p.id); err != nil {
			return err
		}
		for i := range providers {
			if err := ledger.Move(t, ledger.Common(ledger.Mint), ledger.Of(digest.Digest(fmt.Appendf(nil, "p%031d", i)), ledger.Accrued), aicf.Amount(2*n/providers), digest.Digest{}, "x"); err != nil {
				return err
			}
		}
		_, err := t.Append(store.Note{Type: "x"})
		return err
	}))
	analyzed(b, w)
}

// copyLines copies a claim line of a provider n times for others, which it numbers. Ids lie
// in no order, as those of real lines.
func copyLines(t *store.Tx, engine string, n, providers int, of digest.Digest) error {
	const columns = `requester, epoch, state, settled, width, depth, shots, trap_pass, trap_fail, latency_ms, max_latency_ms, units, payable, gross, provider, treasury, miner, subsidy_due, subsidy, policy, cause`
	id := "randomblob(32)"
	if engine != "sqlite" {
		id = "sha256(uuid_send(gen_random_uuid()))"
	}
	_, err := t.Exec("INSERT INTO claim_line (seq, job_seq, claim, job_id, lease_id, provider_id, nullifier, "+columns+") "+numbers(n)+
		fmt.Sprintf(" SELECT 1000000000 + i, 1000000000 + i, %s, %s, %s, %s, %s, ", id, id, id, idOf(engine, "p", fmt.Sprintf("i %% %d", providers)), id)+columns+
		" FROM n CROSS JOIN (SELECT "+columns+" FROM claim_line WHERE provider_id = ? LIMIT 1) AS one", of)
	return err
}

// BenchmarkRecovery kills a service that has 100,000 jobs by SIGKILL between
// writes and measures the time until its next life answers a write. Bar: 1 s.
func BenchmarkRecovery(b *testing.B) {
	file := filepath.Join(b.TempDir(), "network.db")
	db, err := store.OpenSQLite(ctx, file, store.Options{})
	require.NoError(b, err)
	w := newWorld(b, db, func(c *network.Config) { *c = childConfig(b); c.Store, c.Entropy = db, entropy("recovery") })
	p := newProvider(w, "recovery", start/1000)
	w.unsound = true
	_, err = w.Register(ctx, w.as(p.id), p.bundle)
	require.NoError(b, err)
	w.deposit(p.id, 1_000_000_000)
	w.deposit(buyer, 1_000_000)
	fill(b, w, 100_000)
	require.NoError(b, w.Service.Close())
	require.NoError(b, db.Close())
	l, n := born(b, file), 1
	write := func() {
		var out aicf.Submitted
		require.NoError(b, l.call(request{Verb: "submit", NowMS: start, Who: p.id, Number: n}, &out))
		n++
	}
	var longest, total time.Duration
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		for range 50 { // what the log holds at the kill
			write()
		}
		require.NoError(b, l.cmd.Process.Kill())
		<-l.dead
		l.cmd.Wait()
		b.StartTimer()
		begun := time.Now()
		l = born(b, file)
		write()
		took := time.Since(begun)
		longest, total = max(longest, took), total+took
	}
	b.StopTimer()
	l.cmd.Process.Kill()
	l.cmd.Wait()
	reportStarts(b, total, longest, 1000)
}

// BenchmarkColdStart starts a service in an empty folder and measures the time until it
// answers a write: process, database, migrations, policy and first round. Bar: 300 ms.
func BenchmarkColdStart(b *testing.B) {
	var longest, total time.Duration
	p := newProvider(b, "cold", start/1000)
	for i := range b.N {
		b.StopTimer()
		file := filepath.Join(b.TempDir(), fmt.Sprint(i, ".db"))
		b.StartTimer()
		begun := time.Now()
		l := born(b, file)
		var out aicf.Registration
		require.NoError(b, l.call(request{Verb: "register", NowMS: start, Who: p.id, Body: p.bundle}, &out))
		took := time.Since(begun)
		b.StopTimer()
		longest, total = max(longest, took), total+took
		l.cmd.Process.Kill()
		l.cmd.Wait()
		b.StartTimer()
	}
	reportStarts(b, total, longest, 300)
}

func reportStarts(b *testing.B, total, longest time.Duration, barMS float64) {
	mean := total.Seconds() * 1000 / float64(b.N)
	b.ReportMetric(mean, "ms/start")
	b.ReportMetric(longest.Seconds()*1000, "longest-ms")
	b.ReportMetric(barMS, "bar-ms")
	b.ReportMetric(mean/barMS, "of-bar")
}

// BenchmarkFanOut measures how long an event takes to the last of 1,000 listeners, which
// read in this process. Bar: 50 ms.
func BenchmarkFanOut(b *testing.B) {
	const listeners = 1000
	var limit syscall.Rlimit
	require.NoError(b, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if limit.Cur < 3*listeners {
		b.Skipf("%d files may be open", limit.Cur)
	}
	s := serve(b, sqliteIn(b, b.TempDir()), func(c *httpapi.Config) { c.Concurrent = 2 * listeners })
	st, err := s.Status(ctx)
	require.NoError(b, err)
	var got sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: listeners}}
	defer client.CloseIdleConnections()
	for range listeners {
		r, err := client.Get(fmt.Sprint(s.url, "/aicf/events?types=faucet&after=", st.Events))
		require.NoError(b, err)
		defer r.Body.Close()
		go func() {
			lines := bufio.NewScanner(r.Body)
			for lines.Scan() {
				if strings.HasPrefix(lines.Text(), "data:") {
					got.Done()
				}
			}
		}()
	}
	var longest, total time.Duration
	events := 0
	for b.Loop() {
		got.Add(listeners)
		_, err := s.Faucet(ctx, s.as(buyer), buyer, 1)
		require.NoError(b, err)
		committed := time.Now()
		got.Wait()
		took := time.Since(committed)
		longest, total, events = max(longest, took), total+took, events+1
	}
	const bar = 50.0
	mean := total.Seconds() * 1000 / float64(events)
	b.ReportMetric(mean, "ms/event")
	b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
	b.ReportMetric(bar, "bar-ms")
	b.ReportMetric(mean/bar, "of-bar")
}
