package agent

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"github.com/animicaorg/engine/aicf"
)

// Meter counts what a provider does, for Prometheus. It has a registry of its own; its
// methods may be called by many goroutines, and those of a nil Meter count nothing.
// Provider and device ids are labels here: this is one provider's own endpoint.
type Meter struct {
	registry *prometheus.Registry

	offers     prometheus.Counter
	jobs       *prometheus.CounterVec
	trapPass   prometheus.Counter
	trapFail   prometheus.Counter
	late       prometheus.Counter
	earned     prometheus.Counter
	latency    prometheus.Histogram
	execute    prometheus.Histogram
	shots      prometheus.Counter
	speed      prometheus.Gauge
	chunks     prometheus.Histogram
	workers    prometheus.Gauge
	beats      prometheus.Counter
	beatErrors prometheus.Counter
	lastBeat   prometheus.Gauge
	skew       prometheus.Gauge
}

var seconds = []float64{.05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300, 1800}

// NewMeter makes an empty meter.
func NewMeter() *Meter {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	histogram := func(name, help string) prometheus.Histogram { // native buckets, and classic ones for servers without
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour})
	}
	m := &Meter{registry: prometheus.NewRegistry(),
		offers:     counter("engine_provider_offers_total", "Offers taken."),
		jobs:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "engine_provider_jobs_total", Help: "Leases that ended here: completed, rejected, released, lost, parked."}, []string{"outcome"}),
		trapPass:   counter("engine_trap_pass_total", "Shots in certified windows of judged results."),
		trapFail:   counter("engine_trap_fail_total", "Other shots of judged results."),
		late:       counter("engine_provider_late_total", "Judged results that the network counts as late."),
		earned:     counter("engine_provider_accrued_total", "Pay that judged results accrued, atomic units."),
		latency:    histogram("engine_provider_latency_seconds", "From ack to receipt, as the network measured."),
		execute:    histogram("engine_execute_seconds", "From the signed lease to the proof, on this machine."),
		shots:      counter("engine_shots_total", "Shots executed, traps included."),
		speed:      gauge("engine_shots_per_second", "Shots per second of the newest job, planning, judging and proving included."),
		chunks:     histogram("engine_chunk_seconds", "From sending a piece of a job to a worker of the fleet to its first answer."),
		workers:    gauge("engine_worker_up", "Workers of the fleet that answered the newest question of a run; 0 without a fleet."),
		beats:      counter("engine_provider_heartbeats_total", "Heartbeats that the network answered."),
		beatErrors: counter("engine_provider_heartbeat_errors_total", "Heartbeats that were not answered, or refused."),
		lastBeat:   gauge("engine_provider_last_heartbeat_timestamp_seconds", "When the network answered the newest heartbeat, by this machine's clock."),
		skew:       gauge("engine_provider_clock_skew_seconds", "The network's clock less this machine's, at the newest heartbeat."),
	}
	m.registry.MustRegister(m.offers, m.jobs, m.trapPass, m.trapFail, m.late, m.earned, m.latency, m.execute, m.shots, m.speed, m.chunks, m.workers, m.beats, m.beatErrors, m.lastBeat, m.skew,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, outcome := range []string{"completed", "rejected", "released", "lost", "parked"} {
		m.jobs.WithLabelValues(outcome)
	}
	return m
}

// Register adds a collector of the caller's, such as one of devices.
func (m *Meter) Register(c prometheus.Collector) { m.registry.MustRegister(c) }

// Handler serves the metrics.
func (m *Meter) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Gatherer is what Handler serves.
func (m *Meter) Gatherer() prometheus.Gatherer { return m.registry }

// Executed counts a job that was run and proved here.
func (m *Meter) Executed(shots uint64, took time.Duration) {
	if m == nil {
		return
	}
	m.shots.Add(float64(shots))
	m.execute.Observe(took.Seconds())
	if took > 0 {
		m.speed.Set(float64(shots) / took.Seconds())
	}
}

// Chunk counts a piece that a worker has answered.
func (m *Meter) Chunk(took time.Duration) {
	if m != nil {
		m.chunks.Observe(took.Seconds())
	}
}

// Workers says how many workers answer.
func (m *Meter) Workers(n int) {
	if m != nil {
		m.workers.Set(float64(n))
	}
}

func (m *Meter) offered() {
	if m != nil {
		m.offers.Inc()
	}
}

// ended counts an entry in a final state.
func (m *Meter) ended(e *Entry) {
	if m == nil {
		return
	}
	o := e.Outcome
	if e.State != Done || o == nil {
		m.jobs.WithLabelValues(string(e.State)).Inc()
		return
	}
	m.jobs.WithLabelValues(string(o.Status)).Inc()
	m.trapPass.Add(float64(o.TrapPass))
	m.trapFail.Add(float64(o.TrapFail))
	m.earned.Add(float64(o.Accrued))
	m.latency.Observe(float64(o.LatencyMS) / 1000)
	if o.Late {
		m.late.Inc()
	}
}

// beat counts a heartbeat that was sent at one moment and answered, or not, at another.
func (m *Meter) beat(sent, answered time.Time, answer *aicf.HeartbeatAnswer) {
	if m == nil {
		return
	}
	if answer == nil {
		m.beatErrors.Inc()
		return
	}
	m.beats.Inc()
	m.lastBeat.Set(float64(answered.UnixMilli()) / 1000)
	middle := sent.Add(answered.Sub(sent) / 2)
	m.skew.Set(float64(answer.NowMS-middle.UnixMilli()) / 1000)
}

// metricsWindow is how many of the newest leases the quantiles are of.
const metricsWindow = 1000

// journalMetrics reads the journal and the network's opinion at each scrape.
type journalMetrics struct{ a *Agent }

var (
	leasesDesc   = prometheus.NewDesc("engine_provider_leases", "Leases in the journal by state.", []string{"state"}, nil)
	outboxDesc   = prometheus.NewDesc("engine_provider_outbox_depth", "Proofs that the network has not answered.", nil, nil)
	journalDesc  = prometheus.NewDesc("engine_journal_outbox_depth", "Proofs that the network has not answered.", nil, nil)
	oldestDesc   = prometheus.NewDesc("engine_provider_outbox_oldest_seconds", "How long the oldest of them waits; 0: none.", nil, nil)
	runningDesc  = prometheus.NewDesc("engine_provider_running", "Leases that run now.", nil, nil)
	capacityDesc = prometheus.NewDesc("engine_provider_capacity", "Leases that may run at once.", nil, nil)
	drainingDesc = prometheus.NewDesc("engine_provider_draining", "1 while no offers are taken.", nil, nil)
	failDesc     = prometheus.NewDesc("engine_provider_trap_fail", fmt.Sprintf("Failed traps of the newest %d leases.", metricsWindow), nil, nil)
	latencyDesc  = prometheus.NewDesc("engine_provider_latency_ms", fmt.Sprintf("From ack to receipt, as the network measured, of the newest %d leases.", metricsWindow), []string{"quantile"}, nil)
	rateDesc     = prometheus.NewDesc("engine_jobs_per_second", "Jobs that the network answered in the last five minutes, by second.", nil, nil)
	statusDesc   = prometheus.NewDesc("engine_provider_status", "1 for the status that the network has this provider in, when it was last asked.", []string{"provider_id", "status"}, nil)
	eligibleDesc = prometheus.NewDesc("engine_provider_eligible", "1 when matching would take this provider, when it was last asked.", nil, nil)
	stakedDesc   = prometheus.NewDesc("engine_provider_staked", "Stake, atomic units, when last asked.", nil, nil)
	minimumDesc  = prometheus.NewDesc("engine_provider_stake_min", "Least stake of the network's policy, atomic units.", nil, nil)
	claimDesc    = prometheus.NewDesc("engine_provider_claimable", "Settled pay that was not claimed, atomic units, when last asked.", nil, nil)
	waitsDesc    = prometheus.NewDesc("engine_provider_claimable_epochs", "Settlements since this process first saw pay that nobody has claimed.", nil, nil)
	queuedDesc   = prometheus.NewDesc("engine_provider_network_queued", "Jobs in the network's queue, when last asked.", nil, nil)
	askedDesc    = prometheus.NewDesc("engine_provider_asked_timestamp_seconds", "When the network was last asked.", nil, nil)
)

// Describe implements prometheus.Collector.
func (*journalMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{leasesDesc, outboxDesc, journalDesc, oldestDesc, runningDesc, capacityDesc, drainingDesc, failDesc, latencyDesc, rateDesc, statusDesc, eligibleDesc,
		stakedDesc, minimumDesc, claimDesc, waitsDesc, queuedDesc, askedDesc} {
		out <- d
	}
}

// journalLimit bounds one look into the journal.
const journalLimit = 5 * time.Second

// Collect implements prometheus.Collector.
func (j *journalMetrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), journalLimit)
	defer cancel()
	s, err := j.a.Status(ctx)
	var latest, open []Entry
	if err == nil {
		latest, err = j.a.journal.Latest(ctx, metricsWindow)
	}
	if err == nil {
		open, err = j.a.journal.Open(ctx)
	}
	if err != nil {
		out <- prometheus.NewInvalidMetric(leasesDesc, err)
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, state := range []State{Acking, Running, Proved, Done, Released, Lost, Parked} {
		gauge(leasesDesc, float64(s.Leases[state]), string(state))
	}
	gauge(outboxDesc, float64(s.Leases[Proved]))
	gauge(journalDesc, float64(s.Leases[Proved]))
	now := j.a.nowMS()
	gauge(oldestDesc, j.a.outboxAge(open, now))
	gauge(runningDesc, float64(len(s.Running)))
	gauge(capacityDesc, float64(s.Capacity))
	gauge(drainingDesc, one(s.Draining))
	j.history(gauge, latest, now)
	j.standing(gauge)
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// outboxAge is how many seconds the oldest proof waits: its bundle was written once, when
// the job was proved.
func (a *Agent) outboxAge(open []Entry, nowMS int64) (age float64) {
	for i := range open {
		if open[i].State != Proved {
			continue
		}
		if info, err := os.Stat(a.bundlePath(open[i].Bundle)); err == nil { // else the next attempt parks it
			age = max(age, float64(nowMS-info.ModTime().UnixMilli())/1000)
		}
	}
	return age
}

const rateWindowMS = 5 * 60_000

// history are the figures of the newest leases.
func (*journalMetrics) history(gauge func(*prometheus.Desc, float64, ...string), latest []Entry, nowMS int64) {
	var latency []int64
	var fail uint64
	recent, span := 0, int64(rateWindowMS)
	for i := range latest {
		e := &latest[i]
		if e.Outcome == nil {
			continue
		}
		latency, fail = append(latency, e.Outcome.LatencyMS), fail+e.Outcome.TrapFail
		if nowMS-e.UpdatedMS <= rateWindowMS {
			recent++
		}
	}
	if len(latest) == metricsWindow { // the page may end within the five minutes
		span = min(span, max(nowMS-latest[len(latest)-1].UpdatedMS, 1))
	}
	slices.Sort(latency)
	gauge(failDesc, float64(fail))
	gauge(rateDesc, float64(recent)*1000/float64(span))
	if len(latency) > 0 {
		gauge(latencyDesc, float64(latency[nearest(len(latency), 50)]), "0.5")
		gauge(latencyDesc, float64(latency[nearest(len(latency), 95)]), "0.95")
	}
}

// standing are the network's answers; absent before the first.
func (j *journalMetrics) standing(gauge func(*prometheus.Desc, float64, ...string)) {
	st := j.a.Standing()
	if st == nil {
		return
	}
	id := j.a.cfg.Held.ProviderID.String()
	for _, state := range []aicf.ProviderState{aicf.Registered, aicf.Eligible, aicf.Active, aicf.Jailed, aicf.Suspended, aicf.Retired} {
		gauge(statusDesc, one(st.Provider.State == state), id, string(state))
	}
	gauge(eligibleDesc, one(st.Eligible))
	gauge(stakedDesc, float64(st.Provider.Staked))
	gauge(minimumDesc, float64(st.StakeMin))
	gauge(claimDesc, float64(st.Balance.Claimable))
	gauge(waitsDesc, float64(st.UnclaimedEpochs))
	gauge(queuedDesc, float64(st.Queued))
	gauge(askedDesc, float64(st.AskedMS)/1000)
}

// Metrics writes the text format of Prometheus (version 0.0.4).
func (a *Agent) Metrics(ctx context.Context, w io.Writer) error {
	list, err := a.cfg.Meter.registry.Gather()
	if err != nil {
		return err
	}
	for _, f := range list {
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// nearest is the index of the nearest-rank percentile of n ascending values.
func nearest(n, percent int) int { return max(0, (n*percent+99)/100-1) }
