package agent_test

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/devnet"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	_ "github.com/animicaorg/engine/host/wazerort" // the WebAssembly runtime of workers
)

func TestMain(m *testing.M) {
	host.MaybeWorker()
	os.Exit(m.Run())
}

const smallJob = `{"job_id":"6a0b1f4e2d3c5968778695a4b3c2d1e0f00112233445566778899aabbccddeef","kind":"quantum",
"spec":{"circuit_id":"animica.quantum.trapset.v1","width":6,"depth":8,"shots":800,"trap_ratio":0.3,"seed":"00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"},
"max_latency_ms":60000,"price":{"units":12}}`

// figure reads a series of the text format.
func figure(t *testing.T, text, series string) float64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(text)
	require.NotNil(t, m, "%s is not in\n%s", series, text)
	v, err := strconv.ParseFloat(m[1], 64)
	require.NoError(t, err)
	return v
}

func metrics(t *testing.T, a *agent.Agent) string {
	var b bytes.Buffer
	require.NoError(t, a.Metrics(t.Context(), &b))
	return b.String()
}

// TestAProvidersFigures has one do two jobs of a real network, and leaves a proof in the
// outbox of the next.
func TestAProvidersFigures(t *testing.T) {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	n, err := devnet.Start(t.Context(), devnet.Config{Dir: t.TempDir(), Host: h, Backend: sim.New(), Version: "engine/0.1.0 numeric/1 meter/1"})
	require.NoError(t, err)
	defer n.Close()
	text := metrics(t, n.Provider)
	require.NotContains(t, text, "engine_provider_eligible", "nobody was asked yet")
	require.NotContains(t, text, "engine_provider_latency_ms", "there is no latency yet")
	report, err := n.Run(t.Context(), []byte(smallJob), 2)
	require.NoError(t, err)
	require.NoError(t, n.Provider.Ask(t.Context()))
	text = metrics(t, n.Provider)
	id := n.Held.ProviderID.String()
	for series, want := range map[string]float64{
		`engine_provider_jobs_total{outcome="completed"}`: 2, `engine_provider_jobs_total{outcome="rejected"}`: 0, "engine_provider_offers_total": 2, `engine_provider_leases{state="done"}`: 2,
		"engine_provider_latency_seconds_count": 2, "engine_provider_running": 0, "engine_provider_capacity": 1, "engine_provider_draining": 0, "engine_provider_outbox_depth": 0,
		"engine_journal_outbox_depth": 0, "engine_provider_outbox_oldest_seconds": 0, "engine_provider_heartbeats_total": 1, "engine_provider_heartbeat_errors_total": 0, "engine_provider_late_total": 0,
		"engine_provider_eligible": 1, `engine_provider_status{provider_id="` + id + `",status="active"}`: 1, `engine_provider_status{provider_id="` + id + `",status="jailed"}`: 0,
		"engine_provider_staked": 5000, "engine_provider_stake_min": 5000, "engine_provider_claimable": 0, "engine_provider_network_queued": 0,
		"engine_provider_accrued_total": float64(report.Statement.Provider), "engine_provider_trap_fail": figure(t, text, "engine_trap_fail_total"),
	} {
		require.Equal(t, want, figure(t, text, series), series)
	}
	require.Equal(t, 1600., figure(t, text, "engine_trap_pass_total")+figure(t, text, "engine_trap_fail_total"))
	require.InDelta(t, 2./300, figure(t, text, "engine_jobs_per_second"), 1e-9)
	require.LessOrEqual(t, figure(t, text, `engine_provider_latency_ms{quantile="0.5"}`), figure(t, text, `engine_provider_latency_ms{quantile="0.95"}`))

	lease := digest.Sum([]byte("lease"))
	e := &agent.Entry{Lease: lease, Job: lease, Fence: 1, State: agent.Proved, Bundle: lease, UpdatedMS: 1}
	require.NoError(t, n.Provider.Journal().Put(t.Context(), e))
	text = metrics(t, n.Provider)
	require.Equal(t, 1., figure(t, text, "engine_journal_outbox_depth"))
}

// TestAMeterThatNobodyHas counts nothing and does not fail.
func TestAMeterThatNobodyHas(t *testing.T) {
	var m *agent.Meter
	m.Executed(1, time.Second)
	m.Chunk(time.Second)
	m.Workers(1)
}

// TestShotsAndPieces: what executor and fleet report.
func TestShotsAndPieces(t *testing.T) {
	m := agent.NewMeter()
	m.Executed(4096, 2*time.Second)
	m.Executed(100, 0)
	m.Chunk(time.Millisecond)
	m.Workers(3)
	list, err := m.Gatherer().Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, f := range list {
		for _, x := range f.Metric {
			got[f.GetName()] = x.GetCounter().GetValue() + x.GetGauge().GetValue() + float64(x.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{"engine_shots_total": 4196, "engine_shots_per_second": 2048, "engine_execute_seconds": 2, "engine_chunk_seconds": 1, "engine_worker_up": 3} {
		require.Equal(t, want, got[name], name)
	}
}
