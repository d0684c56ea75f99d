package devnet

import (
	"bytes"
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
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/proofs"
)

// executor runs jobs with the shipped modules.
type executor struct {
	host    *host.Host
	backend backends.Backend
	held    *keys.Held
	version string
	now     func() time.Time
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
	e, err := engine.New(engine.Config{Compiler: guests.Compiler, Traps: guests.Traps, Modules: guests.Modules, Backend: x.backend,
		ProviderID: x.held.ProviderID, Version: x.version, Journal: log, Now: x.now})
	if err != nil {
		return nil, err
	}
	plan, err := e.Plan(ctx, *task)
	if err != nil {
		return nil, err
	}
	out, err := e.Run(ctx, plan)
	if err != nil {
		return nil, err
	}
	run := &agent.Run{Plan: plan, Outcome: out, Statement: x.held.Statement, TrapTier: job.TrapModeProcess, Version: x.version, Use: guests.Use(), Dev: true}
	proof, err := proofs.Build(run.Claim())
	if err != nil {
		return nil, err
	}
	if err := proof.Sign(ctx, x.held.Operational, uint64(x.now().Unix())); err != nil {
		return nil, err
	}
	return run.Bundle(proof, bytes.Clone(log.Bytes()), map[digest.Digest][]byte{digest.Sum(compiler.Bytes): compiler.Bytes, digest.Sum(traps.Bytes): traps.Bytes})
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
