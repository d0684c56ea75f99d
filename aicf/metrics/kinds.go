package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Buckets of the classic histograms, in seconds unless a name says otherwise. Each latency
// has the bound of its objective among them.
var (
	callBuckets   = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}
	commitBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}
	jobBuckets    = []float64{.1, .25, .5, 1, 2, 5, 10, 30, 60, 300, 1800}
	settleBuckets = []float64{.1, .5, 1, 5, 15, 30, 60, 300, 3600}
	ratioBuckets  = []float64{.5, .75, .9, .95, .98, .99, .995, 1}
	batchBuckets  = []float64{1, 2, 4, 8, 16, 32, 64}
)

// histogram has native buckets, ten per cent wide, and classic ones, for servers that do not
// take native ones yet.
func histogram(name, help string, classic []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{Name: name, Help: help, Buckets: classic, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour}
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}
