package metrics

import (
	"encoding/json"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// eventMetrics follow the event log.
type eventMetrics struct {
	all       *prometheus.CounterVec
	plain     map[string]prometheus.Counter // by the type of the event
	jobs      *prometheus.CounterVec
	rejected  *prometheus.CounterVec
	slashes   *prometheus.CounterVec
	slashed   prometheus.Counter
	windows   *prometheus.CounterVec
	payouts   *prometheus.CounterVec
	paid      prometheus.Counter
	accrued   *prometheus.CounterVec
	missed    prometheus.Counter
	trapPass  prometheus.Counter
	trapFail  prometheus.Counter
	trapRatio prometheus.Histogram
	result    prometheus.Histogram
	hold      prometheus.Histogram
	verify    prometheus.Histogram
	settle    prometheus.Histogram

	mu    sync.Mutex
	since map[digest.Digest]int64 // lease → when its present state began, ms
	ended map[uint64]int64        // epoch → when it ended, ms
}

// maxOpen bounds the leases that are followed at once; more are not timed.
const maxOpen = 100_000

func (m *eventMetrics) register(r prometheus.Registerer) {
	m.since, m.ended = map[digest.Digest]int64{}, map[uint64]int64{}
	m.all = counters("aicf_events_total", "Events of the log by type.", "type")
	m.plain = map[string]prometheus.Counter{
		aicf.EvOffered:      counter("aicf_offers_total", "Offers made."),
		aicf.EvOfferLapsed:  counter("aicf_offers_lapsed_total", "Offers that nobody took."),
		aicf.EvLeased:       counter("aicf_acks_total", "Offers taken."),
		aicf.EvRenewed:      counter("aicf_renews_total", "Renewals of leases."),
		aicf.EvReleased:     counter("aicf_releases_total", "Offers and leases given back."),
		aicf.EvLeaseExpired: counter("aicf_leases_expired_total", "Leases that ended without a result because their time was over."),
		aicf.EvReceived:     counter("aicf_results_total", "Results received behind the fence check."),
		aicf.EvRequeued:     counter("aicf_requeued_total", "Jobs put back into the queue."),
		aicf.EvHeartbeat:    counter("aicf_heartbeats_total", "Heartbeats counted."),
		aicf.EvEpochSettled: counter("aicf_epochs_settled_total", "Epochs settled."),
	}
	m.jobs = counters("aicf_jobs_total", "Jobs by what happened: submitted, completed, failed, expired, cancelled.", "outcome")
	m.rejected = counters("aicf_proof_reject_total", "Results whose proof was refused, by the refusal's code.", "code")
	m.slashes = counters("aicf_slash_total", "Slash proposals by state reached: proposed, appealed, executed, reversed; and reason, where the event has it.", "state", "reason")
	m.slashed = counter("aicf_slash_amount_total", "Stake taken by executed slashes, atomic units.")
	m.windows = counters("aicf_sla_windows_total", "SLA windows closed, by finding; empty: none.", "finding")
	m.payouts = counters("aicf_payout_total", "Payouts by state reached.", "status")
	m.paid = counter("aicf_payout_amount_total", "Claimed pay, atomic units.")
	m.accrued = counters("aicf_accrued_amount_total", "Pay that accrued, atomic units, by share: provider, treasury, miner.", "share")
	m.missed = counter("aicf_heartbeats_missed_total", "Heartbeats that did not come in time.")
	m.trapPass = counter("aicf_trap_pass_total", "Shots in certified windows of accepted results.")
	m.trapFail = counter("aicf_trap_fail_total", "Other shots of accepted results.")
	m.trapRatio = prometheus.NewHistogram(histogram("aicf_sla_trap_ratio", "trap_pass / (trap_pass + trap_fail) of each accepted result; the guide's target is at least 0.98.", ratioBuckets))
	m.result = prometheus.NewHistogram(histogram("aicf_result_seconds", "From ack to the receipt of the result, by the service's clock.", jobBuckets))
	m.hold = prometheus.NewHistogram(histogram("aicf_lease_hold_seconds", "From ack to the end of the hold: result, release or expiry.", jobBuckets))
	m.verify = prometheus.NewHistogram(histogram("aicf_verify_seconds", "From the receipt of a result to its verdict.", jobBuckets))
	m.settle = prometheus.NewHistogram(histogram("aicf_settle_seconds", "From the end of an epoch to its settlement.", settleBuckets))
	for _, c := range m.plain {
		r.MustRegister(c)
	}
	r.MustRegister(m.all, m.jobs, m.rejected, m.slashes, m.slashed, m.windows, m.payouts, m.paid, m.accrued, m.missed, m.trapPass, m.trapFail, m.trapRatio, m.result, m.hold, m.verify, m.settle)
	for _, outcome := range outcomes { // 0 is a figure, absent is none
		m.jobs.WithLabelValues(outcome)
	}
	for _, share := range []string{"provider", "treasury", "miner"} {
		m.accrued.WithLabelValues(share)
	}
	for _, state := range []aicf.PayoutState{aicf.PayoutPending, aicf.PayoutSent, aicf.PayoutPaid, aicf.PayoutUnknown, aicf.PayoutFailed} {
		m.payouts.WithLabelValues(string(state))
	}
	for _, state := range slashStates {
		m.slashes.WithLabelValues(state, "")
	}
	for _, code := range []aicf.Code{aicf.TrapMismatch, aicf.ProofError, aicf.AttestationError, aicf.PolicyMismatch, aicf.SchemaError, aicf.NullifierReuse} {
		m.rejected.WithLabelValues(string(code))
	}
	m.windows.WithLabelValues("")
}

var outcomes = map[string]string{aicf.EvSubmitted: "submitted", aicf.EvCompleted: "completed", aicf.EvFailed: "failed", aicf.EvJobExpired: "expired", aicf.EvCancelled: "cancelled"}

var slashStates = map[string]string{aicf.EvSlashProposed: "proposed", aicf.EvSlashAppealed: "appealed", aicf.EvSlashExecuted: "executed", aicf.EvSlashReversed: "reversed"}

// info holds the members of events' info that are counted.
type info struct {
	Because   string      `json:"because"`
	Code      string      `json:"code"`
	Reason    string      `json:"reason"`
	Finding   string      `json:"finding"`
	Status    string      `json:"status"`
	Amount    aicf.Amount `json:"amount"`
	Provider  aicf.Amount `json:"provider"`
	Treasury  aicf.Amount `json:"treasury"`
	Miner     aicf.Amount `json:"miner"`
	TrapPass  uint64      `json:"trap_pass"`
	TrapFail  uint64      `json:"trap_fail"`
	LatencyMS int64       `json:"latency_ms"`
	Epoch     uint64      `json:"epoch"`
	NextEpoch uint64      `json:"next_epoch"`
}

// informative are the types whose info is read.
var informative = map[string]bool{aicf.EvProviderState: true, aicf.EvRejected: true, aicf.EvSlashProposed: true, aicf.EvSlashExecuted: true, aicf.EvWindow: true, aicf.EvPayout: true, aicf.EvAccrued: true,
	aicf.EvCompleted: true, aicf.EvReceived: true, aicf.EvEpochSettled: true, aicf.EvRound: true}

func (m *eventMetrics) count(e *aicf.Event) {
	m.all.WithLabelValues(e.Type).Inc()
	if c := m.plain[e.Type]; c != nil {
		c.Inc()
	}
	if outcome := outcomes[e.Type]; outcome != "" {
		m.jobs.WithLabelValues(outcome).Inc()
	}
	var d struct {
		Info info `json:"info"`
	}
	if informative[e.Type] {
		_ = json.Unmarshal(e.Data, &d) // of the store's own making; a member of another type stays zero
	}
	m.measure(e, &d.Info)
	m.timing(e, &d.Info)
}

// measure counts what an event says.
func (m *eventMetrics) measure(e *aicf.Event, i *info) {
	switch e.Type {
	case aicf.EvProviderState:
		if i.Because == "heartbeat missed" {
			m.missed.Inc()
		}
	case aicf.EvRejected:
		m.rejected.WithLabelValues(i.Code).Inc()
	case aicf.EvSlashProposed:
		m.slashes.WithLabelValues("proposed", i.Reason).Inc()
	case aicf.EvSlashAppealed, aicf.EvSlashReversed:
		m.slashes.WithLabelValues(slashStates[e.Type], "").Inc()
	case aicf.EvSlashExecuted:
		m.slashes.WithLabelValues("executed", "").Inc()
		m.slashed.Add(float64(i.Amount))
	case aicf.EvWindow:
		m.windows.WithLabelValues(i.Finding).Inc()
	case aicf.EvPayout:
		m.payouts.WithLabelValues(i.Status).Inc()
		m.paid.Add(float64(i.Amount)) // the event that makes a payout has it, the later ones have not
	case aicf.EvAccrued:
		m.accrued.WithLabelValues("provider").Add(float64(i.Provider))
		m.accrued.WithLabelValues("treasury").Add(float64(i.Treasury))
		m.accrued.WithLabelValues("miner").Add(float64(i.Miner))
	case aicf.EvCompleted:
		m.trapPass.Add(float64(i.TrapPass))
		m.trapFail.Add(float64(i.TrapFail))
		if all := i.TrapPass + i.TrapFail; all > 0 {
			m.trapRatio.Observe(float64(i.TrapPass) / float64(all))
		}
	case aicf.EvReceived:
		m.result.Observe(float64(i.LatencyMS) / 1000)
	}
}

// timing follows leases and epochs. What began before this process, or in another replica,
// is not timed.
func (m *eventMetrics) timing(e *aicf.Event, i *info) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e.Type {
	case aicf.EvLeased:
		if len(m.since) < maxOpen {
			m.since[e.LeaseID] = e.TSMS
		}
	case aicf.EvReceived:
		if _, known := m.took(m.hold, e); known {
			m.since[e.LeaseID] = e.TSMS
		}
	case aicf.EvReleased, aicf.EvLeaseExpired:
		m.took(m.hold, e)
	case aicf.EvCompleted, aicf.EvRejected:
		m.took(m.verify, e)
	case aicf.EvRound:
		if i.NextEpoch > i.Epoch {
			m.ended[i.Epoch] = e.TSMS
		}
	case aicf.EvEpochSettled:
		if at, known := m.ended[i.Epoch]; known {
			m.settle.Observe(float64(e.TSMS-at) / 1000)
			delete(m.ended, i.Epoch)
		}
	}
}

func (m *eventMetrics) took(h prometheus.Observer, e *aicf.Event) (ms int64, known bool) {
	at, known := m.since[e.LeaseID]
	if known {
		h.Observe(float64(e.TSMS-at) / 1000)
		delete(m.since, e.LeaseID)
	}
	return at, known
}
