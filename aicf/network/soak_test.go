package network_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"runtime"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// usage is what a process holds.
type usage struct {
	rss        int64 // bytes
	heap       int64 // of Go, in use
	goroutines int
	files      int
}

func measure(t testing.TB) usage {
	b, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	require.NoError(t, err)
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	runtime.GC() // what lives, not what waits for the collector
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{pages * int64(os.Getpagesize()), int64(m.HeapAlloc), runtime.NumGoroutine(), len(fds)}
}

// served is a service behind HTTP, with a clock that runs.
type served struct {
	*world
	url string
}

func serve(t testing.TB, db *store.DB, edit func(*httpapi.Config)) *served {
	w := newWorld(t, db, func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) {
			p.Network.RejudgePPM, p.Network.WindowJobs, p.Network.RoundMS, p.Epochs.LengthBlocks = 1, 1000, 500, 4
			p.Network.HeartbeatMS, p.Network.QueueMax = 1e9, 1_000_000
		})
	})
	network.Physics(w.Service, func(digest.Digest) string { return "good" })
	begun := time.Now()
	cfg := httpapi.Config{Network: w.Service, Signer: w.cfg.Service, Now: func() time.Time { return time.UnixMilli(start).Add(time.Since(begun)) }, Dev: true, Rate: 1e9, Version: "1"}
	if edit != nil {
		edit(&cfg)
	}
	h := httptest.NewServer(httpapi.New(cfg))
	t.Cleanup(h.Close)
	return &served{w, h.URL}
}

// post sends an unsigned call of a development client.
func (s *served) post(c *http.Client, path string, body any) (*http.Response, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := c.Post(s.url+path, "application/json", bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, r.Body)
	r.Body.Close()
	return r, err
}

// TestSoak (promise P14): jobs run, epochs settle and pay, clients come and go,
// for a long time; memory, goroutines and files do not grow, and the log has no
// gap. TORTURE_DIR keeps the database for the next slice.
func TestSoak(t *testing.T) {
	d := time.Duration(size(5, 90, 3600)) * time.Second
	dir := os.Getenv("TORTURE_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s := serve(t, db, nil)
	st, err := s.Status(ctx)
	require.NoError(t, err)
	first := st.NowMS
	begun := time.Now()
	now := func() int64 { return max(first, start) + time.Since(begun).Milliseconds() }
	var stop atomic.Bool
	var jobs, polls atomic.Int64
	jobs.Store(int64(st.Events)) // numbers of an earlier slice are taken
	before := jobs.Load()
	var wg sync.WaitGroup
	work := func(f func()) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for !stop.Load() && !t.Failed() {
				f()
			}
		}()
	}
	s.now = now()
	s.seq = st.Events
	s.deposit(buyer, 1_000_000_000)
	for i := range 3 {
		p := newProvider(s, fmt.Sprint("soak ", i), start/1000)
		as := func() aicf.Call { return aicf.Call{NowMS: now(), Account: p.id, Key: p.id} }
		_, err := s.Register(ctx, as(), p.bundle)
		require.NoError(t, err)
		_, err = s.Stake(ctx, as(), p.id, 5000)
		require.NoError(t, err)
		_, err = s.Service.Heartbeat(ctx, as(), aicf.Heartbeat{ProviderID: p.id, Capacity: 4, Seq: st.Events + 1})
		require.NoError(t, err)
		epoch := uint64(0)
		work(func() {
			n := int(jobs.Add(1))
			_, err := s.Submit(ctx, aicf.Call{NowMS: now(), Account: buyer, Key: buyer, IdempotencyKey: fmt.Sprint("soak ", n), RequestSHA3: digest.Sum(fmt.Append(nil, n))}, aicf.JobSubmission{Job: jobDocument(n, 0)})
			if err != nil {
				t.Errorf("submit: %v", err)
				return
			}
			o, err := s.Next(ctx, as(), p.id)
			if err != nil || o == nil {
				return
			}
			a, err := s.Ack(ctx, as(), aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: o.LeaseID}})
			if err != nil {
				t.Errorf("ack: %v", err)
				return
			}
			proof, _ := p.envelope(s, a.Lease, 1)
			if _, err := s.Result(ctx, as(), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof}); err != nil {
				t.Errorf("result: %v", err)
			}
			if _, err := s.Service.Claim(ctx, as(), p.id, epoch); err == nil || aicf.CodeOf(err) == aicf.NotFound && n%50 == 0 {
				epoch++
			}
		})
	}
	work(func() {
		if _, err := s.Tick(ctx, now()); err != nil {
			t.Errorf("tick: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	})
	client := &http.Client{}
	work(func() { // clients that come, read and go
		polls.Add(1)
		for _, path := range []string{"/healthz", "/aicf/jobs?limit=10", "/aicf/providers", "/aicf/epochs"} {
			r, err := client.Get(s.url + path)
			if err != nil {
				t.Errorf("GET %s: %v", path, err)
				return
			}
			io.Copy(io.Discard, r.Body)
			r.Body.Close()
		}
		s.listen(t, client)
		client.CloseIdleConnections()
		time.Sleep(5 * time.Millisecond)
	})
	var samples []usage
	for time.Since(begun) < d && !t.Failed() {
		time.Sleep(d / 90)
		samples = append(samples, measure(t))
	}
	stop.Store(true)
	wg.Wait()
	client.CloseIdleConnections()
	s.now = now()
	require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
		var n, last uint64
		err := tx.Scan("SELECT count(*), max(seq) FROM event", nil, &n, &last)
		require.Equal(t, last, n, "the log has gaps")
		st.Events = n
		return err
	}))
	steady := samples[len(samples)/3:] // behind the warming up of caches
	slope := perHour(steady, d/90, func(u usage) int64 { return u.rss })
	heap := perHour(steady, d/90, func(u usage) int64 { return u.heap })
	mid, end := steady[:len(steady)/2], steady[len(steady)/2:]
	t.Logf("%v: %d jobs, %d events without a gap, %d clients; RSS %d MiB at the end, slope %.1f MiB an hour, of the heap %.1f; goroutines %d → %d, files %d → %d (largest of each half)", d, jobs.Load()-before, st.Events, polls.Load(),
		end[len(end)-1].rss>>20, slope/(1<<20), heap/(1<<20), most(mid, func(u usage) int { return u.goroutines }), most(end, func(u usage) int { return u.goroutines }), most(mid, func(u usage) int { return u.files }), most(end, func(u usage) int { return u.files }))
	require.LessOrEqual(t, most(end, func(u usage) int { return u.goroutines }), most(mid, func(u usage) int { return u.goroutines })+20)
	require.LessOrEqual(t, most(end, func(u usage) int { return u.files }), most(mid, func(u usage) int { return u.files })+10)
	grown := func(perHour float64, from int64) float64 { return perHour * d.Hours() / float64(from) }
	switch os.Getenv("TORTURE_SIZE") {
	case "commit": // the pages that connections keep are not full after so short a time
		least := func(half []usage) float64 { // without the calls that were under way
			return float64(slices.MinFunc(half, func(a, b usage) int { return cmp.Compare(a.heap, b.heap) }).heap)
		}
		t.Logf("least that lives, in each half: %.2f and %.2f MiB", least(mid)/(1<<20), least(end)/(1<<20))
		require.Less(t, least(end), 1.1*least(mid), "what lives grew by a tenth over the time of the test")
		require.Less(t, end[len(end)-1].rss-samples[0].rss, int64(80<<20), "more than the pages that connections keep")
	case "full":
		require.Less(t, grown(slope, mid[0].rss), 0.1, "the memory grew by a tenth over the time of the test")
	}
}

// listen opens the event stream, reads some of it and hangs up.
func (s *served) listen(t testing.TB, c *http.Client) {
	r, err := c.Get(s.url + "/aicf/events?after=0")
	if err != nil {
		t.Errorf("events: %v", err)
		return
	}
	defer r.Body.Close()
	if _, err := io.ReadFull(r.Body, make([]byte, 2000)); err != nil {
		t.Errorf("events: %v", err)
	}
}

func most(list []usage, of func(usage) int) int {
	return of(slices.MaxFunc(list, func(a, b usage) int { return of(a) - of(b) }))
}

// perHour is a slope by least squares, in bytes an hour.
func perHour(list []usage, apart time.Duration, of func(usage) int64) float64 {
	var sx, sy, sxx, sxy float64
	for i, u := range list {
		x, y := float64(i)*apart.Hours(), float64(of(u))
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	n := float64(len(list))
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}
