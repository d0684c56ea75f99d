package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/backendtest"
	"github.com/animicaorg/engine/backends/fleet/broker"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/circuit"
)

// workerURL makes the test binary a worker process.
const workerURL = "FLEET_TEST_WORKER"

func TestMain(m *testing.M) {
	if at := os.Getenv(workerURL); at != "" {
		c, err := broker.Dial(at, "")
		if err == nil {
			err = (&Worker{Conn: c, Backend: sim.New(), Threads: 1}).Serve(context.Background())
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func startBroker(t *testing.T) *broker.Server {
	s, err := broker.Start(broker.Options{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func connect(t *testing.T, s *broker.Server) *nats.Conn {
	c, err := s.Connect("")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// work runs a worker until the test or the returned function ends it.
func startWorker(t *testing.T, c *nats.Conn, be backends.Backend) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- (&Worker{Conn: c, Backend: be, Threads: 1}).Serve(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

func TestConformance(t *testing.T) {
	s := startBroker(t)
	for range 3 {
		startWorker(t, connect(t, s), sim.New())
	}
	c := connect(t, s)
	backendtest.Run(t, func(*testing.T) backends.Backend {
		return New(Config{Conn: c, Like: sim.New(), Look: 20 * time.Millisecond})
	})
}

// batch has slots of random circuits, a third of them equal.
func batch(width, layers, slots int) *backends.Batch {
	r, s := backendtest.Stream(3), backendtest.Brickwork(width, layers)
	shared := backendtest.RandomTriples(r, s, false)
	var all [][]circuit.U3Angles
	for i := range slots {
		if i%3 == 0 {
			all = append(all, shared)
		} else {
			all = append(all, backendtest.RandomTriples(r, s, true))
		}
	}
	b := backendtest.Build(s, all)
	b.Key = [16]byte{7}
	return b
}

func collect(t *testing.T, be backends.Backend, b *backends.Batch) []byte {
	rows, err := backendtest.Collect(t.Context(), be, b)
	require.NoError(t, err)
	return rows
}

// TestAnyCutGivesTheSameRows: number of workers and size of pieces change nothing.
func TestAnyCutGivesTheSameRows(t *testing.T) {
	b := batch(7, 6, 500)
	want := collect(t, sim.New(), b)
	s := startBroker(t)
	c := connect(t, s)
	for workers := 1; workers <= 3; workers++ {
		startWorker(t, connect(t, s), sim.New())
		for _, slots := range []int{0, 1, 64, 77, 10_000} {
			got := collect(t, New(Config{Conn: c, Like: sim.New(), Slots: slots, Look: 20 * time.Millisecond}), b)
			require.Equal(t, want, got, "%d workers, %d slots", workers, slots)
		}
	}
}

// altered is a simulator that another one of the fleet should not agree with.
type altered struct {
	*sim.Simulator
	run func(ctx context.Context, b *backends.Batch, emit backends.Emit) error
}

func (a altered) Run(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
	return a.run(ctx, b, emit)
}

func TestNoWorker(t *testing.T) {
	f := New(Config{Conn: connect(t, startBroker(t)), Like: sim.New(), Wait: 50 * time.Millisecond})
	err := f.Run(t.Context(), batch(2, 1, 4), func(*guest.Outcomes) error { return nil })
	require.ErrorIs(t, err, backends.ErrUnavailable)
	require.ErrorContains(t, err, "engine worker --connect")
}

// other is a simulator of another numeric version.
type other struct{ *sim.Simulator }

func (o other) Capabilities(ctx context.Context) (backends.Capabilities, error) {
	caps, err := o.Simulator.Capabilities(ctx)
	caps.NumericVersion++
	return caps, err
}

func TestOtherNumericVersionGetsNoWork(t *testing.T) {
	t.Parallel() // it waits, in full, for a worker that can help
	s := startBroker(t)
	startWorker(t, connect(t, s), other{sim.New()})
	f := New(Config{Conn: connect(t, s), Like: sim.New(), Look: 20 * time.Millisecond})
	err := f.Run(t.Context(), batch(2, 1, 4), func(*guest.Outcomes) error { return nil })
	require.ErrorIs(t, err, backends.ErrUnsupported)
	require.ErrorContains(t, err, "computes numeric/2, needed is numeric/1")
}

// TestFailingWorkerIsReplaced: one worker fails every piece, another does them.
func TestFailingWorkerIsReplaced(t *testing.T) {
	s := startBroker(t)
	startWorker(t, connect(t, s), altered{sim.New(), func(context.Context, *backends.Batch, backends.Emit) error { return errors.New("out of order") }})
	c := connect(t, s)
	f := New(Config{Conn: c, Like: sim.New(), Look: 20 * time.Millisecond})
	b := batch(3, 2, 200)
	err := f.Run(t.Context(), b, func(*guest.Outcomes) error { return nil })
	require.ErrorIs(t, err, backends.ErrUnavailable)
	require.ErrorContains(t, err, "out of order")
	startWorker(t, connect(t, s), sim.New())
	require.Eventually(t, func() bool {
		rows, err := backendtest.Collect(t.Context(), f, b)
		return err == nil && string(rows) == string(collect(t, sim.New(), b))
	}, 20*time.Second, time.Millisecond)
}

// TestSlowWorkerIsHedged: a worker that never finishes holds the run for its budget only,
// and if it does answer later, the answer is compared.
func TestSlowWorkerIsHedged(t *testing.T) {
	s := startBroker(t)
	startWorker(t, connect(t, s), altered{sim.New(), func(ctx context.Context, _ *backends.Batch, _ backends.Emit) error {
		<-ctx.Done()
		return ctx.Err()
	}})
	b := batch(3, 2, 300)
	f := New(Config{Conn: connect(t, s), Like: sim.New(), Look: 10 * time.Millisecond, Budget: 50 * time.Millisecond, Slots: 64})
	startWorker(t, connect(t, s), sim.New())
	require.Equal(t, collect(t, sim.New(), b), collect(t, f, b))
}

// scripted is a worker that the test plays: it is there, and do takes its pieces.
func scripted(t *testing.T, c *nats.Conn, id string, do func(*nats.Msg)) {
	sub := subjects{DefaultPrefix}
	_, err := c.Subscribe(sub.who(), func(m *nats.Msg) {
		_ = m.Respond([]byte(`{"protocol":1,"worker":"` + id + `","numeric_version":1,"threads":1}`))
	})
	require.NoError(t, err)
	_, err = c.Subscribe(sub.worker(id), do)
	require.NoError(t, err)
	require.NoError(t, c.Flush())
}

const (
	idA = "00112233445566778899aabbccddeeff"
	idB = "ffeeddccbbaa99887766554433221100"
)

// TestDisagreement: A holds the first piece back until B has answered it, then gives
// other rows; B keeps the last piece, so the run is still open.
func TestDisagreement(t *testing.T) {
	s := startBroker(t)
	b := batch(3, 2, 300)
	rows := collect(t, sim.New(), b)
	answer := func(m *nats.Msg, flip byte) {
		w, err := decodeWork(m.Data)
		if err != nil {
			panic(err)
		}
		r := &result{run: w.run, piece: w.piece, first: w.first, n: w.rows, width: 3, present: make([]byte, (w.rows+7)/8)}
		r.rows = append(r.rows, rows[w.first:w.first+uint64(w.rows)]...)
		r.rows[0] ^= flip
		for i := range w.rows {
			r.present[i/8] |= 1 << (i % 8)
		}
		_ = m.Respond(r.encode())
	}
	first := make(chan *nats.Msg, 16)
	scripted(t, connect(t, s), idA, func(m *nats.Msg) {
		if w, err := decodeWork(m.Data); err == nil && w.first == 0 {
			first <- m
		}
	})
	f := New(Config{Conn: connect(t, s), Like: sim.New(), Look: 10 * time.Millisecond, Budget: 20 * time.Millisecond, Slots: 64})
	seen := make(chan struct{})
	go func() {
		held := <-first
		scripted(t, connect(t, s), idB, func(m *nats.Msg) {
			if w, err := decodeWork(m.Data); err == nil && w.first < 256 {
				answer(m, 0)
			}
		})
		<-seen
		answer(held, 1)
	}()
	err := f.Run(t.Context(), b, func(o *guest.Outcomes) error {
		if o.First == 0 {
			close(seen)
		}
		return nil
	})
	require.ErrorIs(t, err, ErrDisagree)
	require.ErrorContains(t, err, "slots 0 to 64 by worker "+idB+" and by worker "+idA)
}

// TestRubbishIsRefused sends rubbish where a result belongs.
func TestRubbishIsRefused(t *testing.T) {
	t.Parallel() // it waits, in full, for another worker
	s := startBroker(t)
	c := connect(t, s)
	scripted(t, c, idA, func(m *nats.Msg) { _ = m.Respond([]byte(magicResult)) })
	b := batch(3, 2, 200)
	f := New(Config{Conn: connect(t, s), Like: sim.New(), Look: 10 * time.Millisecond})
	_, err := backendtest.Collect(t.Context(), f, b)
	require.ErrorContains(t, err, "malformed fleet message")
	startWorker(t, connect(t, s), sim.New())
	require.Equal(t, collect(t, sim.New(), b), collect(t, f, b))
}

// workerProcesses starts this binary as a worker of url, and ends all of them with the test.
func workerProcesses(t *testing.T, url string) func() *exec.Cmd {
	self, err := os.Executable()
	require.NoError(t, err)
	return func() *exec.Cmd {
		p := exec.Command(self)
		p.Env = append(os.Environ(), workerURL+"="+url)
		require.NoError(t, p.Start())
		t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() }) // it may be dead
		return p
	}
}

// TestKilledWorkers: processes are killed with SIGKILL while they work; the rows stay.
func TestKilledWorkers(t *testing.T) {
	s, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", Token: "secret"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	c, err := s.Connect("secret")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	start := workerProcesses(t, s.URL("secret"))
	b := batch(10, 12, 3000)
	want := collect(t, sim.New(), b)
	f := New(Config{Conn: c, Like: sim.New(), Slots: 40, Look: 50 * time.Millisecond})
	for range 3 {
		victims := []*exec.Cmd{start(), start()}
		start()
		var got []byte
		require.NoError(t, f.Run(t.Context(), b, func(o *guest.Outcomes) error {
			got = append(got, o.Rows...)
			if len(victims) > 0 { // one dies at each of the first emissions
				require.NoError(t, victims[0].Process.Kill())
				victims = victims[1:]
			}
			return nil
		}))
		require.Equal(t, want, got)
	}
}

// TestCluster runs coordinator and workers on three servers.
func TestCluster(t *testing.T) {
	var servers []*broker.Server
	var routes []string
	for range 3 {
		s, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", Token: "t", Cluster: "127.0.0.1:0", Routes: routes})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		servers, routes = append(servers, s), append(routes, s.ClusterURL())
	}
	for _, s := range servers {
		require.Eventually(t, func() bool { return s.Routes() >= 2 }, 20*time.Second, 5*time.Millisecond)
	}
	for _, s := range servers[1:] {
		c, err := broker.Dial(s.URL("t"), "")
		require.NoError(t, err)
		t.Cleanup(c.Close)
		startWorker(t, c, sim.New())
	}
	c, err := broker.Dial(servers[0].URL("t"), "")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	b := batch(6, 4, 400)
	require.Equal(t, collect(t, sim.New(), b), collect(t, New(Config{Conn: c, Like: sim.New(), Look: 20 * time.Millisecond}), b))
}

// BenchmarkRatio runs the shape of the guide's job by the simulator and by a fleet of one
// worker in this process, in turns, and reports what the way over NATS costs.
func BenchmarkRatio(b *testing.B) {
	s, err := broker.Start(broker.Options{})
	require.NoError(b, err)
	defer s.Close()
	var conns [2]*nats.Conn
	for i := range conns {
		conns[i], err = s.Connect("")
		require.NoError(b, err)
		defer conns[i].Close()
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- (&Worker{Conn: conns[0], Backend: sim.New()}).Serve(ctx) }()
	job := batch(20, 60, 4096)
	f := New(Config{Conn: conns[1], Like: sim.New(), Slots: 4096, Look: 20 * time.Millisecond})
	var spent [2]time.Duration
	for b.Loop() {
		for i, be := range []backends.Backend{sim.New(), f} {
			began := time.Now()
			_, err := backendtest.Collect(ctx, be, job)
			require.NoError(b, err)
			spent[i] += time.Since(began)
		}
	}
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "fleet/alone")
	cancel()
	require.NoError(b, <-done)
}
