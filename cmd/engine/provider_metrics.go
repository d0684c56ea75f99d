package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
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

// serveMetrics answers at an address until stop; at is the address that it got.
func (e *program) serveMetrics(listen, dir string, m *agent.Meter) (at string, stop func(), err error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", nil, cli.Errorf(cli.Usage, "--metrics", "%w", err).WithHint("an address such as 127.0.0.1:9465; port 0 takes a free one")
	}
	m.Register(&machineMetrics{e, dir})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
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
