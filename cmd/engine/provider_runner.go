package main

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest/enroll"
)

// teeRunner implements agent.Runner: this process, where it runs in a TEE. Its keys are in
// its memory only; a restart begins with new ones.
type teeRunner struct {
	executor *sessionExecutor
	witness  *teeWitness

	mu   sync.Mutex
	keys map[digest.Digest]runnerKey // by enrolment
}

type runnerKey struct {
	*enroll.RunnerKey
	until time.Time
}

// runnerLife is how long an enrolment is asked for: as long as a verifier takes.
const runnerLife = enroll.MaxLife

// newRunner is the runner of --tee; nil without.
func (e *program) newRunner(ctx context.Context, x *sessionExecutor) (agent.Runner, error) {
	if kind := x.flags.tee.kind.Value; kind == noTEE || kind == "" {
		return nil, nil
	}
	w, err := e.openEnvironment(ctx, &x.flags.tee)
	if err != nil {
		return nil, err
	}
	return &teeRunner{executor: x, witness: w, keys: map[digest.Digest]runnerKey{}}, nil
}

// Enrol implements agent.Runner.
func (r *teeRunner) Enrol(ctx context.Context, provider, nonce digest.Digest) (*enroll.Request, error) {
	key, err := enroll.NewRunnerKey()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	// A minute less than the most, for clocks that differ.
	in := &enroll.Request{Enrolment: enroll.Enrolment{Nonce: nonce, ProviderID: provider, Public: key.Public(), Expires: now.Add(runnerLife - time.Minute).Truncate(time.Second)}}
	id, err := in.Enrolment.ID()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.witness.quote(ctx, id, now); err != nil {
		return nil, err
	}
	in.Quote = r.witness.result
	maps.DeleteFunc(r.keys, func(_ digest.Digest, k runnerKey) bool { return now.After(k.until.Add(runnerLife)) })
	r.keys[id] = runnerKey{key, in.Enrolment.Expires}
	return in, nil
}

// ExecuteSealed implements agent.Runner.
func (r *teeRunner) ExecuteSealed(ctx context.Context, sealed *aicf.SealedLease, check func(*job.Lease) error) (*proofs.Bundle, error) {
	e := &sealed.Statement.Enrolment
	id, err := e.ID()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	key := r.keys[id]
	r.mu.Unlock()
	if key.RunnerKey == nil {
		return nil, cli.Errorf(cli.AttestationError, "", "the lease is sealed to runner key %s, which went with the process that held it", id).WithHint("the lease is given back; the next one goes to the newest key")
	}
	raw, err := key.Open(e, sealed.Blob)
	if err != nil {
		return nil, cli.Errorf(cli.AttestationError, "", "%w", err)
	}
	l, err := job.ParseLease(raw)
	if err != nil {
		return nil, jsonError(err)
	}
	if err := check(l); err != nil {
		return nil, cli.Errorf(cli.AttestationError, "", "%w", err)
	}
	return r.executor.run(ctx, l, sealed.Statement)
}
