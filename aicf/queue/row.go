// Package queue keeps jobs and leases: submission with escrow, deterministic
// matching, offers, acks, renewals, releases, results and what happens when
// nobody answers.
//
// It promises that final states never change, that a job has at most one live
// lease (an index says so too), that fences rise with each lease of a job, that
// every write of a holder compares lease, fence, holder and time in the statement
// that writes, and that a lapsed lease is never revived. Matching is a function
// of the stored rows, the round's beacon value and the providers that wait; only
// lease nonces are drawn.
package queue

import (
	"encoding/json"
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// JobRow is a job's row; its document and stored answer are a job_text.
type JobRow struct {
	_              struct{}      `db:"job"`
	Seq            uint64        `db:"seq"`
	ID             digest.Digest `db:"id"`
	Requester      digest.Digest `db:"requester"`
	State          aicf.JobState `db:"state"`
	Request        digest.Digest `db:"request"`
	CircuitHash    digest.Digest `db:"circuit_hash"`
	JobHash        digest.Digest `db:"job_hash"`
	Width          uint64        `db:"width"`
	Depth          uint64        `db:"depth"`
	Shots          uint64        `db:"shots"`
	TrapPPM        uint64        `db:"trap_ppm"`
	TrapPolicy     digest.Digest `db:"trap_policy"`
	Units          uint64        `db:"units"`
	Payable        uint64        `db:"payable"`
	Class          string        `db:"class"`
	Region         string        `db:"region"`
	Algorithm      string        `db:"algorithm"`
	Priority       uint64        `db:"priority"`
	MaxLatencyMS   int64         `db:"max_latency_ms"`
	InsufficientOK bool          `db:"insufficient_ok"`
	Escrow         aicf.Amount   `db:"escrow"`
	Paid           aicf.Amount   `db:"paid"`
	Refunded       aicf.Amount   `db:"refunded"`
	Attempt        uint64        `db:"attempt"` // fence of the last lease
	Tries          uint64        `db:"tries"`   // leases that were acked and ended without a result
	Policy         digest.Digest `db:"policy"`
	Provider       digest.Digest `db:"provider_id"`
	LeaseID        digest.Digest `db:"lease_id"`
	SubmittedMS    int64         `db:"submitted_ms"`
	ExpiresMS      int64         `db:"expires_ms"`
	NotBeforeMS    int64         `db:"not_before_ms"`
	FinishedMS     int64         `db:"finished_ms"`
	Reason         string        `db:"reason"`
	Claim          digest.Digest `db:"claim"`
	Nullifier      digest.Digest `db:"nullifier"`
	Bundle         digest.Digest `db:"bundle"`
	TrapPass       uint64        `db:"trap_pass"`
	TrapFail       uint64        `db:"trap_fail"`
	LatencyMS      int64         `db:"latency_ms"`
}

// Open selects the jobs that are not over, which have indexes of their own.
const Open = "state IN ('queued', 'delayed', 'offered', 'leased', 'verifying')"

// Find returns a job; NotFound.
func Find(t *store.Tx, id digest.Digest) (*JobRow, error) {
	j, err := store.Get[JobRow](t, "WHERE id = ?", id)
	if errors.Is(err, store.ErrNone) {
		return nil, aicf.Refuse(aicf.NotFound, "job %s is not known", id)
	}
	return j, err
}

// Document is the job as submitted.
func Document(t *store.Tx, id digest.Digest) (json.RawMessage, error) {
	var doc []byte
	err := t.Scan("SELECT document FROM job JOIN job_text USING (seq) WHERE id = ?", []any{id}, &doc)
	return doc, err
}

type documentRow struct {
	_        struct{}      `db:"job JOIN job_text USING (seq)"`
	ID       digest.Digest `db:"id"`
	Document string        `db:"document"`
}

// Documents are the jobs as submitted.
func Documents(t *store.Tx, ids []digest.Digest) (map[digest.Digest]json.RawMessage, error) {
	rows, err := store.SelectIDs[documentRow](t, "id", ids)
	out := make(map[digest.Digest]json.RawMessage, len(rows))
	for _, r := range rows {
		out[r.ID] = json.RawMessage(r.Document)
	}
	return out, err
}

// View is the row as the network shows it.
func (j *JobRow) View() aicf.Job {
	state := j.State
	if state == aicf.Delayed {
		state = aicf.Queued
	}
	return aicf.Job{ID: j.ID, State: state, Requester: j.Requester, Provider: j.Provider, LeaseID: j.LeaseID, Attempt: j.Attempt, CircuitHash: j.CircuitHash,
		Width: j.Width, Depth: j.Depth, Shots: j.Shots, Units: j.Units, Priority: j.Priority, Region: j.Region, Escrow: j.Escrow, Paid: j.Paid, Refunded: j.Refunded,
		SubmittedMS: j.SubmittedMS, ExpiresMS: j.ExpiresMS, NotBeforeMS: j.NotBeforeMS, FinishedMS: j.FinishedMS, Reason: j.Reason, Claim: j.Claim,
		Nullifier: j.Nullifier, Bundle: j.Bundle, TrapPass: j.TrapPass, TrapFail: j.TrapFail, LatencyMS: j.LatencyMS}
}

// LeaseRow is a lease's row.
type LeaseRow struct {
	_          struct{}        `db:"lease"`
	ID         digest.Digest   `db:"id"`
	JobSeq     uint64          `db:"job_seq"`
	JobID      digest.Digest   `db:"job_id"`
	Provider   digest.Digest   `db:"provider_id"`
	Fence      uint64          `db:"fence"`
	State      aicf.LeaseState `db:"state"`
	Round      uint64          `db:"round"`
	Beacon     []byte          `db:"beacon"`
	Nonce      digest.Digest   `db:"nonce"`
	OfferedMS  int64           `db:"offered_ms"`
	AckedMS    int64           `db:"acked_ms"`
	TTLMS      int64           `db:"ttl_ms"`
	ExpiresMS  int64           `db:"expires_ms"`
	DeadlineMS int64           `db:"deadline_ms"`
	ReceivedMS int64           `db:"received_ms"`
	Renewals   uint64          `db:"renewals"`
	Units      uint64          `db:"units"`
	Pay        aicf.Amount     `db:"pay"` // to the provider
	Reason     string          `db:"reason"`
	Signed     string          `db:"signed"` // the answer to the ack
	Proof      string          `db:"proof"`
	Bundle     digest.Digest   `db:"bundle"`
	Claim      digest.Digest   `db:"claim"`
	Outcome    string          `db:"outcome"` // the answer to the result
}

// FindLease returns a lease; NotFound.
func FindLease(t *store.Tx, id digest.Digest) (*LeaseRow, error) {
	l, err := store.Get[LeaseRow](t, "WHERE id = ?", id)
	if errors.Is(err, store.ErrNone) {
		return nil, aicf.Refuse(aicf.NotFound, "lease %s is not known", id)
	}
	return l, err
}

// LeasesOf are the leases of the job with a number, by fence.
func LeasesOf(t *store.Tx, job uint64) ([]LeaseRow, error) {
	return store.Select[LeaseRow](t, "WHERE job_seq = ? ORDER BY fence", job)
}

// View is the row as the network shows it.
func (l *LeaseRow) View() *aicf.Lease {
	return &aicf.Lease{ID: l.ID, JobID: l.JobID, ProviderID: l.Provider, Fence: l.Fence, State: l.State, Round: l.Round, OfferedMS: l.OfferedMS,
		AckedMS: l.AckedMS, ExpiresMS: l.ExpiresMS, DeadlineMS: l.DeadlineMS, ReceivedMS: l.ReceivedMS, Renewals: l.Renewals, Reason: l.Reason}
}

// note is an event about a lease.
func (l *LeaseRow) note(kind string, info any) store.Note {
	return store.Note{Type: kind, Provider: l.Provider, Job: l.JobID, JobSeq: l.JobSeq, LeaseID: l.ID, Fence: l.Fence, Info: info}
}
