// Package metrics is what a monitor sees of the job network: it turns commits of the store,
// answered calls and the network's own counts into the text format of Prometheus.
//
// It promises that every figure is measured: counters and histograms follow the events that
// the store has committed and the calls that the transport has answered, gauges are read
// from one snapshot at each scrape, and invariants are those of the newest full check, whose
// time is a metric too. No job, provider, key or address is a label, so that the number of
// series is bounded by the code. Counters are of this process: replicas on one PostgreSQL
// add up to the network, while the gauges of each replica describe the whole network.
//
// It decides nothing, and nothing that is hashed, signed or judged depends on it.
package metrics
