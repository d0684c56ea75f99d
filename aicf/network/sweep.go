package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/penalty"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Swept counts what a sweep did.
type Swept struct {
	Lapsed, Expired, Requeued, JobsExpired, Missed, Unjailed, Released, Executed, Settled, Paid, Verified, Rounds int
}

// sweepLimit is how many rows one command of a sweep touches.
const sweepLimit = 256

// Sweep does what is due at nowMS and is idempotent: lapsed offers, expired
// leases and jobs, retries, missed heartbeats, unbonding, slashes whose appeal
// ended, settlement of finished epochs, payouts, unfinished verifications.
// Replicas may all call it. It returns how much it did.
func (s *Service) Sweep(ctx context.Context, nowMS int64) (w Swept, err error) {
	step := func(total *int, fn func(*store.Tx, *epoch.Term) (int, error)) {
		for n := sweepLimit; err == nil && n >= sweepLimit; {
			err = s.db.Update(ctx, nowMS, func(t *store.Tx) error {
				term, err := s.cal.Now(t)
				if err == nil {
					n, err = fn(t, term)
				}
				return err
			})
			if err == nil {
				*total += n
			}
		}
	}
	var forgotten int
	over, expired := 0, 0
	step(&over, func(t *store.Tx, term *epoch.Term) (n int, err error) {
		n, expired, err = s.due(t, term)
		w.Expired += expired
		return n, err
	})
	w.Lapsed = over - w.Expired
	begun := err == nil
	step(&w.Requeued, func(t *store.Tx, _ *epoch.Term) (int, error) { return queue.Wake(t, sweepLimit) })
	step(&w.JobsExpired, func(t *store.Tx, _ *epoch.Term) (int, error) { return queue.ExpireJobs(t, sweepLimit) })
	step(&w.Missed, s.missed)
	step(&w.Unjailed, func(t *store.Tx, term *epoch.Term) (int, error) { return registry.Unjail(t, term, sweepLimit) })
	step(&w.Released, func(t *store.Tx, term *epoch.Term) (int, error) { return registry.Release(t, term, sweepLimit) })
	step(&w.Executed, func(t *store.Tx, term *epoch.Term) (int, error) { return penalty.ExecuteDue(t, term, sweepLimit) })
	step(&forgotten, func(t *store.Tx, _ *epoch.Term) (int, error) {
		return 0, errors.Join(forget(t), registry.ForgetReasons(t))
	})
	if err == nil {
		w.Settled, err = s.settleDue(ctx, nowMS)
	}
	if err == nil {
		w.Verified, err = s.resume(ctx, nowMS)
	}
	if err == nil {
		w.Paid, err = s.payDue(ctx, nowMS)
	}
	if begun && aicf.CodeOf(err) == aicf.ClockSkew { // the sweep took so long that nowMS is past: the next one goes on
		err = nil
	}
	return w, err
}

// due ends lapsed offers and expired leases.
func (s *Service) due(t *store.Tx, term *epoch.Term) (all, expired int, err error) {
	lapsed, leases, err := queue.Due(t, term, sweepLimit)
	if err != nil {
		return 0, 0, err
	}
	for i := range leases {
		if err := s.lost(t, term, &leases[i]); err != nil {
			return 0, 0, err
		}
	}
	return lapsed + len(leases), len(leases), nil
}

func (s *Service) missed(t *store.Tx, term *epoch.Term) (int, error) {
	rows, err := registry.Miss(t, term, sweepLimit)
	for i := range rows {
		err = errors.Join(err, s.beat(t, term, rows[i].ID, 1))
	}
	return len(rows), err
}

// resumeMS is how old a verification is before a sweep takes it up: another
// process may be at it.
const resumeMS = 30_000

// resume verifies results whose process ended before their verdict.
func (s *Service) resume(ctx context.Context, nowMS int64) (int, error) {
	var rows []queue.LeaseRow
	if err := s.db.View(ctx, func(t *store.Tx) (err error) {
		rows, err = queue.Verifying(t, nowMS-resumeMS, sweepLimit)
		return err
	}); err != nil {
		return 0, err
	}
	n := 0
	for i := range rows {
		if err := s.judge(ctx, rows[i].ID); err != nil { // its bundle is not readable now: the others go on
			s.log.Error("verification not finished", "lease_id", rows[i].ID, "error", err)
			continue
		}
		n++
	}
	return n, nil
}

// payRetryMS is the time between two questions to the payer.
const payRetryMS = 30_000

// payDue asks the payer for what is in the outbox. A payout is marked as sent
// before the payer hears of it; afterwards its outcome is asked for.
func (s *Service) payDue(ctx context.Context, nowMS int64) (n int, err error) {
	if s.cfg.Payer == nil {
		return 0, nil
	}
	var rows []settle.PayoutRow
	if err := s.db.View(ctx, func(t *store.Tx) (err error) {
		rows, err = settle.Outbox(t, nowMS, sweepLimit)
		return err
	}); err != nil {
		return 0, err
	}
	for i := range rows {
		paid, err := s.pay(ctx, nowMS, &rows[i])
		if err != nil {
			return n, err
		}
		n += paid
	}
	return n, nil
}

func (s *Service) pay(ctx context.Context, nowMS int64, p *settle.PayoutRow) (int, error) {
	fresh, mine := p.State == aicf.PayoutPending, false
	if err := s.db.Update(ctx, nowMS, func(t *store.Tx) (err error) {
		mine, err = settle.Sending(t, p, payRetryMS)
		return err
	}); err != nil || !mine {
		return 0, err
	}
	to := aicf.PayoutState("")
	if fresh {
		switch err := s.cfg.Payer.Pay(ctx, p.ID, p.Provider, p.Amount); {
		case err == nil:
			to = aicf.PayoutPaid
		case errors.Is(err, ErrPayerRefused):
			to = aicf.PayoutFailed
		default:
			s.log.Warn("payout of unknown outcome", "payout", p.ID, "error", err)
		}
	} else {
		paid, known, err := s.cfg.Payer.Paid(ctx, p.ID)
		switch {
		case err == nil && known && paid:
			to = aicf.PayoutPaid
		case err == nil && known: // the payer never heard of it: the same id again
			if err := s.cfg.Payer.Pay(ctx, p.ID, p.Provider, p.Amount); err == nil {
				to = aicf.PayoutPaid
			} else if errors.Is(err, ErrPayerRefused) {
				to = aicf.PayoutFailed
			}
		case p.Attempts >= s.payAttempts(ctx):
			to = aicf.PayoutUnknown
		}
	}
	if to == "" || to == aicf.PayoutUnknown && p.State == aicf.PayoutUnknown {
		return 0, nil
	}
	done := 0
	if to != aicf.PayoutUnknown {
		done = 1
	}
	return done, s.db.Update(ctx, nowMS, func(t *store.Tx) error { return settle.Resolve(t, p, to) })
}

func (s *Service) payAttempts(ctx context.Context) (n uint64) {
	s.view(ctx, func(_ *store.Tx, term *epoch.Term) error { n = term.Rules.ResolveAttempts; return nil })
	return n
}

// AdvanceRound closes the current round and opens the next. Round expected
// must be the current one: a second call for it changes nothing and answers
// the current round.
func (s *Service) AdvanceRound(ctx context.Context, nowMS int64, expected uint64) (out *aicf.Round, err error) {
	err = s.db.Update(ctx, nowMS, func(t *store.Tx) error {
		closed, err := s.cal.Close(t, expected)
		if err != nil {
			return err
		}
		term, err := s.cal.Now(t)
		if err != nil {
			return err
		}
		if closed != nil {
			if err := s.withheld(t, term, closed); err != nil {
				return err
			}
		}
		out, err = s.cal.Round(t, term.Round)
		return err
	})
	return out, err
}

// withheld proposes slashes for commitments that were not opened.
func (s *Service) withheld(t *store.Tx, term *epoch.Term, c *epoch.Closed) error {
	for _, id := range c.Withheld {
		if _, err := penalty.Propose(t, term, penalty.Accusation{Provider: id, Reason: aicf.ReasonBeacon, Document: map[string]any{"round": c.Round}}); err != nil {
			return fmt.Errorf("round %d: %w", c.Round, err)
		}
	}
	return nil
}

// Tick is Sweep, and AdvanceRound once the policy's round time is over; a server
// calls it about once a second. Rounds that were missed in a pause are not made
// up for: the next begins now.
func (s *Service) Tick(ctx context.Context, nowMS int64) (Swept, error) {
	w, err := s.Sweep(ctx, nowMS)
	if err != nil {
		return w, err
	}
	var term *epoch.Term
	if err := s.view(ctx, func(_ *store.Tx, now *epoch.Term) error { term = now; return nil }); err != nil {
		return w, err
	}
	if nowMS >= term.StartedMS+int64(term.Rules.RoundMS) {
		if _, err = s.AdvanceRound(ctx, nowMS, term.Round); aicf.CodeOf(err) == aicf.ClockSkew {
			return w, nil // the sweep took long: the next tick closes the round
		}
		w.Rounds = 1
	}
	return w, err
}

// CommitBeacon and RevealBeacon are a provider's two halves of a round: the
// commitment in the round before, the value in the round.
func (s *Service) CommitBeacon(ctx context.Context, c aicf.Call, provider digest.Digest, round uint64, commitment digest.Digest) error {
	if err := s.acts(c, provider); err != nil {
		return err
	}
	_, err := update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*struct{}, error) {
		r, err := registry.Find(t, provider)
		if err != nil {
			return nil, err
		}
		if r.State != aicf.Active {
			return nil, aicf.Refuse(aicf.Forbidden, "provider %s is %s; active providers make the beacon", provider, r.State)
		}
		return &struct{}{}, s.cal.Commit(t, term, provider, round, commitment)
	})
	return err
}

// RevealBeacon opens a commitment; see CommitBeacon.
func (s *Service) RevealBeacon(ctx context.Context, c aicf.Call, provider digest.Digest, round uint64, value digest.Digest) error {
	if err := s.acts(c, provider); err != nil {
		return err
	}
	_, err := update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*struct{}, error) {
		return &struct{}{}, s.cal.Reveal(t, term, provider, round, value)
	})
	return err
}

// Round is one beacon round; NotFound before it began.
func (s *Service) Round(ctx context.Context, n uint64) (out *aicf.Round, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		out, err = s.cal.Round(t, n)
		return err
	})
}
