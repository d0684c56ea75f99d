package agent

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/animicaorg/engine/aicf"
)

const (
	pollWait   = 20 * time.Second
	beatEvery  = 30 * time.Second
	retryFirst = 500 * time.Millisecond
	retryLast  = 30 * time.Second
)

// Recover carries on what the journal has open, in turn. An error means that some must be
// tried again.
func (a *Agent) Recover(ctx context.Context) error {
	open, err := a.journal.Open(ctx)
	if err != nil {
		return err
	}
	for i := range open {
		if err := a.advance(ctx, &open[i]); err != nil {
			return err
		}
	}
	return nil
}

// Run joins the network and works until ctx ends; then it takes no offers, waits for what
// runs for at most grace, and stops. What does not finish is carried on by the next Run.
func (a *Agent) Run(ctx context.Context, grace time.Duration) error {
	if err := a.retry(ctx, "join", a.Join); err != nil {
		return err
	}
	var answer *aicf.HeartbeatAnswer
	if err := a.retry(ctx, "heartbeat", func(ctx context.Context) (err error) { answer, err = a.Beat(ctx); return err }); err != nil {
		return err
	}
	if a.cfg.Working != nil {
		a.cfg.Working()
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { a.beats(work, answer) })
	open, err := a.journal.Open(ctx)
	if err != nil {
		return err
	}
	slots := make(chan struct{}, a.cfg.Capacity)
	for i := range open {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			_ = a.retry(work, "recover", func(ctx context.Context) error { return a.advance(ctx, &open[i]) })
		})
	}
	a.offers(ctx, work, slots, &wg)
	a.Drain()
	if _, err := a.Beat(work); err != nil { // says that it drains
		a.cfg.Log.Warn("last heartbeat", "error", err)
	}
	idle := make(chan struct{})
	go func() {
		for range cap(slots) {
			slots <- struct{}{}
		}
		close(idle)
	}()
	select {
	case <-idle:
	case <-time.After(grace):
		a.cfg.Log.Warn("jobs still run; the next start carries them on", "grace", grace)
	}
	stop()
	wg.Wait()
	return nil
}

// offers takes offers until ctx ends.
func (a *Agent) offers(ctx, work context.Context, slots chan struct{}, wg *sync.WaitGroup) {
	delay := retryFirst
	for ctx.Err() == nil {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		offer, err := a.poll(ctx, pollWait)
		if err != nil || offer == nil {
			<-slots
			a.note(err)
			if err != nil && ctx.Err() == nil {
				a.cfg.Log.Warn("no offer", "error", err)
			}
			if err != nil || a.full() {
				sleep(ctx, delay)
				delay = min(2*delay, retryLast)
			} else {
				delay = retryFirst
			}
			continue
		}
		delay = retryFirst
		wg.Go(func() {
			defer func() { <-slots }()
			e := &Entry{Lease: offer.LeaseID, Job: offer.JobID, Fence: offer.Fence, State: Acking}
			if err := a.put(work, e); err != nil {
				a.note(err)
				a.cfg.Log.Error("the journal does not take the lease; it lapses", "lease_id", e.Lease, "error", err)
				return
			}
			a.cfg.Meter.offered()
			_ = a.retry(work, "lease", func(ctx context.Context) error { return a.advance(ctx, e) })
		})
	}
}

// beats sends heartbeats after the one that was answered, and forgets what is old.
func (a *Agent) beats(ctx context.Context, answer *aicf.HeartbeatAnswer) {
	for {
		a.askAgain(ctx)
		next := beatEvery
		switch {
		case answer == nil:
			next = retryFirst * 4
		case answer.NextWithinMS > 0:
			next = time.Duration(answer.NextWithinMS) * time.Millisecond / 2
		}
		if gone, err := a.journal.Forget(ctx, a.nowMS()-a.cfg.Keep.Milliseconds()); err == nil {
			for _, name := range gone {
				_ = os.Remove(a.bundlePath(name)) // the network has it
			}
		}
		if sleep(ctx, next); ctx.Err() != nil {
			return
		}
		var err error
		if answer, err = a.Beat(ctx); err != nil && ctx.Err() == nil {
			a.note(err)
			a.cfg.Log.Warn("heartbeat", "error", err)
		}
	}
}

// askEvery is the least time between two questions about the standing.
const askEvery = time.Minute

func (a *Agent) askAgain(ctx context.Context) {
	if last := a.Standing(); !a.asks || last != nil && a.nowMS()-last.AskedMS < askEvery.Milliseconds() {
		return
	}
	if err := a.Ask(ctx); err != nil && ctx.Err() == nil {
		a.cfg.Log.Warn("what the network thinks of this provider is not known", "error", err)
	}
}

// retry repeats fn until it succeeds, fails for good, or ctx ends.
func (a *Agent) retry(ctx context.Context, what string, fn func(context.Context) error) error {
	for delay := retryFirst; ; delay = min(2*delay, retryLast) {
		err := fn(ctx)
		a.note(err)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if permanent(err) {
			return fmt.Errorf("%s: %w", what, err)
		}
		a.cfg.Log.Warn("trying again", "what", what, "in", delay, "error", err)
		sleep(ctx, delay)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Status is what the agent knows of itself.
type Status struct {
	ProviderID string                `json:"provider_id"`
	Endpoint   string                `json:"endpoint"`
	Draining   bool                  `json:"draining"`
	Capacity   int                   `json:"capacity"`
	UptimeMS   int64                 `json:"uptime_ms"`
	Running    []Active              `json:"running"`
	Leases     map[State]uint64      `json:"leases"`
	Heartbeat  *aicf.HeartbeatAnswer `json:"heartbeat,omitempty"`
	LastError  string                `json:"last_error,omitempty"`
}

// Active is a lease that runs now.
type Active struct {
	Entry
	ForMS int64 `json:"running_ms"`
}

// Status reports what runs.
func (a *Agent) Status(ctx context.Context) (*Status, error) {
	counts, err := a.journal.Counts(ctx)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.cfg.Now()
	s := &Status{ProviderID: a.cfg.Held.ProviderID.String(), Endpoint: a.cfg.Client.Endpoint, Draining: a.draining, Capacity: a.cfg.Capacity,
		UptimeMS: now.Sub(a.started).Milliseconds(), Running: []Active{}, Leases: counts, Heartbeat: a.beat, LastError: a.lastErr}
	for _, t := range a.running {
		s.Running = append(s.Running, Active{t.entry, now.Sub(t.since).Milliseconds()})
	}
	return s, nil
}
