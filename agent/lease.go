package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/wholefile"
	"github.com/animicaorg/engine/proofs"
)

// Once waits at most wait for an offer and carries it through to the network's answer. nil:
// there was no work, or the agent is full or drains.
func (a *Agent) Once(ctx context.Context, wait time.Duration) (*Entry, error) {
	offer, err := a.poll(ctx, wait)
	if err != nil || offer == nil {
		return nil, err
	}
	return a.take(ctx, offer)
}

func (a *Agent) poll(ctx context.Context, wait time.Duration) (*aicf.Offer, error) {
	if a.full() {
		return nil, nil
	}
	if a.cfg.Clock != nil {
		if err := a.cfg.Clock.Check(); err != nil {
			return nil, fmt.Errorf("no offers are taken: %w", err)
		}
	}
	offer, err := a.cfg.Client.Next(ctx, a.cfg.Held.ProviderID, wait)
	if err != nil {
		return nil, fmt.Errorf("next: %w", err)
	}
	return offer, nil
}

// take acks an offer and runs it.
func (a *Agent) take(ctx context.Context, o *aicf.Offer) (*Entry, error) {
	e := &Entry{Lease: o.LeaseID, Job: o.JobID, Fence: o.Fence, State: Acking}
	if err := a.put(ctx, e); err != nil {
		return e, err
	}
	a.cfg.Meter.offered()
	return e, a.advance(ctx, e)
}

// put stamps and writes an entry.
func (a *Agent) put(ctx context.Context, e *Entry) error {
	e.UpdatedMS = a.nowMS()
	return a.journal.Put(context.WithoutCancel(ctx), e)
}

// end writes a final state.
func (a *Agent) end(ctx context.Context, e *Entry, s State, reason string) error {
	e.State, e.Reason = s, reason
	a.cfg.Log.Info("lease ended", "lease_id", e.Lease, "job_id", e.Job, "state", s, "reason", reason)
	a.cfg.Meter.ended(e)
	return a.put(ctx, e)
}

// advance carries an entry on from where it is, until it is final or an error says that it
// must be tried again later.
func (a *Agent) advance(ctx context.Context, e *Entry) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a.mu.Lock()
	a.running[e.Lease] = &task{entry: *e, cancel: cancel, since: a.cfg.Now()}
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.running, e.Lease)
	}()
	for !e.State.Final() {
		var err error
		switch e.State {
		case Acking:
			err = a.ack(ctx, e)
		case Running:
			err = a.execute(ctx, cancel, e)
		case Proved:
			err = a.submit(ctx, e)
		}
		if err != nil {
			return fmt.Errorf("lease %s: %w", e.Lease, err)
		}
	}
	return nil
}

// ack takes the offer. Repeated after a crash it has one effect.
func (a *Agent) ack(ctx context.Context, e *Entry) error {
	fence := e.Fence
	acked, err := a.cfg.Client.Ack(ctx, "ack-"+e.Lease.String(), aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: e.Lease, Fence: &fence}})
	if permanent(err) {
		return a.end(ctx, e, Lost, err.Error())
	} else if err != nil {
		return err
	}
	document := any(acked.Sealed)
	if acked.Sealed == nil {
		if err := a.checkLease(acked.Lease, e); err != nil {
			return a.give(ctx, e, err.Error())
		}
		document = acked.Lease
	}
	if e.Document, err = json.Marshal(document); err != nil {
		return err
	}
	e.State, e.ExpiresMS = Running, acked.ExpiresMS
	return a.put(ctx, e)
}

func equal(a, b []byte) bool { return len(a) > 0 && string(a) == string(b) }

// give releases a lease that this provider cannot serve.
func (a *Agent) give(ctx context.Context, e *Entry, reason string) error {
	fence := e.Fence
	_, err := a.cfg.Client.Release(ctx, "release-"+e.Lease.String(), aicf.ReleaseRequest{LeaseRef: aicf.LeaseRef{LeaseID: e.Lease, Fence: &fence}, Reason: clip(reason, 200)})
	if err != nil && !permanent(err) {
		return err
	}
	return a.end(ctx, e, Released, reason)
}

func clip(s string, n int) string { return s[:min(len(s), n)] }

// execute runs the job, renewing the lease meanwhile, and stores the bundle.
func (a *Agent) execute(ctx context.Context, cancel context.CancelCauseFunc, e *Entry) error {
	sealed, open, err := readDocument(e.Document)
	if err != nil {
		return a.give(ctx, e, "the journal's lease cannot be read: "+err.Error())
	}
	if e.ExpiresMS <= a.nowMS() {
		if err := a.renew(ctx, e); permanent(err) {
			return a.end(ctx, e, Lost, err.Error())
		} else if err != nil {
			return err
		}
	}
	stop := a.keep(ctx, cancel, e)
	b, err := a.run(ctx, e, sealed, open)
	stop()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errLost):
		return a.end(ctx, e, Lost, cause.Error())
	case err != nil && ctx.Err() != nil:
		return ctx.Err() // shut down: the job is run again after the start
	case err != nil:
		return a.give(ctx, e, err.Error())
	}
	return a.store(ctx, e, b)
}

// keep renews the lease when half of its time is over, until stop.
func (a *Agent) keep(ctx context.Context, cancel context.CancelCauseFunc, e *Entry) (stop func()) {
	ctx, end := context.WithCancel(ctx)
	done := make(chan struct{})
	held := *e
	go func() {
		defer close(done)
		for {
			left := time.Duration(held.ExpiresMS-a.nowMS()) * time.Millisecond
			t := time.NewTimer(max(left/2, 100*time.Millisecond))
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-t.C:
			}
			if err := a.renew(ctx, &held); permanent(err) {
				cancel(fmt.Errorf("%w: %w", errLost, err))
				return
			} else if err != nil && ctx.Err() == nil {
				a.cfg.Log.Warn("lease not renewed; trying again", "lease_id", held.Lease, "error", err)
			}
		}
	}()
	return func() {
		end()
		<-done
		e.ExpiresMS = held.ExpiresMS
	}
}

func (a *Agent) renew(ctx context.Context, e *Entry) error {
	fence := e.Fence
	r, err := a.cfg.Client.Renew(ctx, "", aicf.RenewRequest{LeaseRef: aicf.LeaseRef{LeaseID: e.Lease, Fence: &fence}})
	if err == nil {
		e.ExpiresMS = r.ExpiresMS
	}
	return err
}

func (a *Agent) bundlePath(name digest.Digest) string {
	return filepath.Join(a.cfg.Dir, "bundles", name.String()+".tar")
}

// store writes the bundle, then the entry that names it.
func (a *Agent) store(ctx context.Context, e *Entry, b *proofs.Bundle) error {
	raw, err := b.Tar()
	if err != nil {
		return err
	}
	e.Bundle = digest.Sum(raw)
	if err := wholefile.Write(a.bundlePath(e.Bundle), raw, 0o600); err != nil {
		return err
	}
	e.State = Proved
	return a.put(ctx, e)
}

// submit hands in the proof.
func (a *Agent) submit(ctx context.Context, e *Entry) error {
	raw, err := os.ReadFile(a.bundlePath(e.Bundle))
	if err != nil {
		return a.end(ctx, e, Parked, "the bundle is gone: "+err.Error())
	}
	b, err := proofs.Load(a.bundlePath(e.Bundle))
	if err != nil || digest.Sum(raw) != e.Bundle {
		return a.end(ctx, e, Parked, fmt.Sprintf("the bundle on disk is damaged: %v", err))
	}
	e.Attempts++
	if err := a.put(ctx, e); err != nil {
		return err
	}
	file, err := os.Open(a.bundlePath(e.Bundle))
	if err != nil {
		return err
	}
	defer file.Close()
	fence := e.Fence
	err = a.cfg.Client.PutBundle(ctx, "bundle-"+e.Bundle.String(), e.Bundle, file)
	var out *aicf.ResultOutcome
	if err == nil {
		out, err = a.cfg.Client.Result(ctx, "result-"+e.Lease.String()+"-"+e.Bundle.String()[:16], aicf.ResultRequest{LeaseRef: aicf.LeaseRef{LeaseID: e.Lease, Fence: &fence}, Proof: b.Proof, Bundle: e.Bundle})
	}
	switch {
	case permanent(err):
		return a.end(ctx, e, Parked, err.Error())
	case err != nil:
		return err
	case out.Status == aicf.LeaseVerifying:
		return fmt.Errorf("the proof is being verified: %w", client.ErrNoAnswer)
	}
	e.Outcome, e.Claim = out, out.Claim
	reason := ""
	if out.Failure != nil {
		reason = out.Failure.Error()
	}
	return a.end(ctx, e, Done, reason)
}

// permanent says that an answer will not change by asking again.
func permanent(err error) bool {
	switch aicf.CodeOf(err) {
	case "", aicf.RateLimited, aicf.QueueOverCapacity, aicf.NoResultYet, aicf.Overloaded, aicf.StorageFailed, aicf.ClockSkew, aicf.ReplayDetected, "InternalError":
		return false
	}
	return true
}
