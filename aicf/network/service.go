package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// ErrPayerRefused is returned by a Payer for a payment that will never happen.
var ErrPayerRefused = errors.New("the payer refused")

// Service is the network. Its methods may be called by many goroutines. Errors
// a caller may see are *aicf.Fault.
type Service struct {
	cfg   Config
	db    *store.DB
	blobs store.Blobs
	cal   *epoch.Calendar
	log   *slog.Logger

	// verifier is verify; tests of money and state replace the physics.
	verifier func(context.Context, *queue.LeaseRow, *queue.JobRow) (*verified, error)

	takes   int           // pages that one command of a settlement takes
	tells   int           // and of which one writes the events
	judges  chan struct{} // slots of verifications
	mu      sync.Mutex
	judging map[digest.Digest]*judgement
	work    sync.WaitGroup
	pending []*wanting // callers of Next that wait for the pass
	passing bool

	auditing sync.Mutex
	audited  *aicf.Audit // newest answer of Inspect
}

// maxJudges is how many proofs are verified at once.
const maxJudges = 2

// New opens the service: activates the policy and takes up what was cut off. It refuses, by
// ClockSkew, to start with a clock that is more than a second behind the store's.
func New(ctx context.Context, cfg Config, nowMS int64) (*Service, error) {
	if cfg.Store == nil || cfg.Policy == nil || cfg.Service == nil || cfg.Entropy == nil {
		return nil, errors.New("network: Store, Policy, Service and Entropy are needed")
	}
	s := &Service{cfg: cfg, db: cfg.Store, blobs: cfg.Blobs, log: cfg.Log, takes: takenAtOnce, tells: toldAtOnce, judges: make(chan struct{}, maxJudges), judging: map[digest.Digest]*judgement{},
		cal: &epoch.Calendar{ChainID: cfg.ChainID, Secret: cfg.Beacon}}
	if err := cfg.Policy.Unserved(); err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	s.verifier = s.verify
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.blobs == nil {
		s.blobs = s.db.Blobs()
	}
	document, err := yaml.Marshal(cfg.Policy)
	if err == nil {
		if again, bad := aicf.Load(document); bad != nil || len(aicf.Diff(again, cfg.Policy)) > 0 {
			err = fmt.Errorf("the policy does not read back: %w", bad)
		}
	}
	if err != nil {
		return nil, err
	}
	err = s.db.Update(ctx, nowMS, func(t *store.Tx) error { return s.cal.Begin(t, cfg.Policy, document) })
	if aicf.CodeOf(err) == aicf.ClockSkew {
		return nil, fmt.Errorf("network: the service does not start, for every write would be refused: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	return s, s.solvent(ctx)
}

// solvent refuses to start on a ledger that does not add up.
func (s *Service) solvent(ctx context.Context) error {
	return s.view(ctx, func(t *store.Tx, term *epoch.Term) error {
		for _, i := range invariants {
			if i.id != "I1" && i.id != "I3" {
				continue
			}
			if err := i.judge(s, t, term, nil); err != nil {
				return fmt.Errorf("network: invariant %s does not hold (%s): %w; restore a backup, or look with omni aicf check", i.id, i.says, err)
			}
		}
		return nil
	})
}

// Backup writes a copy of the database that opens by itself; see store.DB.
// Bundles of proofs lie beside it.
func (s *Service) Backup(ctx context.Context, path string) error { return s.db.Backup(ctx, path) }

// Close waits for the verifications that run. The store stays open.
func (s *Service) Close() error {
	s.work.Wait()
	return nil
}

// Changed returns a channel that is closed when the next event is committed by
// this process. Transports wait on it, and poll besides for other replicas.
func (s *Service) Changed() <-chan struct{} { return s.db.Changed() }

// Store is the database below.
func (s *Service) Store() *store.DB { return s.db }

// view runs fn on a snapshot with the term.
func (s *Service) view(ctx context.Context, fn func(*store.Tx, *epoch.Term) error) error {
	return s.db.View(ctx, func(t *store.Tx) error {
		term, err := s.cal.Now(t)
		if err != nil {
			return err
		}
		return fn(t, term)
	})
}

// Status is the head of the network.
func (s *Service) Status(ctx context.Context) (*aicf.NetworkStatus, error) {
	out := &aicf.NetworkStatus{ChainID: s.cfg.ChainID, Dev: s.cfg.Dev, ServiceKey: s.cfg.Service.KeyID(), ServicePub: s.cfg.Service.Public(), Engine: s.db.Engine(), Migration: s.db.Migration()}
	if len(s.cfg.Treasury) > 0 {
		out.TreasuryKey = keys.KeyID(s.cfg.Treasury)
	}
	return out, s.view(ctx, func(t *store.Tx, term *epoch.Term) error {
		out.NowMS, out.Round, out.Epoch, out.Policy = t.NowMS(), term.Round, term.Epoch, term.PolicyHash
		out.Events, out.HeadHash = t.Head()
		var verifying uint64
		for q, to := range map[string]*uint64{
			"SELECT count(*) FROM job WHERE state = 'queued'":                 &out.Queued,
			"SELECT count(*) FROM lease WHERE state IN ('offered', 'active')": &out.Leases,
			"SELECT count(*) FROM lease WHERE state = 'verifying'":            &verifying,
			"SELECT count(*) FROM provider":                                   &out.Providers,
		} {
			if err := t.Scan(q, nil, to); err != nil {
				return err
			}
		}
		out.Leases += verifying
		return nil
	})
}

// Policy is the active policy with its hash; next is the one that waits for its
// activation epoch, or nil.
func (s *Service) Policy(ctx context.Context) (active, next *aicf.Policy, hash digest.Digest, err error) {
	err = s.view(ctx, func(t *store.Tx, term *epoch.Term) error {
		active, hash = term.Policy, term.PolicyHash
		next, err = s.cal.Waiting(t, term)
		return err
	})
	return active, next, hash, err
}
