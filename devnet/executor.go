package devnet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/proofs"
)

// executor runs jobs with the shipped modules.
type executor struct {
	host     *host.Host
	backend  backends.Backend
	held     *keys.Held
	version  string
	now      func() time.Time
	pass     func(time.Duration) // moves a logical clock
	capacity int                 // leases at once; 0: one
	takes    time.Duration       // what a run takes on it; 0: 100 ms
	device   *device             // signs X and R of what ran on it; nil: proofs carry no evidence
	// hand makes of a run the bundle that is handed in; nil: its proof.
	hand func(context.Context, *execution) (*proofs.Bundle, error)
}

var _ agent.Executor = (*executor)(nil)

// journal keeps what the engine logs for the bundle.
type journal struct{ bytes.Buffer }

// Append implements engine.Journal.
func (j *journal) Append(_ context.Context, r engine.Record) error {
	return json.NewEncoder(&j.Buffer).Encode(r)
}

// Execute implements agent.Executor.
func (x *executor) Execute(ctx context.Context, lease *job.Lease) (b *proofs.Bundle, err error) {
	task, err := newTask(lease)
	if err != nil {
		return nil, err
	}
	compiler, ok := embedded.Lookup("layered")
	traps, found := embedded.Lookup("accredit")
	if !ok || !found {
		return nil, errors.New("this build lacks its modules")
	}
	guests, err := engine.OpenGuests(ctx, x.host, compiler.Bytes, traps.Bytes)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, guests.Close()) }()
	log := &journal{}
	cfg := engine.Config{Compiler: guests.Compiler, Traps: guests.Traps, Modules: guests.Modules, Backend: timed{x.backend, x},
		ProviderID: x.held.ProviderID, Version: x.version, Journal: log, Now: x.now}
	if x.device != nil {
		cfg.Modules = append(cfg.Modules, x.device.module)
	}
	e, err := engine.New(cfg)
	if err != nil {
		return nil, err
	}
	plan, err := e.Plan(ctx, *task)
	if err != nil {
		return nil, err
	}
	made := &execution{executor: x, modules: map[digest.Digest][]byte{digest.Sum(compiler.Bytes): compiler.Bytes, digest.Sum(traps.Bytes): traps.Bytes}}
	if x.device != nil {
		if made.execSig, err = x.device.sign(ctx, driverv1.Purpose_PURPOSE_EXEC, plan.X); err != nil {
			return nil, err
		}
	}
	out, err := e.Run(ctx, plan)
	if err != nil {
		return nil, err
	}
	made.run = agent.Run{Plan: plan, Outcome: out, Statement: x.held.Statement, TrapTier: job.TrapModeProcess, Version: x.version, Use: guests.Use(), Dev: true}
	made.journal = bytes.Clone(log.Bytes())
	if x.hand != nil {
		return x.hand(ctx, made)
	}
	return made.prove(ctx, made.run.Claim())
}

// timed is a backend that takes its time on a logical clock.
type timed struct {
	backends.Backend
	of *executor
}

// Run implements backends.Backend.
func (t timed) Run(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
	t.of.pass(cmp.Or(t.of.takes, 100*time.Millisecond))
	return t.Backend.Run(ctx, b, emit)
}

// execution is a run before anything is claimed of it.
type execution struct {
	*executor
	run     agent.Run
	journal []byte // what the engine logged; nil: the bundle has none
	modules map[digest.Digest][]byte
	execSig []byte // of the device, over X
}

// prove signs a claim about the run and puts the bundle around it. The device signs the
// result that is claimed.
func (e *execution) prove(ctx context.Context, c proofs.Claim) (*proofs.Bundle, error) {
	proof, err := proofs.Build(c)
	if err != nil {
		return nil, err
	}
	if e.device != nil {
		if c.Attest.QPU, err = e.device.evidence(ctx, e.execSig, proof.Body.Binding.Digests.R); err != nil {
			return nil, err
		}
		if proof, err = proofs.Build(c); err != nil {
			return nil, err
		}
	}
	if err := proof.Sign(ctx, e.held.Operational, c.FinishedUnixMS/1000); err != nil {
		return nil, err
	}
	return e.run.Bundle(proof, e.journal, e.modules)
}

// newTask builds what a lease asks for, under a policy that ships.
func newTask(lease *job.Lease) (*engine.Task, error) {
	s := &lease.Job.Spec
	var c *circuit.Circuit
	var err error
	if s.Circuit != nil {
		c, _, err = circuit.Parse(circuit.Format(s.Circuit.Format), []byte(s.Circuit.Source), circuit.Options{Params: s.Circuit.Params})
	} else {
		c, err = circuit.Generate(s.CircuitID, int(s.Width), int(s.Depth), s.Seed)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range []string{job.ExactPolicy, "ref@1"} {
		p, err := job.NamedTrapPolicy(name)
		if err != nil {
			return nil, err
		}
		if h, err := p.Hash(); err == nil && h == lease.PolicyHash {
			return &engine.Task{Lease: lease, Circuit: c, Policy: p}, nil
		}
	}
	return nil, fmt.Errorf("policy_hash: %s is no policy of this build", lease.PolicyHash)
}
