package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
)

// storeMetrics follow the commits of the writer.
type storeMetrics struct {
	commits prometheus.Histogram
	batch   prometheus.Histogram
	fsync   prometheus.Histogram
}

func (m *storeMetrics) register(r prometheus.Registerer) {
	m.commits = prometheus.NewHistogram(histogram("aicf_store_commit_seconds", "Time inside COMMIT: on SQLite the sync of the log, on PostgreSQL the server's answer.", commitBuckets))
	m.batch = prometheus.NewHistogram(histogram("aicf_store_batch_size", "Commands that shared a commit.", batchBuckets))
	m.fsync = prometheus.NewHistogram(histogram("aicf_fsync_seconds", "Time to write and sync a probe of 4 KiB in the data directory.", commitBuckets))
	r.MustRegister(m.commits, m.batch, m.fsync)
}

func (m *storeMetrics) commit(c store.Commit) {
	m.commits.Observe(c.Took.Seconds())
	m.batch.Observe(float64(c.Commands))
}

// writer reads the store's own counts at each scrape.
type writer struct{ db *store.DB }

var (
	queueDesc    = prometheus.NewDesc("aicf_writer_queue", "Commands that wait for the writer.", nil, nil)
	boundDesc    = prometheus.NewDesc("aicf_writer_queue_bound", "Commands that may wait; further ones are refused as Overloaded.", nil, nil)
	refusedDesc  = prometheus.NewDesc("aicf_writer_refused_total", "Commands refused because the queue of the writer was full.", nil, nil)
	failedDesc   = prometheus.NewDesc("aicf_store_failed_total", "Batches that the database did not commit.", nil, nil)
	standbysDesc = prometheus.NewDesc("aicf_store_standbys", "Streaming copies of the PostgreSQL database.", nil, nil)
	lagDesc      = prometheus.NewDesc("aicf_replica_lag_seconds", "How far the copy furthest behind has to replay.", nil, nil)
)

// Describe implements prometheus.Collector.
func (w *writer) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{queueDesc, boundDesc, refusedDesc, failedDesc, standbysDesc, lagDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (w *writer) Collect(out chan<- prometheus.Metric) {
	stats := w.db.Stats()
	out <- prometheus.MustNewConstMetric(queueDesc, prometheus.GaugeValue, float64(w.db.QueueLength()))
	out <- prometheus.MustNewConstMetric(boundDesc, prometheus.GaugeValue, float64(w.db.QueueBound()))
	out <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(stats.Refused.Load()))
	out <- prometheus.MustNewConstMetric(failedDesc, prometheus.CounterValue, float64(stats.Failed.Load()))
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	if s, known, err := w.db.Standbys(ctx); known && err == nil {
		out <- prometheus.MustNewConstMetric(standbysDesc, prometheus.GaugeValue, float64(s.Copies))
		out <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, s.Lag.Seconds())
	}
}

// scrapeLimit bounds one question to the store.
const scrapeLimit = 5 * time.Second

// auditMetrics are the newest check of the books.
type auditMetrics struct {
	ok   *prometheus.GaugeVec
	at   prometheus.Gauge
	took prometheus.Gauge
}

func (m *auditMetrics) register(r prometheus.Registerer) {
	m.ok = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "aicf_invariant_ok", Help: "1 where the invariant of the books held in the newest check, else 0."}, []string{"id"})
	m.at = gauge("aicf_invariants_checked_timestamp_seconds", "When the books were checked last.")
	m.took = gauge("aicf_invariants_check_seconds", "How long that check took.")
	r.MustRegister(m.ok, m.at, m.took)
}

func (m *auditMetrics) set(a *aicf.Audit, at time.Time, took time.Duration) {
	for _, i := range a.Invariants {
		v := 0.
		if i.OK {
			v = 1
		}
		m.ok.WithLabelValues(i.ID).Set(v)
	}
	m.at.Set(float64(at.UnixMilli()) / 1000)
	m.took.Set(took.Seconds())
}
