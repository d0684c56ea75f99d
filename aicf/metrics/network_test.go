package metrics_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/metrics"
	"github.com/animicaorg/engine/aicf/store"
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

// families of a scrape by name.
type families map[string]*dto.MetricFamily

func gather(t *testing.T, n *metrics.Network) families {
	list, err := n.Gatherer().Gather()
	require.NoError(t, err)
	out := families{}
	for _, f := range list {
		out[f.GetName()] = f
	}
	return out
}

// value is a series' number; labels are name, value in turn. A histogram's is its count.
func (f families) value(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	require.Contains(t, f, name)
next:
	for _, m := range f[name].Metric {
		for i := 0; i < len(labels); i += 2 {
			found := false
			for _, l := range m.Label {
				found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
			}
			if !found {
				continue next
			}
		}
		switch {
		case m.Counter != nil:
			return m.Counter.GetValue()
		case m.Gauge != nil:
			return m.Gauge.GetValue()
		}
		return float64(m.Histogram.GetSampleCount())
	}
	t.Fatalf("%s%v has no series", name, labels)
	return 0
}

// TestFiguresAreWhatHappened has a whole network pay for two jobs and counts.
func TestFiguresAreWhatHappened(t *testing.T) {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	n := metrics.New(time.Now, nil)
	net, err := devnet.Start(t.Context(), devnet.Config{Dir: t.TempDir(), Host: h, Backend: sim.New(), Version: "engine/0.1.0 numeric/1 meter/1", Metrics: n})
	require.NoError(t, err)
	defer net.Close()
	_, err = net.Run(t.Context(), []byte(smallJob), 2)
	require.NoError(t, err)
	require.NoError(t, n.Audit(t.Context(), net.Service))
	for _, path := range []string{"/aicf/jobs/xyz", "/aicf/jobs/" + strings.Repeat("0a", 32), "/nowhere"} {
		r, err := http.Get(net.Endpoint + path)
		require.NoError(t, err)
		require.NoError(t, r.Body.Close())
	}
	f := gather(t, n)
	for _, want := range []struct {
		name   string
		value  float64
		labels []string
	}{
		{"aicf_jobs_total", 2, []string{"outcome", "submitted"}}, {"aicf_jobs_total", 2, []string{"outcome", "completed"}}, {"aicf_jobs_total", 0, []string{"outcome", "failed"}},
		{"aicf_offers_total", 2, nil}, {"aicf_acks_total", 2, nil}, {"aicf_results_total", 2, nil}, {"aicf_leases_expired_total", 0, nil},
		{"aicf_result_seconds", 2, nil}, {"aicf_lease_hold_seconds", 2, nil}, {"aicf_verify_seconds", 2, nil}, {"aicf_sla_trap_ratio", 2, nil},
		{"aicf_heartbeats_total", 1, nil}, {"aicf_heartbeats_missed_total", 0, nil}, {"aicf_fenced_total", 0, nil}, {"aicf_replay_rejected_total", 0, nil},
		{"aicf_queue_depth", 0, []string{"state", "queued"}}, {"aicf_provider_status", 1, []string{"status", "active"}}, {"aicf_provider_status", 0, []string{"status", "jailed"}},
		{"aicf_ledger_imbalance", 0, nil}, {"aicf_jobs_credited", 2, nil}, {"aicf_store_up", 1, nil}, {"aicf_capacity", 1, nil}, {"aicf_capacity_used", 0, nil},
		{"aicf_invariant_ok", 1, []string{"id", "I1"}}, {"aicf_invariant_ok", 1, []string{"id", "I18"}}, {"aicf_writer_queue_bound", 1024, nil}, {"aicf_writer_refused_total", 0, nil},
		{"aicf_http_requests_total", 2, []string{"route", "POST /aicf/leases/result", "status", "200"}}, {"aicf_http_requests_total", 2, []string{"route", "PUT /aicf/bundles/{sha3_256}", "status", "204"}},
		{"aicf_http_request_seconds", 2, []string{"route", "POST /aicf/leases/ack"}},
		{"aicf_http_requests_total", 1, []string{"route", "GET /aicf/jobs/{id}", "status", "422"}}, {"aicf_http_requests_total", 1, []string{"route", "GET /aicf/jobs/{id}", "status", "404"}},
		{"aicf_http_requests_total", 1, []string{"route", "other", "status", "404"}},
		// Two of these calls, and the provider that looked for itself before it registered.
		{"aicf_refused_total", 3, []string{"code", "NotFound"}}, {"aicf_refused_total", 1, []string{"code", "SchemaError"}},
		{"aicf_trap_pass_total", 0, nil},
	} {
		got := f.value(t, want.name, want.labels...)
		if want.name == "aicf_trap_pass_total" {
			require.EqualValues(t, 1600, got+f.value(t, "aicf_trap_fail_total"))
			continue
		}
		require.Equal(t, want.value, got, "%s%v", want.name, want.labels)
	}
	o, err := net.Service.Overview(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, o.Events, f.value(t, "aicf_events"))
	var events float64
	for _, m := range f["aicf_events_total"].Metric {
		events += m.Counter.GetValue()
	}
	require.EqualValues(t, o.Events, events, "each event is counted once")
	e, err := net.Service.Epochs(t.Context(), 10)
	require.NoError(t, err)
	settled, gross := 0, aicf.Amount(0)
	for _, x := range e {
		if x.State == aicf.EpochSettled {
			settled++
			gross += x.Gross
		}
	}
	require.EqualValues(t, settled, f.value(t, "aicf_epochs_settled_total"))
	require.EqualValues(t, settled, f.value(t, "aicf_settle_seconds"))
	require.EqualValues(t, gross, f.value(t, "aicf_accrued_amount_total", "share", "provider")+f.value(t, "aicf_accrued_amount_total", "share", "treasury")+f.value(t, "aicf_accrued_amount_total", "share", "miner"))
	require.NotZero(t, f.value(t, "aicf_store_commit_seconds"))

	stream, err := http.Get(net.Endpoint + "/aicf/events")
	require.NoError(t, err)
	_, err = stream.Body.Read(make([]byte, 1)) // it has begun
	require.NoError(t, err)
	require.EqualValues(t, 1, gather(t, n).value(t, "aicf_sse_clients"))
	require.NoError(t, stream.Body.Close())
	require.Eventually(t, func() bool { return gather(t, n).value(t, "aicf_sse_clients") == 0 }, 30*time.Second, time.Millisecond)
}

// TestHistogramsAreNativeAndClassic: servers of both kinds find their buckets.
func TestHistogramsAreNativeAndClassic(t *testing.T) {
	n := metrics.New(time.Now, nil)
	n.Committed(store.Commit{Commands: 3, Took: 3 * time.Millisecond})
	n.Answered(httpapi.Answer{Route: "POST /aicf/leases/ack", Status: 200, Took: 20 * time.Millisecond})
	for name, f := range gather(t, n) {
		if f.GetType() != dto.MetricType_HISTOGRAM || !strings.HasPrefix(name, "aicf_") {
			continue
		}
		for _, m := range f.Metric {
			require.NotEmpty(t, m.Histogram.Bucket, "%s has no classic buckets", name)
			require.NotNil(t, m.Histogram.Schema, "%s has no native buckets", name)
		}
	}
	require.EqualValues(t, 1, gather(t, n).value(t, "aicf_store_batch_size"))
}

// TestRefusalsAreCountedByCode: what the service level and the alerts rest on.
func TestRefusalsAreCountedByCode(t *testing.T) {
	n := metrics.New(time.Now, nil)
	for _, a := range []httpapi.Answer{
		{Route: "POST /aicf/leases/result", Status: 409, Code: aicf.LeaseFenced}, {Route: "POST /aicf/leases/renew", Status: 409, Code: aicf.ReplayDetected},
		{Route: "POST /aicf/leases/result", Status: 500, Code: "InternalError"}, {Route: "GET /aicf/events", Status: 200, Took: time.Hour},
	} {
		n.Answered(a)
	}
	n.Streaming(1)
	n.Streaming(1)
	n.Streaming(-1)
	f := gather(t, n)
	require.EqualValues(t, 1, f.value(t, "aicf_fenced_total"))
	require.EqualValues(t, 1, f.value(t, "aicf_replay_rejected_total"))
	require.EqualValues(t, 1, f.value(t, "aicf_refused_total", "code", "InternalError"))
	require.EqualValues(t, 1, f.value(t, "aicf_http_requests_total", "route", "POST /aicf/leases/result", "status", "500"))
	require.EqualValues(t, 1, f.value(t, "aicf_sse_clients"))
	for _, m := range f["aicf_http_request_seconds"].Metric {
		require.NotEqual(t, "GET /aicf/events", m.Label[0].GetValue(), "the life of a stream is no latency")
	}
}

// TestEventsThatEndBadly: rejections, expiries, slashes and payouts that fail.
func TestEventsThatEndBadly(t *testing.T) {
	n := metrics.New(time.Now, nil)
	lease := digest.Sum([]byte("lease"))
	event := func(kind string, ts int64, info string) aicf.Event {
		return aicf.Event{Type: kind, TSMS: ts, LeaseID: lease, Data: []byte(`{"info":` + info + `}`)}
	}
	n.Committed(store.Commit{Commands: 1, Events: []aicf.Event{
		event(aicf.EvLeased, 1000, `{}`), event(aicf.EvLeaseExpired, 31_000, `{"reason":"the lease expired"}`),
		event(aicf.EvLeased, 40_000, `{}`), event(aicf.EvReceived, 41_000, `{"latency_ms":1000}`), event(aicf.EvRejected, 41_500, `{"code":"TrapMismatch","message":"x"}`),
		event(aicf.EvSlashProposed, 41_500, `{"reason":"TRAPS_CHEAT","amount":50}`), event(aicf.EvSlashExecuted, 50_000, `{"amount":50}`),
		event(aicf.EvProviderState, 50_000, `{"because":"heartbeat missed"}`), event(aicf.EvProviderState, 50_000, `{"because":"jail ended"}`),
		event(aicf.EvPayout, 60_000, `{"amount":85,"status":"pending"}`), event(aicf.EvPayout, 61_000, `{"status":"failed"}`), event(aicf.EvWindow, 61_000, `{"finding":"latency"}`),
		event(aicf.EvReleased, 70_000, `broken`),
	}})
	f := gather(t, n)
	require.EqualValues(t, 1, f.value(t, "aicf_leases_expired_total"))
	require.EqualValues(t, 2, f.value(t, "aicf_lease_hold_seconds"), "a release of a lease that nobody saw acked has no time")
	require.EqualValues(t, 31, f["aicf_lease_hold_seconds"].Metric[0].Histogram.GetSampleSum())
	require.EqualValues(t, 1, f.value(t, "aicf_proof_reject_total", "code", "TrapMismatch"))
	require.EqualValues(t, 1, f.value(t, "aicf_slash_total", "state", "proposed", "reason", "TRAPS_CHEAT"))
	require.EqualValues(t, 1, f.value(t, "aicf_slash_total", "state", "executed"))
	require.EqualValues(t, 50, f.value(t, "aicf_slash_amount_total"))
	require.EqualValues(t, 1, f.value(t, "aicf_heartbeats_missed_total"))
	require.EqualValues(t, 1, f.value(t, "aicf_payout_total", "status", "failed"))
	require.EqualValues(t, 85, f.value(t, "aicf_payout_amount_total"))
	require.EqualValues(t, 1, f.value(t, "aicf_sla_windows_total", "finding", "latency"))
	require.EqualValues(t, 1, f.value(t, "aicf_releases_total"))
}

// TestNoNameIsALabel: series are bounded by the code; help names a unit where there is one.
func TestNoNameIsALabel(t *testing.T) {
	n := metrics.New(time.Now, nil)
	n.Answered(httpapi.Answer{Route: "GET /aicf/jobs/{id}", Status: 200})
	s := httptest.NewServer(n.Handler())
	defer s.Close()
	r, err := http.Get(s.URL)
	require.NoError(t, err)
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NotRegexp(t, regexp.MustCompile(`[0-9a-f]{20}`), string(raw))
	require.Contains(t, string(raw), "# HELP aicf_fenced_total ")
	require.Contains(t, string(raw), "process_start_time_seconds")
}

// TestTheDiskIsProbed: a write that is synced, and no file left behind.
func TestTheDiskIsProbed(t *testing.T) {
	n := metrics.New(time.Now, nil)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.ProbeDisk(ctx, dir, time.Millisecond) }()
	require.Eventually(t, func() bool { return gather(t, n).value(t, "aicf_fsync_seconds") > 2 }, 30*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Error(t, n.ProbeDisk(t.Context(), dir+"/none", time.Second))
}
