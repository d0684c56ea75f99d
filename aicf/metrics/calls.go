package metrics

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/httpapi"
)

// callMetrics follow the transport.
type callMetrics struct {
	calls    *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	fenced   prometheus.Counter
	replayed prometheus.Counter
	streams  prometheus.Gauge
}

// streamed are the routes that end when their reader goes, which is no latency.
var streamed = []string{"GET /aicf/events", "GET /aicf/ws"}

func (m *callMetrics) register(r prometheus.Registerer) {
	m.calls = counters("aicf_http_requests_total", "Answered calls by route and HTTP status.", "route", "status")
	m.seconds = prometheus.NewHistogramVec(histogram("aicf_http_request_seconds", "Time to answer by route, without the time in which a long poll waited for work; event streams are not in it.", callBuckets), []string{"route"})
	m.refused = counters("aicf_refused_total", "Calls refused, by code.", "code")
	m.fenced = counter("aicf_fenced_total", "Calls refused because another fence holds the job, or the fence has given another result (LeaseFenced).")
	m.replayed = counter("aicf_replay_rejected_total", "Calls refused because their signature was used before (ReplayDetected).")
	m.streams = gauge("aicf_sse_clients", "Open event streams, WebSockets too.")
	r.MustRegister(m.calls, m.seconds, m.refused, m.fenced, m.replayed, m.streams)
	for _, code := range []aicf.Code{aicf.Overloaded, aicf.RateLimited, aicf.Unauthorized, aicf.ClockSkew, aicf.StorageFailed} {
		m.refused.WithLabelValues(string(code))
	}
	for _, route := range objective { // so that their rates exist before the first call
		m.calls.WithLabelValues(route, "200")
		m.seconds.WithLabelValues(route)
	}
}

// objective are the routes of the service level objectives.
var objective = []string{"GET /aicf/leases/next", "POST /aicf/leases/ack", "POST /aicf/leases/renew", "POST /aicf/leases/result"}

func (m *callMetrics) answered(a httpapi.Answer) {
	m.calls.WithLabelValues(a.Route, strconv.Itoa(a.Status)).Inc()
	if !slices.Contains(streamed, a.Route) {
		m.seconds.WithLabelValues(a.Route).Observe(a.Took.Seconds())
	}
	if a.Status < http.StatusBadRequest {
		return
	}
	m.refused.WithLabelValues(string(a.Code)).Inc()
	switch a.Code {
	case aicf.LeaseFenced:
		m.fenced.Inc()
	case aicf.ReplayDetected:
		m.replayed.Inc()
	}
}
