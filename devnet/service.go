package devnet

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/rootdir"
	"github.com/animicaorg/engine/web"
)

// policy is the network's with short epochs and windows.
func (n *Net) policy() (*aicf.Policy, error) {
	p := n.cfg.Policy
	if p == nil {
		var err error
		if p, err = aicf.DefaultPolicy(); err != nil {
			return nil, err
		}
	}
	short := *p
	short.Epochs.LengthBlocks, short.SLA.Windows.SamplesMin, short.Slashing.Grace.StartupBlocks = epochRounds, windowJobs, 0
	return &short, nil
}

func (n *Net) openStore(ctx context.Context) (*store.DB, error) {
	opts := store.Options{Log: n.cfg.Log}
	if n.cfg.Metrics != nil {
		opts.Observer = n.cfg.Metrics
	}
	if n.cfg.Postgres != "" {
		return store.OpenPostgres(ctx, n.cfg.Postgres, opts)
	}
	return store.OpenSQLite(ctx, filepath.Join(n.cfg.Dir, "network.db"), opts)
}

// service is the network over a database. It judges the evidence of devices by the roots in
// the devnet's folder.
func (n *Net) service(ctx context.Context, db *store.DB, treasury []byte) (*network.Service, keys.Signer, error) {
	p, err := n.policy()
	if err != nil {
		return nil, nil, err
	}
	key, err := n.key("service", keys.Service)
	if err != nil {
		return nil, nil, err
	}
	judge := &evidence.Attester{Vendor: rootdir.Anchors{Own: n.rootsDir()}.Vendor}
	s, err := network.New(ctx, network.Config{Store: db, ChainID: ChainID, Policy: p, Service: key, Treasury: treasury, Entropy: rand.Reader,
		Beacon: digest.SumParts([]byte("animica devnet beacon"), key.Public()), Dev: true, Log: n.cfg.Log,
		Wire: func(in *proofs.Input) { in.Attester = judge }}, n.nowMS())
	return s, key, err
}

// serve opens the store and starts the service.
func (n *Net) serve(ctx context.Context, treasury keys.Signer) error {
	db, err := n.openStore(ctx)
	if err != nil {
		return err
	}
	n.close = append(n.close, db.Close)
	if n.cfg.Clock != nil { // time does not go back on books that are opened again
		var last int64
		if err := db.View(ctx, func(t *store.Tx) error { last = t.NowMS(); return nil }); err != nil {
			return err
		}
		n.cfg.Clock.Advance(time.UnixMilli(last).Sub(n.cfg.Clock.Now()))
	}
	var key keys.Signer
	if n.Service, key, err = n.service(ctx, db, treasury.Public()); err != nil {
		return err
	}
	n.close = append(n.close, n.Service.Close)
	l, err := net.Listen("tcp", n.cfg.Listen)
	if err != nil {
		return err
	}
	n.Endpoint = "http://" + l.Addr().String()
	buyer, err := n.key("buyer", keys.Operational)
	if err != nil {
		return err
	}
	n.APIKey = client.Key()
	about := httpapi.Config{Network: n.Service, Signer: key, Now: n.now, Dev: true, Log: n.cfg.Log, Version: "1",
		APIKeys: map[digest.Digest]digest.Digest{digest.Sum([]byte(n.APIKey)): buyer.KeyID()},
		Extra:   map[string]http.Handler{"GET " + web.Root: httpapi.Local(web.New(web.Config{Network: n.Service, Now: n.now, Log: n.cfg.Log}))}}
	if n.cfg.Metrics != nil {
		n.cfg.Metrics.Attach(n.Service)
		about.Observer, about.Extra["GET /metrics"] = n.cfg.Metrics, httpapi.Local(n.cfg.Metrics.Handler())
	}
	api := httpapi.New(about)
	served, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	h := &http.Server{}
	go func() { done <- api.Serve(served, h, func() error { return h.Serve(l) }, 5*time.Second) }()
	n.close = append(n.close, func() error {
		stop()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return nil
}
