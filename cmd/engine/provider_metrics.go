package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
	"github.com/animicaorg/engine/web"
)

// machineMetrics are what a provider should know of its machine: room on the disk, and when
// the certificates of its devices end.
type machineMetrics struct {
	e   *program
	dir string
}

var (
	diskDesc = prometheus.NewDesc("engine_disk_free_ratio", "Share of the disk below the data directory that is free.", nil, nil)
	certDesc = prometheus.NewDesc("engine_cert_expiry_timestamp_seconds", "When the vendor's certificate of a driver's device ends.", []string{"driver", "device"}, nil)
	fineDesc = prometheus.NewDesc("engine_cert_valid", "1 while the vendor's certificate of a driver's device verifies.", []string{"driver"}, nil)
)

// Describe implements prometheus.Collector.
func (*machineMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{diskDesc, certDesc, fineDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *machineMetrics) Collect(out chan<- prometheus.Metric) {
	if free, all, known := diskBytes(m.dir); known && all > 0 {
		out <- prometheus.MustNewConstMetric(diskDesc, prometheus.GaugeValue, float64(free)/float64(all))
	}
	for _, driver := range m.e.driversWithCertificates() {
		v, err := m.e.deviceCertificate(driver, time.Now())
		switch {
		case err != nil:
			out <- prometheus.MustNewConstMetric(fineDesc, prometheus.GaugeValue, 0, driver)
		case v != nil:
			out <- prometheus.MustNewConstMetric(fineDesc, prometheus.GaugeValue, 1, driver)
			out <- prometheus.MustNewConstMetric(certDesc, prometheus.GaugeValue, float64(v.NotAfter.Unix()), driver, v.Claims.DeviceID)
		}
	}
}

// deviceCertificate verifies the certificate of a driver's device; nil: it has none.
func (e *program) deviceCertificate(driver string, now time.Time) (*vendorcert.Verified, error) {
	d, err := e.readCertificate(driver)
	if err != nil || d == nil {
		return nil, err
	}
	t, err := e.vendorTrust("", d.Vendor)
	if err != nil {
		return nil, err
	}
	v, refused := vendorcert.Check(d, vendorcert.Params{At: now, Roots: t.Roots, CRLs: t.CRLs})
	if len(refused) > 0 {
		return nil, errors.New(refused[0].Message)
	}
	return v, nil
}

// serveMetrics answers at an address until stop; at is the address that it got. The page
// beside the metrics is for this machine alone.
func (e *program) serveMetrics(listen, dir string, m *agent.Meter, page http.Handler) (at string, stop func(), err error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", nil, cli.Errorf(cli.Usage, "--metrics", "%w", err).WithHint("an address such as 127.0.0.1:9465; port 0 takes a free one")
	}
	m.Register(&machineMetrics{e, dir})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	mux.Handle("GET /", httpapi.Local(page))
	h := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 8 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			e.Log.Error("metrics", "error", err)
		}
	}()
	return "http://" + l.Addr().String() + "/metrics", func() {
		quiet, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if h.Shutdown(quiet) != nil {
			_ = h.Close()
		}
		<-done
	}, nil
}

// maxLatest is how many leases the page lists.
const maxLatest = 50

// daemonPage shows an agent.
func daemonPage(a *agent.Agent) http.Handler {
	return web.NewDaemon(func(ctx context.Context) (*web.Daemon, error) {
		s, err := a.Status(ctx)
		if err != nil {
			return nil, err
		}
		latest, err := a.Journal().Latest(ctx, maxLatest)
		if err != nil {
			return nil, err
		}
		d := &web.Daemon{ProviderID: s.ProviderID, Endpoint: s.Endpoint, Draining: s.Draining, Capacity: s.Capacity, UptimeMS: s.UptimeMS, LastError: s.LastError, Heartbeat: s.Heartbeat}
		for _, r := range s.Running {
			l := daemonLease(&r.Entry)
			l.ForMS = r.ForMS
			d.Running = append(d.Running, l)
		}
		for i := range latest {
			d.Latest = append(d.Latest, daemonLease(&latest[i]))
		}
		for _, state := range []agent.State{agent.Proved, agent.Done, agent.Released, agent.Lost, agent.Parked} {
			d.States = append(d.States, web.DaemonCount{State: string(state), N: s.Leases[state]})
		}
		if st := a.Standing(); st != nil {
			d.AskedMS, d.Provider, d.Balance, d.StakeMin, d.Eligible, d.Because, d.Queued = st.AskedMS, st.Provider, st.Balance, st.StakeMin, st.Eligible, st.Because, st.Queued
		}
		return d, nil
	}, time.Now)
}

func daemonLease(e *agent.Entry) web.DaemonLease {
	l := web.DaemonLease{Job: e.Job, Lease: e.Lease, Fence: e.Fence, State: string(e.State), UpdatedMS: e.UpdatedMS, Reason: e.Reason}
	if o := e.Outcome; o != nil {
		l.State, l.LatencyMS, l.TrapPass, l.TrapFail, l.Accrued = string(o.Status), o.LatencyMS, o.TrapPass, o.TrapFail, o.Accrued
	}
	return l
}
