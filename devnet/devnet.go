package devnet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/aicf/metrics"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/keys"
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
	Metrics  *metrics.Network // observes the service; nil: nobody
	// Clock is the network's; nil: the machine's. A logical clock is set forward to the
	// newest time in the database, and moves with the work that is done.
	Clock *Clock
	// Policy is what the network's policy is made of; nil: its own document. Epochs are four
	// rounds and windows ten jobs in either case, and a new provider has no grace.
	Policy *aicf.Policy
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
	// APIKey is a bearer key of the buyer's account for older clients, drawn at each start.
	APIKey string

	cfg      Config
	buyer    *client.Client
	treasury *client.Client
	own      *client.Client // the provider's
	close    []func() error
}

// Start opens the store, starts the service and joins the provider.
func Start(ctx context.Context, cfg Config) (n *Net, err error) {
	n, err = open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	m, err := n.join(ctx, "provider", &executor{backend: cfg.Backend})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("devnet: %w", err), n.Close())
	}
	n.Provider, n.Held, n.own = m.agent, m.held, m.own
	return n, nil
}

// open starts the service with a funded buyer.
func open(ctx context.Context, cfg Config) (n *Net, err error) {
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
	return n, n.grant(ctx, buyer.KeyID())
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
	c.Service, c.Now = st.ServicePub, n.now
	return c, nil
}

// grant funds an account once.
func (n *Net) grant(ctx context.Context, account digest.Digest) error {
	_, err := n.treasury.Deposit(ctx, "grant-"+account.String(), aicf.DepositRequest{Account: account, Amount: treasuryGrant, Reference: "devnet grant " + account.String()})
	return err
}

// now is the network's time.
func (n *Net) now() time.Time {
	if n.cfg.Clock != nil {
		return n.cfg.Clock.Now()
	}
	return time.Now()
}

func (n *Net) nowMS() int64 { return n.now().UnixMilli() }

// pass lets d go by on a logical clock; on the machine's it does nothing.
func (n *Net) pass(d time.Duration) {
	if n.cfg.Clock != nil {
		n.cfg.Clock.Advance(d)
	}
}
