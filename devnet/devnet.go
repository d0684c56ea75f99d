package devnet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/aicf/httpapi"
	"github.com/animicaorg/engine/aicf/metrics"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/web"
)

// Config makes a devnet. Dir, Host and Backend are needed.
type Config struct {
	Dir      string // of database, keys and bundles; what is there is used again
	Listen   string // default 127.0.0.1:0
	Postgres string // URL; empty: SQLite in Dir
	Host     *host.Host
	Backend  backends.Backend
	Version  string // engine_version of the provider
	Log      *slog.Logger
	Now      func() time.Time // nil: time.Now
	Metrics  *metrics.Network // observes the service; nil: nobody
}

// The policy: an epoch is four rounds, a window ten jobs.
const (
	ChainID     = 1337
	epochRounds = 4
	windowJobs  = 10
	// treasuryGrant is what buyer and provider get at the start.
	treasuryGrant = 1_000_000
)

// Net is a running devnet.
type Net struct {
	Service  *network.Service
	Provider *agent.Agent
	Endpoint string
	Held     *keys.Held

	cfg      Config
	buyer    *client.Client
	treasury *client.Client
	own      *client.Client // the provider's
	close    []func() error
}

// Start opens the store, starts the service and joins the provider.
func Start(ctx context.Context, cfg Config) (n *Net, err error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("devnet: %w", err)
	}
	n = &Net{cfg: cfg}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("devnet: %w", err), n.Close())
			n = nil
		}
	}()
	treasury, err := n.key("treasury", keys.Operational)
	if err != nil {
		return n, err
	}
	if err := n.serve(ctx, treasury); err != nil {
		return n, err
	}
	if n.treasury, err = n.connect(ctx, treasury); err != nil {
		return n, err
	}
	buyer, err := n.key("buyer", keys.Operational)
	if err != nil {
		return n, err
	}
	if n.buyer, err = n.connect(ctx, buyer); err != nil {
		return n, err
	}
	if _, err := n.buyer.Enrol(ctx, ""); err != nil {
		return n, err
	}
	if err := n.grant(ctx, buyer.KeyID()); err != nil {
		return n, err
	}
	return n, n.join(ctx)
}

// Close stops everything, the newest first.
func (n *Net) Close() error {
	var errs []error
	for i := len(n.close) - 1; i >= 0; i-- {
		errs = append(errs, n.close[i]())
	}
	n.close = nil
	return errors.Join(errs...)
}

// key loads a member's key, or draws it.
func (n *Net) key(member string, role keys.Role) (keys.RoleSigner, error) {
	s, err := keys.Open(filepath.Join(n.cfg.Dir, "keys", member))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	k, err := s.Key(role)
	if errors.Is(err, keys.ErrNoKey) {
		return s.Create(role, rand.Reader)
	}
	return k, err
}

// policy is the network's own with short epochs and windows.
func policy() (*aicf.Policy, error) {
	p, err := aicf.DefaultPolicy()
	if err != nil {
		return nil, err
	}
	p.Epochs.LengthBlocks, p.SLA.Windows.SamplesMin, p.Slashing.Grace.StartupBlocks = epochRounds, windowJobs, 0
	return p, nil
}

func (n *Net) serve(ctx context.Context, treasury keys.Signer) error {
	p, err := policy()
	if err != nil {
		return err
	}
	var db *store.DB
	opts := store.Options{Log: n.cfg.Log}
	if n.cfg.Metrics != nil {
		opts.Observer = n.cfg.Metrics
	}
	if n.cfg.Postgres != "" {
		db, err = store.OpenPostgres(ctx, n.cfg.Postgres, opts)
	} else {
		db, err = store.OpenSQLite(ctx, filepath.Join(n.cfg.Dir, "network.db"), opts)
	}
	if err != nil {
		return err
	}
	n.close = append(n.close, db.Close)
	key, err := n.key("service", keys.Service)
	if err != nil {
		return err
	}
	secret := digest.SumParts([]byte("animica devnet beacon"), key.Public())
	if n.Service, err = network.New(ctx, network.Config{Store: db, ChainID: ChainID, Policy: p, Service: key, Treasury: treasury.Public(),
		Entropy: rand.Reader, Beacon: secret, Dev: true, Log: n.cfg.Log}, n.nowMS()); err != nil {
		return err
	}
	n.close = append(n.close, n.Service.Close)
	l, err := net.Listen("tcp", n.cfg.Listen)
	if err != nil {
		return err
	}
	n.Endpoint = "http://" + l.Addr().String()
	about := httpapi.Config{Network: n.Service, Signer: key, Now: n.cfg.Now, Dev: true, Log: n.cfg.Log, Version: "1",
		Extra: map[string]http.Handler{"GET " + web.Root: httpapi.Local(web.New(web.Config{Network: n.Service, Now: n.cfg.Now, Log: n.cfg.Log}))}}
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

func (n *Net) nowMS() int64 { return n.cfg.Now().UnixMilli() }

// connect is a client that signs and knows the service's key.
func (n *Net) connect(ctx context.Context, signer keys.Signer) (*client.Client, error) {
	c, err := client.New(n.Endpoint, signer)
	if err != nil {
		return nil, err
	}
	st, err := n.Service.Status(ctx)
	if err != nil {
		return nil, err
	}
	c.Service, c.Now = st.ServicePub, n.cfg.Now
	return c, nil
}

// grant funds an account once.
func (n *Net) grant(ctx context.Context, account digest.Digest) error {
	_, err := n.treasury.Deposit(ctx, "grant-"+account.String(), aicf.DepositRequest{Account: account, Amount: treasuryGrant, Reference: "devnet grant " + account.String()})
	return err
}

// join registers the provider, stakes and sends the first heartbeat.
func (n *Net) join(ctx context.Context) error {
	s, err := keys.Open(filepath.Join(n.cfg.Dir, "keys", "provider"))
	if err != nil {
		return err
	}
	defer s.Close()
	now := uint64(n.cfg.Now().Unix())
	if n.Held, _, err = s.Ensure(rand.Reader, now); err != nil {
		return err
	}
	root, err := s.Key(keys.Root)
	if err != nil {
		return err
	}
	id, err := keys.NewIdentity(ctx, root, "devnet@localhost", []string{"quantum"}, now)
	if err != nil {
		return err
	}
	b := &keys.Bundle{Identity: id, Regions: []string{"local"}, Keys: []*keys.KeyStatement{n.Held.Statement}}
	for _, g := range circuit.Generators() {
		b.Algorithms = append(b.Algorithms, g.ID)
	}
	if err := b.Sign(ctx, root, now); err != nil {
		return err
	}
	bundle, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if n.own, err = n.connect(ctx, n.Held.Operational); err != nil {
		return err
	}
	if err := n.grant(ctx, n.Held.ProviderID); err != nil {
		return err
	}
	n.Provider, err = agent.New(ctx, agent.Config{Client: n.own, Held: n.Held, Bundle: bundle, Dir: filepath.Join(n.cfg.Dir, "provider"), Now: n.cfg.Now, Log: n.cfg.Log,
		Executor: &executor{n.cfg.Host, n.cfg.Backend, n.Held, n.cfg.Version, n.cfg.Now}, Version: n.cfg.Version})
	if err != nil {
		return err
	}
	n.close = append(n.close, n.Provider.Close)
	if err := n.Provider.Join(ctx); err != nil {
		return err
	}
	_, err = n.Provider.Beat(ctx)
	return err
}

// Report is what the jobs came to, read back from the service.
type Report struct {
	JobsPaid  int              `json:"jobs_paid"`
	Imbalance aicf.Amount      `json:"ledger_imbalance"`
	Statement *aicf.Statement  `json:"statement"`
	Payouts   []*aicf.Payout   `json:"payouts"`
	Balance   *aicf.Balance    `json:"balance"`
	Checks    []aicf.Invariant `json:"invariants"`
	Dashboard string           `json:"dashboard_url"`
	ElapsedMS int64            `json:"elapsed_ms"`
}

// Run submits jobs, has them executed and proved, settles their epoch, claims the pay, and
// holds the totals against each other. document is a job of a generated circuit; each
// submission gets a job_id of its own.
func (n *Net) Run(ctx context.Context, document []byte, jobs int) (*Report, error) {
	began := n.cfg.Now()
	var earned aicf.Amount
	epochs := map[uint64]bool{}
	for i := range jobs {
		id, doc, err := renamed(document, i)
		if err != nil {
			return nil, err
		}
		if _, err := n.buyer.Submit(ctx, "submit-"+id.String(), aicf.JobSubmission{Job: doc}); err != nil {
			return nil, fmt.Errorf("job %d: %w", i+1, err)
		}
		e, err := n.Provider.Once(ctx, 10*time.Second)
		switch {
		case err != nil:
			return nil, fmt.Errorf("job %d: %w", i+1, err)
		case e == nil:
			return nil, fmt.Errorf("job %d: the provider got no work", i+1)
		case e.State != agent.Done || e.Outcome == nil || e.Outcome.Status != aicf.LeaseCompleted:
			return nil, fmt.Errorf("job %d: lease %s is %s: %s", i+1, e.Lease, e.State, e.Reason)
		}
		earned += e.Outcome.Accrued
		epochs[e.Outcome.Epoch] = true
	}
	r := &Report{Payouts: []*aicf.Payout{}, Dashboard: n.Endpoint + web.Root}
	var paid aicf.Amount
	for epoch := range epochs {
		if err := n.settle(ctx, epoch); err != nil {
			return nil, err
		}
		p, err := n.own.Claim(ctx, fmt.Sprintf("claim-%d", epoch), n.Held.ProviderID, epoch)
		if err != nil {
			return nil, fmt.Errorf("claim epoch %d: %w", epoch, err)
		}
		paid += p.Amount
		r.Payouts = append(r.Payouts, p)
	}
	if paid < earned {
		return nil, fmt.Errorf("the jobs earned %d, %d was paid", earned, paid)
	}
	if err := n.report(ctx, r); err != nil {
		return nil, err
	}
	r.ElapsedMS = n.cfg.Now().Sub(began).Milliseconds()
	return r, nil
}

// settle advances rounds until an epoch is settled.
func (n *Net) settle(ctx context.Context, epoch uint64) error {
	for range 4 * epochRounds {
		e, err := n.Service.Epoch(ctx, epoch)
		if err != nil {
			return err
		}
		if e.State == aicf.EpochSettled {
			return nil
		}
		st, err := n.Service.Status(ctx)
		if err != nil {
			return err
		}
		if _, err := n.Service.AdvanceRound(ctx, n.nowMS(), st.Round); err != nil {
			return err
		}
		if _, err := n.Service.Sweep(ctx, n.nowMS()); err != nil {
			return err
		}
	}
	return fmt.Errorf("epoch %d does not settle", epoch)
}

// report reads statement, balance and invariants.
func (n *Net) report(ctx context.Context, r *Report) error {
	for cursor := ""; ; {
		s, err := n.own.Statement(ctx, n.Held.ProviderID, nil, cursor)
		if err != nil {
			return err
		}
		if r.Statement == nil {
			r.Statement = s
		} else {
			r.Statement.Lines = append(r.Statement.Lines, s.Lines...)
		}
		if s.Next == 0 {
			break
		}
		cursor = fmt.Sprint(s.Next)
	}
	var lines aicf.Amount
	for _, l := range r.Statement.Lines {
		if l.State == aicf.ClaimPaid {
			r.JobsPaid++
			lines += l.Provider
		}
	}
	var err error
	if r.Balance, err = n.own.Balance(ctx, n.Held.ProviderID); err != nil {
		return err
	}
	a, err := n.own.Check(ctx)
	if err != nil {
		return err
	}
	r.Imbalance, r.Checks = a.Imbalance, a.Invariants
	switch {
	case !a.OK():
		return errors.New("the ledger breaks an invariant: omni aicf check says which")
	case r.Statement.Paid != lines:
		return fmt.Errorf("the statement's lines add up to %d, the ledger paid %d", lines, r.Statement.Paid)
	}
	return nil
}

// renamed gives a job document the id of its i-th submission in this process.
func renamed(document []byte, i int) (digest.Digest, []byte, error) {
	var id digest.Digest
	if _, err := io.ReadFull(rand.Reader, id[:]); err != nil {
		return id, nil, err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(document, &doc); err != nil {
		return id, nil, fmt.Errorf("job %d: %w", i+1, err)
	}
	raw, err := json.Marshal(id)
	if err != nil {
		return id, nil, err
	}
	doc["job_id"] = raw
	out, err := json.Marshal(doc)
	return id, out, err
}
