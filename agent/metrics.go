package agent

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// metricsWindow is how many of the newest leases the quantiles are of.
const metricsWindow = 1000

// Metrics writes the text format of Prometheus (version 0.0.4): leases by state, the outbox,
// what runs, and of the newest 1000 leases the latency that the network measured and the
// traps that failed.
func (a *Agent) Metrics(ctx context.Context, w io.Writer) error {
	s, err := a.Status(ctx)
	if err != nil {
		return err
	}
	latest, err := a.journal.Latest(ctx, metricsWindow)
	if err != nil {
		return err
	}
	var latency []int64
	var fail uint64
	for _, e := range latest {
		if e.Outcome != nil {
			latency = append(latency, e.Outcome.LatencyMS)
			fail += e.Outcome.TrapFail
		}
	}
	slices.Sort(latency)
	draining := 0
	if s.Draining {
		draining = 1
	}
	fmt.Fprintln(w, "# HELP engine_provider_leases Leases in the journal by state.\n# TYPE engine_provider_leases gauge")
	for _, state := range []State{Acking, Running, Proved, Done, Released, Lost, Parked} {
		fmt.Fprintf(w, "engine_provider_leases{state=%q} %d\n", state, s.Leases[state])
	}
	fmt.Fprintf(w, "# HELP engine_provider_outbox_depth Proofs that the network has not answered.\n# TYPE engine_provider_outbox_depth gauge\nengine_provider_outbox_depth %d\n", s.Leases[Proved])
	fmt.Fprintf(w, "# HELP engine_provider_running Leases that run now.\n# TYPE engine_provider_running gauge\nengine_provider_running %d\n", len(s.Running))
	fmt.Fprintf(w, "# HELP engine_provider_capacity Leases that may run at once.\n# TYPE engine_provider_capacity gauge\nengine_provider_capacity %d\n", s.Capacity)
	fmt.Fprintf(w, "# HELP engine_provider_draining 1 while no offers are taken.\n# TYPE engine_provider_draining gauge\nengine_provider_draining %d\n", draining)
	fmt.Fprintf(w, "# HELP engine_provider_trap_fail Failed traps of the newest %d leases.\n# TYPE engine_provider_trap_fail gauge\nengine_provider_trap_fail %d\n", metricsWindow, fail)
	fmt.Fprintf(w, "# HELP engine_provider_latency_ms From ack to receipt, as the network measured, of the newest %d leases.\n# TYPE engine_provider_latency_ms gauge\n", metricsWindow)
	for _, q := range []struct {
		name    string
		percent int
	}{{"0.5", 50}, {"0.95", 95}} {
		if len(latency) > 0 {
			fmt.Fprintf(w, "engine_provider_latency_ms{quantile=%q} %d\n", q.name, latency[nearest(len(latency), q.percent)])
		}
	}
	return nil
}

// nearest is the index of the nearest-rank percentile of n ascending values.
func nearest(n, percent int) int { return max(0, (n*percent+99)/100-1) }
