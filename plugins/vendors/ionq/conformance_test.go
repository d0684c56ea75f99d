package ionq_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/backendtest"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/drivertest"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
	"github.com/animicaorg/engine/plugins/fakes/faults"
	fake "github.com/animicaorg/engine/plugins/fakes/ionq"
	"github.com/animicaorg/engine/plugins/vendors/ionq"
)

func TestMain(m *testing.M) {
	process.MaybeLaunch()
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		driver.Serve(ionq.New(time.Now))
		return
	}
	os.Exit(m.Run())
}

const apiKey = "key-of-the-fake"

// vendor starts a fake, and gives a configuration that reaches it.
func vendor(t *testing.T, backend string, o fake.Options) (*fake.Server, []byte) {
	return vendorWith(t, backend, "qis", o)
}

func vendorWith(t *testing.T, backend, gateset string, o fake.Options) (*fake.Server, []byte) {
	t.Helper()
	o.Key, o.Now = apiKey, time.Now
	s := fake.New(o)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	cfg, err := json.Marshal(map[string]any{"base_url": web.URL + "/v0.4", "backend": backend, "gateset": gateset, "poll_ms": 2, "settle_ms": 20, "max_circuits": 256, "max_shots": 1000})
	require.NoError(t, err)
	return s, cfg
}

func short(t *testing.T) string {
	dir, err := os.MkdirTemp("", "q")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func conform(t *testing.T, backend, gateset string, only ...string) *drivertest.Score {
	_, cfg := vendorWith(t, backend, gateset, fake.Options{})
	img, err := process.Seal(os.Args[0])
	require.NoError(t, err)
	defer img.Close()
	s, err := drivertest.Run(t.Context(), drivertest.Options{Spec: &process.Spec{Image: img, Args: []string{"serve"}, CacheDir: t.TempDir()}, Sockets: short(t), Now: time.Now,
		Config: cfg, Secrets: map[string]string{"api_key": apiKey}, Jobs: 50, Only: only})
	require.NoError(t, err)
	for _, c := range s.Checks {
		require.NotEqual(t, drivertest.Failed, c.Status, "%s: %s", c.Name, c.Detail)
	}
	t.Logf("%s: %d passed, %d failed, %d skipped", backend, s.Passed, s.Failed, s.Skipped)
	return s
}

func TestConformance(t *testing.T) {
	require.GreaterOrEqual(t, conform(t, "qpu.forte-1", "qis").Passed, 95)
}

// TestConformanceOfNativeGates runs the checks that gates can fail.
func TestConformanceOfNativeGates(t *testing.T) {
	gates := []string{"bit-0-of-3", "bits-over-a-byte", "gate-h", "gate-z", "gate-s", "phases-in-order", "gate-cz", "gate-cz-idle", "shots-are-not-constant", "five-megabytes"}
	require.Equal(t, len(gates), conform(t, "qpu.aria-1", "native-ms", gates...).Passed)
	require.Equal(t, len(gates), conform(t, "qpu.forte-1", "native-zz", gates...).Passed)
}

// TestTables: the translations of a random circuit by all three tables have its
// probabilities, which the vendor's simulator computes.
func TestTables(t *testing.T) {
	r, sk := backendtest.Stream(5), backendtest.Brickwork(3, 4)
	u := backendtest.RandomTriples(r, sk, false)
	prog, err := statevector.FromSkeleton(&sk, u)
	require.NoError(t, err)
	st, err := statevector.Simulate(t.Context(), prog, statevector.Options{Precision: statevector.Complex128})
	require.NoError(t, err)
	want := st.Probabilities()
	for _, gateset := range []string{"qis", "native-ms", "native-zz"} {
		_, cfg := vendorWith(t, "simulator", gateset, fake.Options{})
		d := local(t, cfg)
		s := &driver.Submission{Device: ionq.DeviceID, Batch: backendtest.Build(sk, [][]circuit.U3Angles{u}), ShotsPerSlot: 1000, Kind: driverv1.ResultKind_RESULT_KIND_PROBABILITIES, Verbatim: true}
		resp, err := d.Submit(t.Context(), s)
		require.NoError(t, err, gateset)
		require.NoError(t, d.Results(t.Context(), resp.JobId, 0, 0, func(c *driverv1.ResultChunk) error {
			for i, p := range c.GetBody().GetProbabilities() {
				require.InDelta(t, want[c.GetBody().Rows[i]], p, 1e-9, gateset)
			}
			return nil
		}))
	}
}

// TestSimulatorGivesProbabilities, and never anything else.
func TestSimulatorGivesProbabilities(t *testing.T) {
	server, cfg := vendor(t, "simulator", fake.Options{})
	d, s := local(t, cfg), coin()
	dev, err := d.Device(t.Context(), ionq.DeviceID)
	require.NoError(t, err)
	require.Equal(t, []driverv1.ResultKind{driverv1.ResultKind_RESULT_KIND_PROBABILITIES}, dev.ResultKinds)
	require.NotNil(t, driver.CheckLimits(s, dev), "two slots")
	s.Batch.Rows.N, s.Batch.Rows.Data, s.ShotsPerSlot = 1, s.Batch.Rows.Data[:8], 1000
	require.NotNil(t, driver.CheckLimits(s, dev), "single shots")
	s.Kind = driverv1.ResultKind_RESULT_KIND_PROBABILITIES
	require.Nil(t, driver.CheckLimits(s, dev))
	r, err := d.Submit(t.Context(), s)
	require.NoError(t, err)
	got := map[byte]float64{}
	require.NoError(t, d.Results(t.Context(), r.JobId, 0, 0, func(c *driverv1.ResultChunk) error {
		if h := c.GetHeader(); h != nil {
			require.Equal(t, s.Kind, h.Kind)
		}
		require.Empty(t, c.GetBody().GetCounts())
		for i, p := range c.GetBody().GetProbabilities() {
			got[c.GetBody().Rows[i]] = p
		}
		return nil
	}))
	for x := range byte(4) { // H H, CZ, H H on |00⟩
		require.InDelta(t, 0.25, got[x], 1e-9)
	}
	require.Equal(t, 1, server.Total())
	_, err = d.Calibration(t.Context(), ionq.DeviceID, "")
	require.ErrorIs(t, err, &driver.Error{Code: driver.NotSupported})
}

// TestKilledBetweenPostAndReply kills the driver with SIGKILL the moment the vendor
// has accepted, every other time with the reply lost as well. No key has a second
// job, none is lost.
func TestKilledBetweenPostAndReply(t *testing.T) {
	const rounds = 40
	var mu sync.Mutex
	var kill func()
	server, cfg := vendor(t, "qpu.forte-1", fake.Options{Accepted: func(string) {
		mu.Lock()
		defer mu.Unlock()
		if kill != nil {
			kill()
			kill = nil
		}
	}})
	img, err := process.Seal(os.Args[0])
	require.NoError(t, err)
	defer img.Close()
	cache := t.TempDir()
	start := supervisor.Exec(&process.Spec{Image: img, Args: []string{"serve"}, CacheDir: cache}, short(t), time.Minute, slog.New(slog.DiscardHandler))
	spawn := func() supervisor.Process {
		p, err := start(t.Context())
		require.NoError(t, err)
		_, err = p.Client().Configure(t.Context(), &driver.Config{JSON: cfg, Secrets: map[string]string{"api_key": apiKey}, CacheDir: cache})
		require.NoError(t, err)
		return p
	}
	p := spawn()
	for i := range rounds {
		s := coin()
		if i%2 == 1 {
			server.Plan([]faults.Fault{{Kind: "lost-reply", Post: true, N: 1}})
		}
		mu.Lock()
		victim := p
		kill = func() { _ = victim.Stop(context.Background(), 0) }
		mu.Unlock()
		_, err := p.Client().Submit(t.Context(), s)
		require.Error(t, err)
		p = spawn()
		var found []string
		require.NoError(t, p.Client().Recover(t.Context(), ionq.DeviceID, s.Key, time.Time{}, func(j *driverv1.Job) error { found = append(found, j.JobId); return nil }))
		require.Len(t, found, 1)
		r, err := p.Client().Submit(t.Context(), s)
		require.NoError(t, err)
		require.True(t, r.Deduplicated)
		require.Equal(t, found[0], r.JobId)
		require.Equal(t, 1, server.Jobs(hex.EncodeToString(s.Key[:])))
	}
	require.NoError(t, p.Stop(t.Context(), 0))
	require.Equal(t, rounds, server.Total())
}

// coin is u3, CZ, u3 on two qubits under a fresh key.
func coin() *driver.Submission {
	h := circuit.U3Angles{Theta: circuit.HalfPi, Lambda: circuit.Pi}.Normal()
	b := &backends.Batch{Skeleton: circuit.Skeleton{Width: 2, Layers: [][]circuit.Pair{{{A: 0, B: 1}}}}, Palette: []circuit.U3Angles{h}}
	b.Rows = &guest.Rows{N: 2, Locations: 4, ElemSize: 2, Data: make([]byte, 16)}
	s := &driver.Submission{Device: ionq.DeviceID, Batch: b, ShotsPerSlot: 1, Kind: driverv1.ResultKind_RESULT_KIND_PER_SHOT, Verbatim: true}
	rand.Read(s.Key[:])
	return s
}

// local is the driver in this process.
func local(t *testing.T, cfg []byte) *ionq.Driver {
	d := ionq.New(time.Now)
	_, err := d.Configure(t.Context(), &driver.Config{JSON: cfg, Secrets: map[string]string{"api_key": apiKey}, CacheDir: t.TempDir()})
	require.NoError(t, err)
	return d
}

// TestFaults: what each fault of a POST means, and that none makes a second job.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		kind string
		code driver.Code
		jobs int
	}{{"429", driver.RateLimited, 0}, {"500", driver.SubmitUncertain, 0}, {"503", driver.SubmitUncertain, 0}, {"cut", driver.SubmitUncertain, 1}, {"lost-reply", driver.SubmitUncertain, 1}, {"stale-auth", driver.Auth, 0}} {
		t.Run(c.kind, func(t *testing.T) {
			server, cfg := vendor(t, "qpu.forte-1", fake.Options{})
			d, s := local(t, cfg), coin()
			server.Plan([]faults.Fault{{Kind: c.kind, Post: true, N: 1}})
			_, err := d.Submit(t.Context(), s)
			var e *driver.Error
			require.True(t, errors.As(err, &e), "%v", err)
			require.Equal(t, driver.Name(c.code), driver.Name(e.Code))
			require.Equal(t, c.kind == "429", e.Retryable)
			require.NotContains(t, err.Error(), apiKey)
			require.Equal(t, c.jobs, server.Total())
			r, err := d.Submit(t.Context(), s)
			require.NoError(t, err)
			require.Equal(t, c.jobs == 1, r.Deduplicated)
			require.Equal(t, 1, server.Total())
		})
	}
}

// TestReadsAreTriedAgain: GET survives what POST must not repeat.
func TestReadsAreTriedAgain(t *testing.T) {
	server, cfg := vendor(t, "qpu.forte-1", fake.Options{})
	d := local(t, cfg)
	for _, kind := range []string{"429", "500", "503", "cut"} {
		server.Plan([]faults.Fault{{Kind: kind, N: 2}})
		_, err := d.Device(t.Context(), ionq.DeviceID)
		require.NoError(t, err, kind)
	}
	server.Plan([]faults.Fault{{Kind: "stale-auth", N: 1}})
	_, err := d.Device(t.Context(), ionq.DeviceID)
	require.ErrorIs(t, err, &driver.Error{Code: driver.Auth})
}

// TestBudget: above the ceiling nothing is submitted.
func TestBudget(t *testing.T) {
	server, cfg := vendor(t, "qpu.forte-1", fake.Options{})
	d, s := local(t, cfg), coin()
	s.MaxCost = &driverv1.Money{Currency: "USD", Micro: 1}
	_, err := d.Submit(t.Context(), s)
	require.ErrorIs(t, err, &driver.Error{Code: driver.Budget})
	require.Zero(t, server.Total())
	s.MaxCost.Micro = 1_000_000
	_, err = d.Submit(t.Context(), s)
	require.NoError(t, err)
}

// TestGoldenRequest freezes the bytes of a POST.
func TestGoldenRequest(t *testing.T) {
	server, cfg := vendor(t, "qpu.forte-1", fake.Options{})
	s := coin()
	s.Key = [32]byte{1, 2, 3}
	_, err := local(t, cfg).Submit(t.Context(), s)
	require.NoError(t, err)
	name := "testdata/request.json"
	if os.Getenv("ENGINE_UPDATE") != "" {
		require.NoError(t, os.WriteFile(name, []byte(server.LastBody()), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), server.LastBody())
}
