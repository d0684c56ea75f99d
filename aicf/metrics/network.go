package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
)

// Network observes one service. Give it to the store and to the transport before they are
// opened, and attach the service afterwards.
type Network struct {
	registry *prometheus.Registry
	now      func() time.Time
	log      *slog.Logger

	events eventMetrics
	calls  callMetrics
	store  storeMetrics
	audit  auditMetrics

	settled chan struct{} // an epoch was: check the books
}

var (
	_ store.Observer   = (*Network)(nil)
	_ httpapi.Observer = (*Network)(nil)
)

// New makes the metrics of a process with a registry of their own. now is the service's
// clock; log may be nil.
func New(now func() time.Time, log *slog.Logger) *Network {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	n := &Network{registry: prometheus.NewRegistry(), now: now, log: log, settled: make(chan struct{}, 1)}
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	n.events.register(n.registry)
	n.calls.register(n.registry)
	n.store.register(n.registry)
	n.audit.register(n.registry)
	return n
}

// Attach adds the gauges of a service and its store.
func (n *Network) Attach(s *network.Service) {
	n.registry.MustRegister(&snapshot{service: s, now: n.now, log: n.log}, &writer{s.Store()})
}

// Handler serves the metrics.
func (n *Network) Handler() http.Handler {
	return promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Gatherer is what Handler serves.
func (n *Network) Gatherer() prometheus.Gatherer { return n.registry }

// Committed implements store.Observer.
func (n *Network) Committed(c store.Commit) {
	n.store.commit(c)
	for i := range c.Events {
		n.events.count(&c.Events[i])
		if c.Events[i].Type == aicf.EvEpochSettled {
			select {
			case n.settled <- struct{}{}:
			default: // a check is due already
			}
		}
	}
}

// Answered implements httpapi.Observer.
func (n *Network) Answered(a httpapi.Answer) { n.calls.answered(a) }

// Streaming implements httpapi.Observer.
func (n *Network) Streaming(change int) { n.calls.streams.Add(float64(change)) }

// Audit judges the invariants now.
func (n *Network) Audit(ctx context.Context, s *network.Service) error {
	began := time.Now()
	a, err := s.Check(ctx)
	if err != nil {
		return err
	}
	n.audit.set(a, n.now(), time.Since(began))
	for _, i := range a.Invariants {
		if !i.OK {
			n.log.Error("the ledger breaks an invariant", "id", i.ID, "detail", i.Detail)
		}
	}
	return nil
}

// Run judges the invariants now, after each settled epoch, and every so often, until ctx
// ends. A check reads the whole database.
func (n *Network) Run(ctx context.Context, s *network.Service, every time.Duration) {
	for ctx.Err() == nil {
		if err := n.Audit(ctx, s); err != nil && !errors.Is(err, context.Canceled) {
			n.log.Error("the books were not checked", "error", err)
		}
		again := time.NewTimer(every)
		select {
		case <-ctx.Done():
		case <-again.C:
		case <-n.settled:
		}
		again.Stop()
	}
}
