//go:build unix

package qpu_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/qpu"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
	fake "github.com/animicaorg/engine/plugins/fakes/ionq"
)

// torture is the size of TestTorture. ENGINE_TORTURE=commit and =full choose the
// larger ones; scripts/torture.sh sets them.
type torture struct{ kills, submissions, workers, settleMS int }

func tortureSize() torture {
	switch os.Getenv("ENGINE_TORTURE") {
	case "full":
		return torture{1000, 10_000, 4, 30}
	case "commit":
		return torture{50, 500, 4, 30}
	}
	return torture{6, 60, 4, 30}
}

// TestTorture kills a driver with SIGKILL again and again while submissions go to
// a vendor without an idempotency token that counts what it accepts. A third of the
// kills fall between the vendor's acceptance and its reply, the rest anywhere. No
// submission is accepted twice, none is lost, every outcome is the right one, and
// neither side's restarts leave goroutines or files behind in the engine.
func TestTorture(t *testing.T) {
	size := tortureSize()
	v := &countingVendor{jobs: map[string]int{}}
	server := fake.New(fake.Options{Key: "key", Now: time.Now, Accepted: v.accepted})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	config, err := json.Marshal(map[string]any{"base_url": web.URL + "/v0.4", "backend": "qpu.forte-1", "poll_ms": 1, "settle_ms": size.settleMS})
	require.NoError(t, err)

	const maxCrashes = 1 << 30
	var quarantined atomic.Bool
	s := startDriver(t, "serve-ionq", func(c *supervisor.Config) {
		c.MaxCrashes, c.BackoffMin, c.BackoffMax = maxCrashes, time.Millisecond, 10*time.Millisecond
		c.Configure.JSON, c.Configure.Secrets = config, map[string]string{"api_key": "key"}
		c.OnEvent = func(e supervisor.Event) {
			if e.To == supervisor.Quarantined {
				quarantined.Store(true)
			}
		}
	})
	t.Logf("%d kills in %d submissions by %d workers; quarantine limit %d crashes, backoff 1 to 10 ms, settle %d ms", size.kills, size.submissions, size.workers, maxCrashes, size.settleMS)
	k := &killer{s: s, rand: rand.New(rand.NewPCG(7, 7))}
	v.hook = k.onAcceptance
	journal, err := driver.OpenLedger(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { journal.Close() })

	began := time.Now()
	var next, done atomic.Int64
	var calm atomic.Pointer[footprint] // of the engine after a tenth of the run
	var wg sync.WaitGroup
	for range size.workers {
		b, err := qpu.Open(t.Context(), qpu.Config{Name: "ionq", Acquire: s.Acquire, Journal: journal})
		require.NoError(t, err)
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= size.submissions || t.Failed() {
					return
				}
				if i*size.kills/size.submissions != (i+1)*size.kills/size.submissions {
					k.arm(t.Context())
				}
				if err := runNumbers(t.Context(), b, i); err != nil {
					t.Errorf("submission %d: %v", i, err)
				}
				n := int(done.Add(1))
				if n == size.submissions/10 {
					calm.Store(measure())
				}
				if n%(max(10, size.submissions/20)) == 0 {
					fmt.Fprintf(os.Stderr, "torture: %d submissions, %d kills, %d accepted by the vendor, %s\n", n, k.kills.Load(), server.Total(), time.Since(began).Round(time.Second))
				}
			}
		})
	}
	wg.Wait()
	k.settle(t.Context())
	require.Eventually(t, func() bool {
		return s.Status().Restarts == uint64(k.kills.Load()) && s.Status().State == supervisor.Ready
	}, time.Minute, time.Millisecond,
		"every kill was a crash, nothing else was, and the driver came back")
	end := measure()

	twice, lost := 0, size.submissions-len(v.jobs)
	for _, n := range v.jobs {
		if n > 1 {
			twice++
		}
	}
	slices.Sort(k.restarts)
	t.Logf("%d submissions, %d kills (%d between acceptance and reply), %d accepted, %d twice, %d lost, in %s", done.Load(), k.kills.Load(), k.between.Load(), server.Total(), twice, lost, time.Since(began).Round(time.Millisecond))
	t.Logf("from kill to ready: median %s, longest %s", k.restarts[len(k.restarts)/2].Round(time.Millisecond), k.restarts[len(k.restarts)-1].Round(time.Millisecond))
	t.Logf("engine after a tenth: %s; at the end: %s", calm.Load(), end)
	require.Equal(t, int64(size.kills), k.kills.Load())
	require.Zero(t, twice, "submissions that the vendor accepted twice")
	require.Zero(t, lost, "submissions that the vendor never accepted")
	require.Equal(t, size.submissions, server.Total())
	require.False(t, quarantined.Load())
	require.LessOrEqual(t, end.goroutines, calm.Load().goroutines+20, "goroutines in the engine")
	require.LessOrEqual(t, end.files, calm.Load().files+20, "open files of the engine")
}

// countingVendor counts accepted jobs by their key.
type countingVendor struct {
	mu   sync.Mutex
	jobs map[string]int
	hook func()
}

func (v *countingVendor) accepted(key string) {
	v.mu.Lock()
	v.jobs[key]++
	v.mu.Unlock()
	v.hook()
}

// killer sends SIGKILL to the driver.
type killer struct {
	s              *supervisor.Supervisor
	kills, between atomic.Int64

	arming   sync.Mutex // one worker waits for the kill before and plans the next
	mu       sync.Mutex
	rand     *rand.Rand
	armed    bool // the next acceptance kills
	planned  int
	last     string // process that was killed last
	restarts []time.Duration
	killedAt time.Time
	pending  sync.WaitGroup // a kill that was planned and did not happen yet
}

// arm plans the next kill, after the one before has happened.
func (k *killer) arm(ctx context.Context) {
	k.arming.Lock()
	defer k.arming.Unlock()
	k.settle(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pending.Add(1)
	k.planned++
	if k.planned%3 == 0 {
		k.armed = true
		return
	}
	delay := time.Duration(k.rand.Int64N(int64(30 * time.Millisecond)))
	if k.planned%3 == 1 {
		delay /= 10
	}
	go func() {
		defer k.pending.Done()
		time.Sleep(delay) // where in a submission it falls is the point, not how long it takes
		for ctx.Err() == nil && !k.now() {
			time.Sleep(time.Millisecond)
		}
	}()
}

func (k *killer) settle(context.Context) { k.pending.Wait() }

// onAcceptance runs when the vendor has a job and has not replied.
func (k *killer) onAcceptance() {
	k.mu.Lock()
	armed := k.armed
	k.mu.Unlock()
	if armed && k.now() {
		k.mu.Lock()
		k.armed = false
		k.mu.Unlock()
		k.between.Add(1)
		k.pending.Done()
	}
}

// now kills the present process, once.
func (k *killer) now() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	st := k.s.Status()
	pid, err := strconv.Atoi(st.PID)
	if err != nil || st.State != supervisor.Ready || st.PID == k.last {
		return false
	}
	if !k.killedAt.IsZero() {
		k.restarts = append(k.restarts, st.Since.Sub(k.killedAt))
	}
	if syscall.Kill(pid, syscall.SIGKILL) != nil {
		return false
	}
	k.last, k.killedAt = st.PID, time.Now()
	k.kills.Add(1)
	return true
}

// runNumbers runs submission i, whose outcomes are certain, and compares them.
func runNumbers(ctx context.Context, b *qpu.Backend, i int) error {
	const width = 6
	want := []byte{byte(i) & 63, byte(i/64) & 63}
	x := circuit.U3Angles{Theta: circuit.Pi, Lambda: circuit.Pi}.Normal()
	batch := &backends.Batch{Skeleton: circuit.Skeleton{Width: width}, Palette: []circuit.U3Angles{{}, x}, Meta: backends.Meta{JobID: "torture", LeaseID: strconv.Itoa(i)},
		Rows: &guest.Rows{N: len(want), Locations: width, ElemSize: 2}}
	for _, w := range want {
		for q := range width {
			batch.Rows.Data = append(batch.Rows.Data, w>>q&1, 0)
		}
	}
	var got []byte
	if err := b.Run(ctx, batch, func(o *guest.Outcomes) error { got = append(got, o.Rows...); return nil }); err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("outcomes %v, want %v", got, want)
	}
	return nil
}

// startDriver runs a driver of this binary under a supervisor.
func startDriver(t testing.TB, arg string, edit func(*supervisor.Config)) *supervisor.Supervisor {
	t.Helper()
	img, err := process.Seal(os.Args[0])
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, img.Close()) })
	sockets, err := os.MkdirTemp("", "q")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(sockets) })
	cache := t.TempDir()
	cfg := supervisor.Config{Driver: arg, Now: time.Now, Start: supervisor.Exec(&process.Spec{Image: img, Args: []string{arg, cache}, CacheDir: cache}, sockets, time.Minute, testLog(t)),
		Configure: driver.Config{JSON: []byte("{}"), CacheDir: cache, Dev: true}}
	edit(&cfg)
	s, err := supervisor.New(cfg)
	require.NoError(t, err)
	s.Run(context.Background())
	t.Cleanup(func() { s.Stop(context.Background(), time.Second) })
	return s
}
