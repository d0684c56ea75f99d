package main

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/metrics"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/web"
)

// monitorFlags say who may look at a service.
type monitorFlags struct{ ui, metrics cli.Choice }

const (
	toLocal  = "local"
	toPublic = "public"
	toNobody = "off"
)

func (f *monitorFlags) add(p *pflag.FlagSet) {
	for _, c := range []struct {
		to         *cli.Choice
		name, what string
	}{{&f.ui, "ui", "pages below /ui/"}, {&f.metrics, "metrics", "Prometheus metrics at /metrics"}} {
		*c.to = cli.Choice{Value: toLocal, Allowed: []string{toLocal, toPublic, toNobody}}
		p.Var(c.to, c.name, c.what+" for this machine, all, or nobody")
	}
}

// monitor is what a service shows of itself: routes for its transport, and what runs beside
// it. Metrics observe the store from its opening on.
type monitor struct {
	flags   *monitorFlags
	metrics *metrics.Network // nil: off
}

func (o *program) newMonitor(f *monitorFlags) *monitor {
	m := &monitor{flags: f}
	if f.metrics.Value != toNobody {
		m.metrics = metrics.New(time.Now, o.Log)
	}
	return m
}

// guarded is h as its choice allows.
func guarded(c cli.Choice, h http.Handler) http.Handler {
	if c.Value == toPublic {
		return h
	}
	return httpapi.Local(h)
}

// routes of a service.
func (o *program) routes(m *monitor, n *network.Service, now func() time.Time) map[string]http.Handler {
	extra := map[string]http.Handler{}
	if m.metrics != nil {
		m.metrics.Attach(n)
		extra["GET /metrics"] = guarded(m.flags.metrics, m.metrics.Handler())
	}
	if m.flags.ui.Value != toNobody {
		extra["GET "+web.Root] = guarded(m.flags.ui, web.New(web.Config{Network: n, Now: now, Log: o.Log}))
		extra["GET /{$}"] = http.RedirectHandler(web.Root, http.StatusSeeOther)
	}
	return extra
}

const (
	checkBooks = 5 * time.Minute  // besides the checks after each settlement
	probeDisk  = 15 * time.Second // between two syncs of the probe
)

// watch checks the books and the disk until ctx ends.
func (o *program) watch(ctx context.Context, m *monitor, n *network.Service, data string) {
	if m.metrics == nil {
		return
	}
	go m.metrics.Run(ctx, n, checkBooks)
	go func() {
		if err := m.metrics.ProbeDisk(ctx, data, probeDisk); err != nil {
			o.Log.Error("the disk is not probed", "error", err)
		}
	}()
}
