package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest/enroll"
)

// Runner is an executor inside a TEE, which leases are sealed to. What it opens is never
// written here: the journal keeps the sealed form, and a lease whose key went with the
// process is given back.
type Runner interface {
	// Enrol draws a key and has the environment quote over it.
	Enrol(ctx context.Context, provider, nonce digest.Digest) (*enroll.Request, error)
	// ExecuteSealed opens the lease, has it checked, and runs it as Execute does.
	ExecuteSealed(ctx context.Context, l *aicf.SealedLease, check func(*job.Lease) error) (*proofs.Bundle, error)
}

// enrol has the network accept a key of the runner. A network that takes none, or not this
// environment, still gives jobs whose leases are open.
func (a *Agent) enrol(ctx context.Context) error {
	id := a.cfg.Held.ProviderID
	n, err := a.cfg.Client.RunnerNonce(ctx, "", id)
	if err == nil {
		err = a.quote(ctx, id, n.Nonce)
	}
	if permanent(err) {
		a.cfg.Log.Warn("the runner is not enrolled; only jobs with trap_mode process will come", "error", err)
		return nil
	}
	return err
}

func (a *Agent) quote(ctx context.Context, id, nonce digest.Digest) error {
	in, err := a.cfg.Runner.Enrol(ctx, id, nonce)
	if err != nil {
		return fmt.Errorf("enrolment of the runner: %w", err)
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := a.cfg.Client.EnrolRunner(ctx, "runner-"+nonce.String(), raw)
	if err != nil {
		return fmt.Errorf("enrolment of the runner: %w", err)
	}
	now, until := a.cfg.Now(), time.UnixMilli(r.ExpiresMS)
	a.mu.Lock()
	a.enrolAgain = now.Add(until.Sub(now) / 2)
	a.mu.Unlock()
	a.cfg.Log.Info("runner enrolled", "runner_id", r.ID, "until", until.UTC())
	return nil
}

// renewRunner enrols a new key when half of the newest one's life is over. Leases that are
// sealed to the old one are still opened by it.
func (a *Agent) renewRunner(ctx context.Context) {
	a.mu.Lock()
	due := !a.enrolAgain.IsZero() && !a.cfg.Now().Before(a.enrolAgain)
	a.mu.Unlock()
	if a.cfg.Runner == nil || !due {
		return
	}
	if err := a.enrol(ctx); err != nil && ctx.Err() == nil {
		a.note(err)
		a.cfg.Log.Warn("the runner is not enrolled anew; trying again with the next heartbeat", "error", err)
	}
}

// run has the lease of an entry executed, sealed or not.
func (a *Agent) run(ctx context.Context, e *Entry, sealed *aicf.SealedLease, open *job.Lease) (*proofs.Bundle, error) {
	switch {
	case sealed == nil:
		return a.cfg.Executor.Execute(ctx, open)
	case a.cfg.Runner == nil:
		return nil, fmt.Errorf("the lease is sealed to a runner in a TEE, and this provider has none")
	}
	return a.cfg.Runner.ExecuteSealed(ctx, sealed, func(l *job.Lease) error { return a.checkLease(l, e) })
}

// checkLease refuses a lease that is not the service's, or not the one of the entry.
func (a *Agent) checkLease(l *job.Lease, e *Entry) error {
	switch {
	case !l.Signed() || !equal(l.Public, a.service) || l.Verify() != nil:
		return fmt.Errorf("the lease is not signed by the service")
	case l.LeaseID != e.Lease || l.JobID != e.Job || l.Fence != e.Fence || l.ProviderID != a.cfg.Held.ProviderID:
		return fmt.Errorf("the lease is not the one that was offered")
	}
	return nil
}

// readDocument reads the lease of a journal's entry: sealed, or open.
func readDocument(b []byte) (*aicf.SealedLease, *job.Lease, error) {
	var sealed aicf.SealedLease
	if err := json.Unmarshal(b, &sealed); err == nil && sealed.Statement != nil {
		return &sealed, nil, nil
	}
	l, err := job.ParseLease(b)
	return nil, l, err
}
