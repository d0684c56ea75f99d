package queue

import (
	"encoding/json"
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
)

// Submit puts an order into the queue, its price into escrow.
func Submit(t *store.Tx, term *epoch.Term, o *Order, requester digest.Digest) (*aicf.Submitted, error) {
	if old, err := known(t, o, requester); old != nil || err != nil {
		return old, err
	}
	if err := sealable(t, o); err != nil {
		return nil, err
	}
	if err := room(t, term); err != nil {
		return nil, err
	}
	units, payable, err := o.Units(term.Rules.UnitsDivisor)
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/job/spec")
	}
	price, _, err := Price(term.Policy, payable)
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/job/price")
	}
	id := o.Parsed.JobID
	err = ledger.Move(t, ledger.Of(requester, ledger.Available), ledger.Of(requester, ledger.Escrow), price, id, "escrow")
	if errors.Is(err, ledger.ErrShort) {
		return nil, aicf.Refuse(aicf.PaymentRequired, "the job costs %d for %d units; the available balance of %s does not cover it", price, payable, requester).Try("deposit first (POST /aicf/deposits)")
	} else if err != nil {
		return nil, err
	}
	ttl := o.TTLMS
	if ttl == 0 {
		ttl = int64(term.Rules.JobTTLMS)
	}
	j := &JobRow{Seq: t.Seq(), ID: id, Requester: requester, State: aicf.Queued, Request: o.Request, CircuitHash: o.CircuitHash, JobHash: o.JobHash,
		Width: o.Width, Depth: o.Depth, Shots: o.Parsed.Spec.Shots, TrapPPM: o.Parsed.Spec.TrapRatioPPM, TrapPolicy: o.TrapPolicy, Units: units, Payable: payable,
		Class: o.class(), Region: o.Region, Algorithm: o.Algorithm, Priority: o.Priority, MaxLatencyMS: int64(o.Parsed.MaxLatencyMS),
		InsufficientOK: o.AcceptInsufficient, Escrow: price, Policy: term.PolicyHash, SubmittedMS: t.NowMS(), ExpiresMS: t.NowMS() + ttl}
	answer := &aicf.Submitted{JobID: id, State: aicf.Queued, CircuitHash: o.CircuitHash, JobHash: o.JobHash, Units: payable, Escrow: price, Traps: o.Traps, TrapsMin: o.TMin,
		TTLMS: ttl, PolicyHash: term.PolicyHash, Deadline: j.ExpiresMS}
	if err := insert(t, j, o.Job, answer); err != nil {
		return nil, err
	}
	t.Became("job", id, string(aicf.Queued))
	_, err = t.Append(store.Note{Type: aicf.EvSubmitted, Job: id, JobSeq: j.Seq, Info: map[string]any{"requester": requester, "units": payable, "escrow": price, "job_hash": o.JobHash}})
	return answer, err
}

// sealable refuses a job for runners in TEEs while none is enrolled: it could only wait.
func sealable(t *store.Tx, o *Order) error {
	if o.Parsed.Spec.TrapMode != job.TrapModeTEE {
		return nil
	}
	ok, err := registry.AnyRunner(t, t.NowMS())
	if err == nil && !ok {
		err = aicf.Refuse(aicf.PolicyMismatch, "trap_mode tee needs a provider with an enrolled runner key, and none is enrolled now").
			In("/job/spec/trap_mode").Try("trap_mode process, or wait until a provider has enrolled a runner")
	}
	return err
}

func insert(t *store.Tx, j *JobRow, doc json.RawMessage, answer *aicf.Submitted) error {
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	_, err = t.Exec(`INSERT INTO job (seq, id, requester, state, request, circuit_hash, job_hash, width, depth, shots, trap_ppm, trap_policy, units, payable, class, region, algorithm,
		priority, max_latency_ms, insufficient_ok, escrow, paid, refunded, attempt, tries, policy, submitted_ms, expires_ms, not_before_ms, finished_ms, reason, trap_pass, trap_fail, latency_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?, ?, 0, 0, '', 0, 0, 0)`,
		j.Seq, j.ID, j.Requester, j.State, j.Request, j.CircuitHash, j.JobHash, j.Width, j.Depth, j.Shots, j.TrapPPM, j.TrapPolicy, j.Units, j.Payable, j.Class,
		j.Region, j.Algorithm, j.Priority, j.MaxLatencyMS, j.InsufficientOK, j.Escrow, j.Policy, j.SubmittedMS, j.ExpiresMS)
	if err != nil {
		return err
	}
	_, err = t.Exec("INSERT INTO job_text (seq, document, answer) VALUES (?, ?, ?)", j.Seq, string(doc), string(b))
	return err
}

// known returns the stored answer of the same order.
func known(t *store.Tx, o *Order, requester digest.Digest) (*aicf.Submitted, error) {
	var answer []byte
	var owner, request digest.Digest
	err := t.Scan("SELECT answer, requester, request FROM job JOIN job_text USING (seq) WHERE id = ?", []any{o.Parsed.JobID}, &answer, &owner, &request)
	switch {
	case errors.Is(err, store.ErrNone):
		return nil, nil
	case err != nil:
		return nil, err
	case owner != requester || request != o.Request:
		return nil, aicf.Refuse(aicf.Conflict, "another job has the id %s", o.Parsed.JobID).In("/job/job_id").Try("choose another job_id: it names one job for ever")
	}
	a := &aicf.Submitted{}
	return a, json.Unmarshal(answer, a)
}

// room counts a new job, and refuses it above the queue's limit.
func room(t *store.Tx, term *epoch.Term) error {
	n, err := t.Exec("UPDATE tally SET n = n + 1 WHERE name = 'open_jobs' AND n < ?", term.Rules.QueueMax)
	if err == nil && n == 0 {
		return aicf.Refuse(aicf.QueueOverCapacity, "%d jobs are open", term.Rules.QueueMax).After(1000)
	}
	return err
}

// ended counts a job that became final.
func ended(t *store.Tx) error {
	_, err := t.Exec("UPDATE tally SET n = n - 1 WHERE name = 'open_jobs'")
	return err
}

// Cancel ends a job that waits and refunds it.
func Cancel(t *store.Tx, id, requester digest.Digest) (*JobRow, error) {
	j, err := Find(t, id)
	switch {
	case err != nil:
		return nil, err
	case j.Requester != requester:
		return nil, aicf.Refuse(aicf.Forbidden, "job %s belongs to another account", id)
	case j.State == aicf.Cancelled:
		return j, nil
	case j.State != aicf.Queued && j.State != aicf.Delayed:
		return nil, aicf.Refuse(aicf.Conflict, "job %s is %s; only a job that waits can be cancelled", id, j.State)
	}
	return j, End(t, j, aicf.Cancelled, "cancelled by the buyer", aicf.EvCancelled)
}

// End puts a job into a final state without pay and refunds its escrow.
func End(t *store.Tx, j *JobRow, to aicf.JobState, reason, event string) error {
	left := j.Escrow - j.Paid - j.Refunded
	n, err := t.Exec("UPDATE job SET state = ?, reason = ?, finished_ms = ?, refunded = refunded + ? WHERE id = ? AND state = ?", to, reason, t.NowMS(), left, j.ID, j.State)
	if err != nil {
		return err
	}
	if n != 1 {
		return aicf.Refuse(aicf.Conflict, "job %s changed meanwhile", j.ID)
	}
	if err := ended(t); err != nil {
		return err
	}
	if err := ledger.Move(t, ledger.Of(j.Requester, ledger.Escrow), ledger.Of(j.Requester, ledger.Available), left, j.ID, "refund"); err != nil {
		return err
	}
	j.State, j.Reason, j.FinishedMS, j.Refunded = to, reason, t.NowMS(), j.Refunded+left
	t.Became("job", j.ID, string(to))
	_, err = t.Append(store.Note{Type: event, Job: j.ID, JobSeq: j.Seq, Provider: j.Provider, LeaseID: j.LeaseID, Fence: j.Attempt, Info: map[string]any{"reason": reason, "refunded": left}})
	return err
}
