package queue

import (
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Held is a lease as its holder names it.
type Held struct {
	ID       digest.Digest
	Provider digest.Digest
	Fence    uint64
}

// why explains a conditional write that touched nothing.
func why(l *LeaseRow, h Held, nowMS int64) error {
	switch {
	case l.Provider != h.Provider:
		return aicf.Refuse(aicf.Forbidden, "lease %s belongs to another provider", l.ID)
	case l.Fence != h.Fence:
		return aicf.Refuse(aicf.LeaseFenced, "lease %s has fence %d, the call names %d", l.ID, l.Fence, h.Fence)
	case l.State == aicf.LeaseLapsed || l.State == aicf.LeaseTimedOut:
		return aicf.Refuse(aicf.LeaseExpired, "lease %s lapsed at %d ms; it is never revived", l.ID, l.ExpiresMS).Try("take the next offer; renew earlier")
	}
	if (l.State == aicf.LeaseOffered || l.State == aicf.LeaseActive) && l.ExpiresMS <= nowMS {
		return aicf.Refuse(aicf.LeaseExpired, "lease %s ended at %d ms, it is %d ms now", l.ID, l.ExpiresMS, nowMS).Try("take the next offer; renew earlier")
	}
	return aicf.Refuse(aicf.LeaseLost, "lease %s is %s", l.ID, l.State)
}

// Ack makes an offer a live lease. signed is the answer, kept for repeated acks.
func Ack(t *store.Tx, h Held, ttlMS, deadlineMS int64, signed string) error {
	n, err := t.Exec("UPDATE lease SET state = 'active', acked_ms = ?, ttl_ms = ?, expires_ms = ?, deadline_ms = ?, signed = ? WHERE id = ? AND provider_id = ? AND fence = ? AND state = 'offered' AND expires_ms > ?",
		t.NowMS(), ttlMS, min(t.NowMS()+ttlMS, deadlineMS), deadlineMS, signed, h.ID, h.Provider, h.Fence, t.NowMS())
	if err != nil {
		return err
	}
	l, err := FindLease(t, h.ID)
	if err != nil {
		return err
	}
	if n != 1 {
		return why(l, h, t.NowMS())
	}
	if _, err := t.Exec("UPDATE provider SET offer_id = NULL WHERE id = ? AND offer_id = ?", l.Provider, l.ID); err != nil {
		return err
	}
	if _, err := t.Exec("UPDATE job SET state = 'leased' WHERE id = ? AND lease_id = ?", l.JobID, l.ID); err != nil {
		return err
	}
	t.Became("job", l.JobID, string(aicf.Leased))
	t.Became("lease", l.ID, string(aicf.LeaseActive))
	_, err = t.Append(l.note(aicf.EvLeased, map[string]any{"expires_ms": l.ExpiresMS, "deadline_ms": l.DeadlineMS}))
	return err
}

// Renew moves the end of a live lease, at most to its deadline.
func Renew(t *store.Tx, term *epoch.Term, h Held, ttlMS int64) (*LeaseRow, error) {
	if most := int64(term.Rules.LeaseTTLMS); ttlMS <= 0 || ttlMS > most {
		ttlMS = most
	}
	l, err := FindLease(t, h.ID)
	if err != nil {
		return nil, err
	}
	until := max(l.ExpiresMS, min(t.NowMS()+ttlMS, l.DeadlineMS))
	n, err := t.Exec("UPDATE lease SET expires_ms = ?, renewals = renewals + 1 WHERE id = ? AND provider_id = ? AND fence = ? AND state = 'active' AND expires_ms > ? AND renewals < ?",
		until, h.ID, h.Provider, h.Fence, t.NowMS(), term.Rules.MaxRenewals)
	if err != nil {
		return nil, err
	}
	if n != 1 {
		if l.Provider == h.Provider && l.Fence == h.Fence && l.State == aicf.LeaseActive && l.ExpiresMS > t.NowMS() {
			return nil, aicf.Refuse(aicf.LimitExceeded, "lease %s was renewed %d times, at most %d", l.ID, l.Renewals, term.Rules.MaxRenewals)
		}
		return nil, why(l, h, t.NowMS())
	}
	l.ExpiresMS, l.Renewals = until, l.Renewals+1
	_, err = t.Append(l.note(aicf.EvRenewed, map[string]any{"expires_ms": l.ExpiresMS, "renewals": l.Renewals}))
	return l, err
}

// Release gives a lease or an offer back. acked says that it counts for the SLA
// window.
func Release(t *store.Tx, term *epoch.Term, h Held, reason string) (l *LeaseRow, acked bool, err error) {
	if l, err = FindLease(t, h.ID); err != nil {
		return nil, false, err
	}
	if l.Provider == h.Provider && l.Fence == h.Fence && l.State == aicf.LeaseReleased {
		return l, false, nil
	}
	n, err := t.Exec("UPDATE lease SET state = 'released', reason = ? WHERE id = ? AND provider_id = ? AND fence = ? AND state IN ('offered', 'active') AND expires_ms > ?",
		reason, h.ID, h.Provider, h.Fence, t.NowMS())
	if err != nil {
		return nil, false, err
	}
	if n != 1 {
		return nil, false, why(l, h, t.NowMS())
	}
	acked = l.State == aicf.LeaseActive
	l.State, l.Reason = aicf.LeaseReleased, reason
	return l, acked, over(t, term, l, aicf.EvReleased, acked, "released: "+reason)
}

// Lapse ends an offer that nobody took.
func Lapse(t *store.Tx, l *LeaseRow) error {
	n, err := t.Exec("UPDATE lease SET state = 'lapsed' WHERE id = ? AND state = 'offered'", l.ID)
	if err != nil || n != 1 {
		return err
	}
	l.State = aicf.LeaseLapsed
	return over(t, nil, l, aicf.EvOfferLapsed, false, "the offer lapsed")
}

// Expire ends a live lease whose holder did not answer.
func Expire(t *store.Tx, term *epoch.Term, l *LeaseRow) error {
	n, err := t.Exec("UPDATE lease SET state = 'expired' WHERE id = ? AND state = 'active'", l.ID)
	if err != nil || n != 1 {
		return err
	}
	l.State = aicf.LeaseTimedOut
	return over(t, term, l, aicf.EvLeaseExpired, true, "the lease expired")
}

// over frees the provider of a lease that ended without a result and puts the
// job back. tried counts towards max_attempts and delays the next attempt; term
// may be nil when tried is false.
func over(t *store.Tx, term *epoch.Term, l *LeaseRow, event string, tried bool, because string) error {
	if err := free(t, l, true); err != nil {
		return err
	}
	t.Became("lease", l.ID, string(l.State))
	if _, err := t.Append(l.note(event, map[string]any{"reason": because})); err != nil {
		return err
	}
	return Requeue(t, term, l, tried, because)
}

// free gives the provider its place back, and the units of its quota when they
// were not used.
func free(t *store.Tx, l *LeaseRow, unused bool) error {
	units := uint64(0)
	if unused {
		units = l.Units
	}
	_, err := t.Exec("UPDATE provider SET running = running - 1, offer_id = CASE WHEN offer_id = ? THEN NULL ELSE offer_id END, quota_units = CASE WHEN quota_units < ? THEN 0 ELSE quota_units - ? END WHERE id = ?",
		l.ID, units, units, l.Provider)
	return err
}

// Requeue puts the job of an ended lease back, or ends it.
func Requeue(t *store.Tx, term *epoch.Term, l *LeaseRow, tried bool, because string) error {
	j, err := Find(t, l.JobID)
	if err != nil {
		return err
	}
	if j.LeaseID != l.ID || j.State.Final() {
		return nil
	}
	if j.ExpiresMS <= t.NowMS() {
		return End(t, j, aicf.Expired, because+"; the job's time is over", aicf.EvJobExpired)
	}
	to, notBefore := aicf.Queued, int64(0)
	if tried {
		j.Tries++
		if j.Tries >= term.Rules.MaxAttempts {
			return End(t, j, aicf.Failed, because+"; no attempt is left", aicf.EvFailed)
		}
		delay, err := Delay(j.ID, j.Tries)
		if err != nil {
			return err
		}
		to, notBefore = aicf.Delayed, t.NowMS()+delay
	}
	if _, err := t.Exec("UPDATE job SET state = ?, tries = ?, not_before_ms = ?, reason = ? WHERE id = ? AND lease_id = ?", to, j.Tries, notBefore, because, j.ID, l.ID); err != nil {
		return err
	}
	t.Became("job", j.ID, string(to))
	_, err = t.Append(l.note(aicf.EvRequeued, map[string]any{"reason": because, "not_before_ms": notBefore, "tries": j.Tries}))
	return err
}

// Delay is economics.Backoff in milliseconds, ±10 % by the job and the try.
func Delay(job digest.Digest, try uint64) (int64, error) {
	s, err := economics.Backoff(try)
	if err != nil {
		return 0, err
	}
	whole := s.Num().Int64() * 1000 / s.Denom().Int64()
	jitter := digest.SumParts([]byte("AICF|retry"), job[:], []byte{byte(try)})
	return whole*9/10 + whole/5*int64(jitter[0])/255, nil
}
