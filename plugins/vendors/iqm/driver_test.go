package iqm_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
	"github.com/animicaorg/engine/plugins/fakes/faults"
	fake "github.com/animicaorg/engine/plugins/fakes/iqm"
	"github.com/animicaorg/engine/plugins/vendors/iqm"
)

// coin is u3, CZ, u3 on two qubits under a fresh key, twice.
func coin() *driver.Submission {
	h := circuit.U3Angles{Theta: circuit.HalfPi, Lambda: circuit.Pi}.Normal()
	b := &backends.Batch{Skeleton: circuit.Skeleton{Width: 2, Layers: [][]circuit.Pair{{{A: 0, B: 1}}}}, Palette: []circuit.U3Angles{h}}
	b.Rows = &guest.Rows{N: 2, Locations: 4, ElemSize: 2, Data: make([]byte, 16)}
	s := &driver.Submission{Device: iqm.DeviceID, Batch: b, ShotsPerSlot: 1, Kind: driverv1.ResultKind_RESULT_KIND_PER_SHOT, Verbatim: true}
	rand.Read(s.Key[:])
	return s
}

// tag is what the vendor sees of a first submission.
func tag(s *driver.Submission) string { return "engine-" + hex.EncodeToString(s.Key[:20]) }

// configured is the driver in this process, on a cache folder.
func configured(t *testing.T, cfg []byte, cache string) *iqm.Driver {
	d := iqm.New(time.Now)
	_, err := d.Configure(t.Context(), &driver.Config{JSON: cfg, Secrets: map[string]string{"token": token}, CacheDir: cache})
	require.NoError(t, err)
	return d
}

func local(t *testing.T, cfg []byte) *iqm.Driver { return configured(t, cfg, t.TempDir()) }

// recovered is the job ids that Recover gives for a key.
func recovered(t *testing.T, d driver.Driver, key [32]byte) (ids []string, err error) {
	err = d.Recover(t.Context(), iqm.DeviceID, key, time.Time{}, func(j *driverv1.Job) error {
		require.Equal(t, key[:], j.IdempotencyKey)
		ids = append(ids, j.JobId)
		return nil
	})
	return ids, err
}

// TestKilledBetweenPostAndReply kills the driver with SIGKILL the moment the vendor
// has accepted. The vendor has no list, so the driver says that it cannot know, and
// submits nothing more; no key ever has a second job.
func TestKilledBetweenPostAndReply(t *testing.T) {
	const rounds = 20
	var mu sync.Mutex
	var kill func()
	server, cfg := vendor(t, fake.Options{Accepted: func(string) {
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
		_, err = p.Client().Configure(t.Context(), &driver.Config{JSON: cfg, Secrets: map[string]string{"token": token}, CacheDir: cache})
		require.NoError(t, err)
		return p
	}
	p := spawn()
	for range rounds {
		s := coin()
		mu.Lock()
		victim := p
		kill = func() { _ = victim.Stop(context.Background(), 0) }
		mu.Unlock()
		_, err := p.Client().Submit(t.Context(), s)
		require.ErrorIs(t, err, driver.ErrDied)
		p = spawn()
		_, err = recovered(t, p.Client(), s.Key)
		require.ErrorIs(t, err, &driver.Error{Code: driver.SubmitUncertain})
		_, err = p.Client().Submit(t.Context(), s)
		require.ErrorIs(t, err, &driver.Error{Code: driver.SubmitUncertain})
		require.ErrorContains(t, err, tag(s), "the operator learns what to look for")
		require.Equal(t, 1, server.Jobs(tag(s)))
	}
	require.NoError(t, p.Stop(t.Context(), 0))
	require.Equal(t, rounds, server.Total())
}

// settle is a configuration with the operator's word.
func settle(cfg []byte, mark, job string) []byte {
	return []byte(strings.Replace(string(cfg), "{", `{"settled":[{"tag":"`+mark+`","job":"`+job+`"}],`, 1))
}

// TestTheOperatorSettles: a submission without an answer ends by the operator's
// word. A job that is there is taken, with what it was asked for; where there is
// none the key goes out once more, under another tag, so that the word covers the
// one attempt that it was about.
func TestTheOperatorSettles(t *testing.T) {
	server, cfg := vendor(t, fake.Options{})
	cache, s := t.TempDir(), coin()
	server.Plan([]faults.Fault{{Kind: "lost-reply", Post: true, N: 1}})
	_, err := configured(t, cfg, cache).Submit(t.Context(), s)
	require.ErrorIs(t, err, &driver.Error{Code: driver.SubmitUncertain})
	id := server.IDs()[0]

	_, err = configured(t, settle(cfg, tag(s), "00000000-0000-0000-0000-000000000000"), cache).Submit(t.Context(), s)
	require.ErrorIs(t, err, &driver.Error{Code: driver.ConfigInvalid}, "there is no such job")

	d := configured(t, settle(cfg, tag(s), id), cache)
	found, err := recovered(t, d, s.Key)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Contains(t, found[0], id)
	r, err := configured(t, cfg, cache).Submit(t.Context(), s)
	require.NoError(t, err, "it stands in the ledger now")
	require.True(t, r.Deduplicated)
	require.Equal(t, found[0], r.JobId)
	var rows int
	require.NoError(t, d.Results(t.Context(), r.JobId, 0, 0, func(c *driverv1.ResultChunk) error { rows += len(c.GetBody().GetRows()); return nil }))
	require.Equal(t, 2, rows)

	other := coin()
	server.Plan([]faults.Fault{{Kind: "500", Post: true, N: 1}})
	_, err = configured(t, cfg, cache).Submit(t.Context(), other)
	require.ErrorIs(t, err, &driver.Error{Code: driver.SubmitUncertain})
	_, err = configured(t, settle(cfg, tag(other), id), cache).Submit(t.Context(), other)
	require.ErrorContains(t, err, "has the tag", "another key's job")
	word := settle(cfg, tag(other), "none")
	found, err = recovered(t, configured(t, word, cache), other.Key)
	require.NoError(t, err)
	require.Empty(t, found)
	server.Plan([]faults.Fault{{Kind: "lost-reply", Post: true, N: 1}})
	_, err = configured(t, word, cache).Submit(t.Context(), other)
	require.ErrorIs(t, err, &driver.Error{Code: driver.SubmitUncertain})
	_, err = configured(t, word, cache).Submit(t.Context(), other)
	require.ErrorIs(t, err, &driver.Error{Code: driver.SubmitUncertain}, "the word was about the first attempt")
	require.Equal(t, 2, server.Total())
	require.Zero(t, server.Jobs(tag(other)), "the second attempt has a tag of its own")
}

// TestFaults: what each fault of a POST means, and that none makes a second job.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		kind string
		code driver.Code
		jobs int
	}{{"429", driver.RateLimited, 0}, {"500", driver.SubmitUncertain, 0}, {"503", driver.SubmitUncertain, 0}, {"cut", driver.SubmitUncertain, 1}, {"lost-reply", driver.SubmitUncertain, 1}, {"stale-auth", driver.Auth, 0}} {
		t.Run(c.kind, func(t *testing.T) {
			server, cfg := vendor(t, fake.Options{})
			d, s := local(t, cfg), coin()
			server.Plan([]faults.Fault{{Kind: c.kind, Post: true, N: 1}})
			_, err := d.Submit(t.Context(), s)
			var e *driver.Error
			require.True(t, errors.As(err, &e), "%v", err)
			require.Equal(t, driver.Name(c.code), driver.Name(e.Code))
			require.Equal(t, c.kind == "429", e.Retryable)
			require.NotContains(t, err.Error(), token)
			require.Equal(t, c.jobs, server.Total())
			_, err = d.Submit(t.Context(), s)
			if c.code == driver.SubmitUncertain {
				require.ErrorIs(t, err, &driver.Error{Code: driver.SubmitUncertain})
				require.Equal(t, c.jobs, server.Total())
				return
			}
			require.NoError(t, err, "a sure refusal frees the key")
			require.Equal(t, 1, server.Total())
		})
	}
}

// TestReadsAreTriedAgain: GET survives what POST must not repeat.
func TestReadsAreTriedAgain(t *testing.T) {
	server, cfg := vendor(t, fake.Options{})
	d := local(t, cfg)
	for _, kind := range []string{"429", "500", "503", "cut"} {
		server.Plan([]faults.Fault{{Kind: kind, N: 2}})
		_, err := d.Device(t.Context(), iqm.DeviceID)
		require.NoError(t, err, kind)
	}
}

// TestRefusedBeforeThePost: nothing reaches the vendor's queue.
func TestRefusedBeforeThePost(t *testing.T) {
	server, cfg := vendor(t, fake.Options{}, "quantum_computer", "adonis")
	d := local(t, cfg)
	for name, c := range map[string]struct {
		edit func(s *driver.Submission)
		code driver.Code
	}{
		"ceiling":     {func(s *driver.Submission) { s.MaxCost = &driverv1.Money{Currency: "EUR", Micro: 1 << 40} }, driver.Budget},
		"late":        {func(s *driver.Submission) { s.NotAfter = time.Now().Add(-time.Second) }, driver.Deadline},
		"calibration": {func(s *driver.Submission) { s.CalibrationID = "00000000-0000-0000-0000-000000000000.0" }, driver.ResultGone},
		"not an id":   {func(s *driver.Submission) { s.CalibrationID = "x" }, driver.ResultGone},
		"coupling":    {func(s *driver.Submission) {}, driver.Connectivity}, // QB1 and QB2 of a star
	} {
		s := coin()
		c.edit(s)
		_, err := d.Submit(t.Context(), s)
		require.ErrorIs(t, err, &driver.Error{Code: c.code}, name)
	}
	require.Zero(t, server.Total())
}

// TestQubitsInTheOperatorsOrder: the configuration makes a line out of a star.
func TestQubitsInTheOperatorsOrder(t *testing.T) {
	_, cfg := vendor(t, fake.Options{}, "quantum_computer", "adonis", "qubits", []string{"QB4", "QB3", "QB1"})
	d := local(t, cfg)
	dev, err := d.Device(t.Context(), iqm.DeviceID)
	require.NoError(t, err)
	require.Equal(t, "QB4", dev.Qubits[0].Label)
	require.Equal(t, uint32(3), dev.Width)
	var edges [][2]uint32
	for _, e := range dev.Edges {
		edges = append(edges, [2]uint32{e.A, e.B})
	}
	require.Equal(t, [][2]uint32{{0, 1}, {1, 2}}, edges)
	_, cfg = vendor(t, fake.Options{}, "quantum_computer", "adonis", "qubits", []string{"QB4", "QB9"})
	_, err = local(t, cfg).Device(t.Context(), iqm.DeviceID)
	require.ErrorContains(t, err, "QB9")
	_, cfg = vendor(t, fake.Options{}, "quantum_computer", "nowhere")
	_, err = local(t, cfg).Device(t.Context(), iqm.DeviceID)
	require.ErrorContains(t, err, "garnet")
}

// TestCalibration: the snapshot has what the vendor measured, in the contract's
// units, and names set and metrics.
func TestCalibration(t *testing.T) {
	m, err := noise.Parse([]byte(`{"format":"noise/v1","gates":[{"gate":"1q","depolarizing":0.003},{"gate":"2q","pair_depolarizing":0.01}]}`))
	require.NoError(t, err)
	_, cfg := vendor(t, fake.Options{Noise: m})
	d := local(t, cfg)
	c, err := d.Calibration(t.Context(), iqm.DeviceID, "")
	require.NoError(t, err)
	require.Len(t, c.Qubits, 20)
	require.Equal(t, uint64(40_000), *c.Qubits[7].T1Ns)
	require.Equal(t, uint64(20_000), *c.Qubits[7].T2Ns)
	require.Zero(t, *c.Qubits[0].Readout_1Given_0)
	require.Len(t, c.Gates, 20+30)
	require.Equal(t, []uint32{0, 1}, c.Gates[0].Qubits)
	require.InDelta(t, 0.992, *c.Gates[0].Fidelity, 1e-12)
	require.InDelta(t, 0.998, *c.Gates[30].Fidelity, 1e-12)
	require.Equal(t, "2026-11-01", c.MeasuredAt.AsTime().Format("2006-01-02"))
	again, err := d.Calibration(t.Context(), iqm.DeviceID, c.Id)
	require.NoError(t, err)
	require.Equal(t, c.VendorRawSha256, again.VendorRawSha256)
	_, err = d.Calibration(t.Context(), iqm.DeviceID, c.Id[:37]+"00000000-0000-0000-0000-000000000000")
	require.ErrorIs(t, err, &driver.Error{Code: driver.ResultGone}, "other metrics of the same set")
}

// TestCancelAndLongPoll: Get waits in the server, cancellation ends it.
func TestCancelAndLongPoll(t *testing.T) {
	_, cfg := vendor(t, fake.Options{Delay: time.Hour})
	d := local(t, cfg)
	r, err := d.Submit(t.Context(), coin())
	require.NoError(t, err)
	ended := make(chan *driverv1.Job)
	go func() {
		j, _ := d.Get(context.Background(), r.JobId, 30*time.Second)
		ended <- j
	}()
	state, err := d.Cancel(t.Context(), r.JobId)
	require.NoError(t, err)
	require.Equal(t, driverv1.CancelState_CANCEL_STATE_CANCELLED, state)
	require.Equal(t, driverv1.JobState_JOB_STATE_CANCELLED, (<-ended).State)
	state, err = d.Cancel(t.Context(), r.JobId)
	require.NoError(t, err)
	require.Equal(t, driverv1.CancelState_CANCEL_STATE_CANCELLED, state)
}

// TestGoldenRequest freezes the bytes of a POST.
func TestGoldenRequest(t *testing.T) {
	server, cfg := vendor(t, fake.Options{})
	_, err := local(t, cfg).Submit(t.Context(), coin())
	require.NoError(t, err)
	const name = "testdata/request.json"
	if os.Getenv("ENGINE_UPDATE") != "" {
		require.NoError(t, os.WriteFile(name, []byte(server.LastBody()), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), server.LastBody())
}
