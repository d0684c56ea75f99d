package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
)

// snapshot asks the service for its numbers at each scrape.
type snapshot struct {
	service *network.Service
	now     func() time.Time
	log     *slog.Logger
}

// reading is one gauge of an overview.
type reading struct {
	desc  *prometheus.Desc
	value func(o *aicf.Overview, now time.Time) float64
	label string
}

func read(name, help string, value func(*aicf.Overview, time.Time) float64) reading {
	return reading{desc: prometheus.NewDesc(name, help, nil, nil), value: value}
}

// readSome are readings of one name with one label.
func readSome(name, help, label string, values map[string]func(*aicf.Overview) uint64) (out []reading) {
	d := prometheus.NewDesc(name, help, []string{label}, nil)
	for v, f := range values {
		out = append(out, reading{d, func(o *aicf.Overview, _ time.Time) float64 { return float64(f(o)) }, v})
	}
	return out
}

func providersIn(states ...aicf.ProviderState) map[string]func(*aicf.Overview) uint64 {
	out := map[string]func(*aicf.Overview) uint64{}
	for _, s := range states {
		out[string(s)] = func(o *aicf.Overview) uint64 { return o.Providers[s] }
	}
	return out
}

// since is the age of a moment in seconds; 0 where there is none.
func since(ms int64, now time.Time) float64 {
	if ms == 0 {
		return 0
	}
	return max(0, float64(now.UnixMilli()-ms)/1000)
}

var readings = append(append(append([]reading{
	read("aicf_queue_oldest_age_seconds", "How long the job that waits longest has waited; 0: none waits.", func(o *aicf.Overview, now time.Time) float64 { return since(o.OldestMS, now) }),
	read("aicf_capacity", "Leases that the active providers can run at once.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Capacity) }),
	read("aicf_capacity_used", "Leases that the active providers hold.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Running) }),
	read("aicf_heartbeat_age_seconds", "How long the active provider that is silent longest has been silent; 0: none is active.", func(o *aicf.Overview, now time.Time) float64 { return since(o.QuietMS, now) }),
	read("aicf_jobs_credited", "Jobs whose pay accrued and was not refused.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Credited) }),
	read("aicf_round", "The open beacon round.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Round) }),
	read("aicf_epoch", "The open epoch.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Epoch) }),
	read("aicf_events", "The newest event's number.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Events) }),
	read("aicf_settle_overdue_seconds", "How long ago the oldest epoch ended that is not settled; 0: all are.", func(o *aicf.Overview, now time.Time) float64 { return since(o.OverdueMS, now) }),
	read("aicf_claimable_unclaimed_epochs", "How many epochs ago the oldest pay settled that nobody has claimed.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Unclaimed) }),
	read("aicf_fund_cap", "What the fund may pay in an epoch, atomic units, of the newest settled epoch.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Cap) }),
	read("aicf_fund_subsidy", "What the fund paid in the newest settled epoch, atomic units.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Subsidy) }),
	read("aicf_slashes_open", "Slash proposals that are held or appealed.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.SlashOpen) }),
	read("aicf_ledger_imbalance", "Credits less debits of all accounts, atomic units; anything but 0 is an error of the ledger.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Imbalance) }),
	read("aicf_money", "What the mint has issued, atomic units.", func(o *aicf.Overview, _ time.Time) float64 { return float64(o.Money) }),
}, readSome("aicf_queue_depth", "Jobs that wait: queued, or delayed until their next attempt.", "state", map[string]func(*aicf.Overview) uint64{
	"queued": func(o *aicf.Overview) uint64 { return o.Queued }, "delayed": func(o *aicf.Overview) uint64 { return o.Delayed }})...),
	readSome("aicf_leases_live", "Leases that are offered, run, or are verified.", "state", map[string]func(*aicf.Overview) uint64{
		"offered": func(o *aicf.Overview) uint64 { return o.Offered }, "leased": func(o *aicf.Overview) uint64 { return o.Leased }, "verifying": func(o *aicf.Overview) uint64 { return o.Verifying }})...),
	readSome("aicf_provider_status", "Providers by status.", "status", providersIn(aicf.Registered, aicf.Eligible, aicf.Active, aicf.Jailed, aicf.Suspended, aicf.Retired))...)

var upDesc = prometheus.NewDesc("aicf_store_up", "1 when the store answered this scrape; the other gauges of the network are absent when it did not.", nil, nil)

// Describe implements prometheus.Collector.
func (s *snapshot) Describe(out chan<- *prometheus.Desc) {
	out <- upDesc
	for _, r := range readings {
		out <- r.desc
	}
}

// Collect implements prometheus.Collector.
func (s *snapshot) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	o, err := s.service.Overview(ctx)
	if err != nil {
		s.log.Error("scrape", "error", err)
		out <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, 1)
	now := s.now()
	for _, r := range readings {
		var labels []string
		if r.label != "" {
			labels = []string{r.label}
		}
		out <- prometheus.MustNewConstMetric(r.desc, prometheus.GaugeValue, r.value(o, now), labels...)
	}
}
