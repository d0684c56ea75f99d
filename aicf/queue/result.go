package queue

import (
	"encoding/json"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Handed is a result as it comes in, its claim read from the proof.
type Handed struct {
	Held
	Claim  digest.Digest
	Proof  json.RawMessage
	Bundle digest.Digest
}

// Receive stores a result behind the fence check; from here on the lease cannot
// lapse, and the provider is not matched to the job again. It returns the lease
// as it stands: when its claim is the handed one the result is new or repeated,
// otherwise the provider gave two claims under one fence.
func Receive(t *store.Tx, h Handed) (l *LeaseRow, fresh bool, err error) {
	n, err := t.Exec("UPDATE lease SET state = 'verifying', received_ms = ?, proof = ?, bundle = ?, claim = ? WHERE id = ? AND provider_id = ? AND fence = ? AND state = 'active' AND expires_ms > ?",
		t.NowMS(), string(h.Proof), h.Bundle, h.Claim, h.ID, h.Provider, h.Fence, t.NowMS())
	if err != nil {
		return nil, false, err
	}
	if l, err = FindLease(t, h.ID); err != nil {
		return nil, false, err
	}
	if n != 1 {
		if l.Provider == h.Provider && l.Fence == h.Fence && !l.Claim.IsZero() {
			return l, false, nil
		}
		return nil, false, why(l, h.Held, t.NowMS())
	}
	if _, err := t.Exec("INSERT INTO excluded (job_id, provider_id) VALUES (?, ?) ON CONFLICT (job_id, provider_id) DO NOTHING", l.JobID, l.Provider); err != nil {
		return nil, false, err
	}
	if _, err := t.Exec("UPDATE job SET state = 'verifying' WHERE id = ? AND lease_id = ?", l.JobID, l.ID); err != nil {
		return nil, false, err
	}
	t.Became("job", l.JobID, string(aicf.Verifying))
	t.Became("lease", l.ID, string(aicf.LeaseVerifying))
	_, err = t.Append(l.note(aicf.EvReceived, map[string]any{"claim": h.Claim, "bundle": h.Bundle, "latency_ms": l.ReceivedMS - l.AckedMS}))
	return l, true, err
}

// Verifying lists at most limit leases whose verdict is due, oldest first.
func Verifying(t *store.Tx, receivedBefore int64, limit int) ([]LeaseRow, error) {
	return store.Select[LeaseRow](t, "WHERE state = 'verifying' AND received_ms <= ? ORDER BY received_ms LIMIT ?", receivedBefore, limit)
}

// Accepted is what an accepted result leaves in the job.
type Accepted struct {
	Claim, Nullifier   digest.Digest
	TrapPass, TrapFail uint64
}

// Complete ends lease and job with an accepted result. It reports false when
// another process was faster.
func Complete(t *store.Tx, l *LeaseRow, a Accepted, outcome string) (bool, error) {
	n, err := t.Exec("UPDATE lease SET state = 'completed', outcome = ? WHERE id = ? AND state = 'verifying'", outcome, l.ID)
	if err != nil || n != 1 {
		return false, err
	}
	l.State = aicf.LeaseCompleted
	if err := free(t, l, false); err != nil {
		return false, err
	}
	if _, err := t.Exec("UPDATE job SET state = 'completed', finished_ms = ?, claim = ?, nullifier = ?, bundle = ?, trap_pass = ?, trap_fail = ?, latency_ms = ?, reason = '' WHERE id = ? AND lease_id = ? AND state = 'verifying'",
		t.NowMS(), a.Claim, a.Nullifier, l.Bundle, a.TrapPass, a.TrapFail, l.ReceivedMS-l.AckedMS, l.JobID, l.ID); err != nil {
		return false, err
	}
	if err := ended(t); err != nil {
		return false, err
	}
	t.Became("job", l.JobID, string(aicf.Completed))
	t.Became("lease", l.ID, string(aicf.LeaseCompleted))
	_, err = t.Append(l.note(aicf.EvCompleted, map[string]any{"claim": a.Claim, "nullifier": a.Nullifier, "trap_pass": a.TrapPass, "trap_fail": a.TrapFail, "latency_ms": l.ReceivedMS - l.AckedMS}))
	return true, err
}

// Reject ends a lease whose result was refused; the job goes to another
// provider or ends. It reports false when another process was faster.
func Reject(t *store.Tx, term *epoch.Term, l *LeaseRow, failure *aicf.Fault, outcome string) (bool, error) {
	n, err := t.Exec("UPDATE lease SET state = 'rejected', outcome = ?, reason = ? WHERE id = ? AND state = 'verifying'", outcome, failure.Error(), l.ID)
	if err != nil || n != 1 {
		return false, err
	}
	l.State, l.Reason = aicf.LeaseRejected, failure.Error()
	if err := free(t, l, false); err != nil {
		return false, err
	}
	t.Became("lease", l.ID, string(aicf.LeaseRejected))
	if _, err := t.Append(l.note(aicf.EvRejected, failure)); err != nil {
		return false, err
	}
	return true, Requeue(t, term, l, true, string(failure.Code))
}
