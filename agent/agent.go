package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// Config makes an agent. Client, Held, Executor and Dir are needed.
type Config struct {
	Client *client.Client // signs with Held.Operational
	Held   *keys.Held
	// Bundle is the provider bundle that registers the provider; empty: it must be
	// registered.
	Bundle []byte
	// Stake is what the provider wants to have staked; 0: what the network wants at least.
	Stake    aicf.Amount
	Executor Executor
	Runner   Runner // of sealed leases; nil: none
	// Capacity is how many leases run at once; 0 means 1.
	Capacity int
	MinPrice uint64 // in ppm of the policy's price; 0: any
	// Dir holds the journal and the bundles that are under way.
	Dir string
	// Checkpoint, if set, is the head of the provider's audit log for heartbeats.
	Checkpoint func(context.Context) (*aicf.CheckpointNote, error)
	// Clock, if set, is measured by the service's answers; while it is too far off no offer
	// is taken. An executor asks it before it signs.
	Clock   *Clock
	Version string
	// Working, if set, is called by Run when the provider has joined and its first
	// heartbeat was answered.
	Working func()
	// Meter counts what the agent does; nil: one that nobody reads. With one the network is
	// asked about the provider's standing after heartbeats, at most once a minute.
	Meter *Meter
	// Keep is how long finished leases stay in the journal; default 30 days.
	Keep time.Duration
	Now  func() time.Time // nil: time.Now
	Log  *slog.Logger
}

// Agent is one provider at one network. Start it by [Agent.Run], or drive it step by step
// by [Agent.Join], [Agent.Beat] and [Agent.Once].
type Agent struct {
	cfg     Config
	journal *Journal
	service []byte // the service's key, which leases must be signed by
	asks    bool   // the network about the provider's standing

	mu       sync.Mutex
	running  map[digest.Digest]*task
	draining bool
	beat     *aicf.HeartbeatAnswer
	lastErr  string
	standing *Standing
	// enrolAgain is when the runner needs a new key; zero: none is enrolled.
	enrolAgain time.Time
	started    time.Time
}

// task is a lease that runs here now.
type task struct {
	entry  Entry
	cancel context.CancelCauseFunc
	since  time.Time
}

// Errors that end an agent, or a lease.
var (
	// ErrIdentity says that the keys here are not those of the registration.
	ErrIdentity = errors.New("the keys are not those that are registered")
	errLost     = errors.New("the lease is lost")
)

// New opens the journal.
func New(ctx context.Context, cfg Config) (*Agent, error) {
	if cfg.Capacity == 0 {
		cfg.Capacity = 1
	}
	if cfg.Keep == 0 {
		cfg.Keep = 30 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Capacity < 1 || cfg.Client == nil || cfg.Held == nil || cfg.Executor == nil || cfg.Dir == "" {
		return nil, errors.New("agent: client, keys, executor, folder and a capacity of at least 1 are needed")
	}
	if cfg.Clock != nil {
		cfg.Client.Heard = cfg.Clock.Heard
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "bundles"), 0o700); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	j, err := OpenJournal(ctx, cfg.Dir)
	if err != nil {
		return nil, err
	}
	a := &Agent{cfg: cfg, journal: j, running: map[digest.Digest]*task{}, started: cfg.Now(), asks: cfg.Meter != nil}
	if a.cfg.Meter == nil {
		a.cfg.Meter = NewMeter()
	}
	a.cfg.Meter.Register(&journalMetrics{a})
	return a, nil
}

// Close closes the journal. Nothing may run any more.
func (a *Agent) Close() error { return a.journal.Close() }

// Journal is the agent's memory.
func (a *Agent) Journal() *Journal { return a.journal }

func (a *Agent) nowMS() int64 { return a.cfg.Now().UnixMilli() }

// Join learns the service's key, registers the provider if it is not registered, and stakes
// what is missing.
func (a *Agent) Join(ctx context.Context) error {
	plain := a.cfg.Client.Anonymous() // the key may not be enrolled yet
	status, err := plain.Status(ctx)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if a.cfg.Client.Service == nil {
		a.cfg.Client.Service = status.ServicePub
	}
	a.service = a.cfg.Client.Service
	id := a.cfg.Held.ProviderID
	p, err := plain.Provider(ctx, id)
	if aicf.CodeOf(err) == aicf.NotFound && len(a.cfg.Bundle) > 0 {
		r, err := a.cfg.Client.Register(ctx, "register-"+digest.Sum(a.cfg.Bundle).String(), a.cfg.Bundle)
		if err != nil {
			return fmt.Errorf("join: register: %w", err)
		}
		a.cfg.Log.Info("registered", "provider_id", r.ProviderID, "level", r.Level)
		if a.cfg.Stake == 0 {
			a.cfg.Stake = r.MinStake
		}
		p, err = a.cfg.Client.Provider(ctx, id)
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
	} else if err != nil {
		return fmt.Errorf("join: provider %s: %w", id, err)
	}
	if a.cfg.Stake == 0 && p.Staked == 0 && p.State == aicf.Registered && len(a.cfg.Bundle) > 0 { // cut off before it staked
		r, err := a.cfg.Client.Register(ctx, "register-"+digest.Sum(a.cfg.Bundle).String(), a.cfg.Bundle)
		if err != nil {
			return fmt.Errorf("join: register: %w", err)
		}
		a.cfg.Stake = r.MinStake
	}
	if p.ID != id {
		return fmt.Errorf("join: here are the keys of %s, registered is %s: %w", id, p.ID, ErrIdentity)
	}
	if missing := a.cfg.Stake - p.Staked; missing > 0 {
		if _, err := a.cfg.Client.Stake(ctx, fmt.Sprintf("stake-%s-%d-%d", id, p.Staked, a.cfg.Stake), id, missing); err != nil {
			return fmt.Errorf("join: stake %d: %w", missing, err)
		}
		a.cfg.Log.Info("staked", "amount", missing)
	}
	if a.cfg.Runner != nil {
		if err := a.enrol(ctx); err != nil {
			return fmt.Errorf("join: %w", err)
		}
	}
	return nil
}

// Beat sends one heartbeat and gives up the leases that the network says are lost.
func (a *Agent) Beat(ctx context.Context) (*aicf.HeartbeatAnswer, error) {
	a.renewRunner(ctx)
	now := a.cfg.Now()
	seq, err := a.journal.Next(ctx, "heartbeat", uint64(now.UnixMilli()))
	if err != nil {
		return nil, err
	}
	h := aicf.Heartbeat{ProviderID: a.cfg.Held.ProviderID, Capacity: uint64(a.cfg.Capacity), TS: uint64(now.Unix()), Seq: seq, QoS: "normal", Version: a.cfg.Version, MinPrice: a.cfg.MinPrice}
	a.mu.Lock()
	if a.draining {
		h.QoS = "draining"
	}
	for _, t := range a.running {
		h.Fences = append(h.Fences, aicf.RunningFence{LeaseID: t.entry.Lease, Fence: t.entry.Fence})
	}
	a.mu.Unlock()
	if a.cfg.Checkpoint != nil {
		if h.Checkpoint, err = a.cfg.Checkpoint(ctx); err != nil {
			return nil, fmt.Errorf("heartbeat: audit log: %w", err)
		}
	}
	sent := a.cfg.Now()
	answer, err := a.cfg.Client.Heartbeat(ctx, fmt.Sprintf("beat-%s-%d", h.ProviderID, seq), h)
	a.cfg.Meter.beat(sent, a.cfg.Now(), answer)
	if err != nil {
		return nil, fmt.Errorf("heartbeat: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.beat = answer
	for _, id := range answer.Lost {
		if t := a.running[id]; t != nil {
			t.cancel(fmt.Errorf("%w: the network says so", errLost))
		}
	}
	return answer, nil
}

// Drain stops taking offers; what runs goes on.
func (a *Agent) Drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
}

func (a *Agent) full() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.draining || len(a.running) >= a.cfg.Capacity
}

func (a *Agent) note(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lastErr = ""; err != nil {
		a.lastErr = err.Error()
	}
}
