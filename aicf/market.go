package aicf

import (
	"encoding/json"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
)

// JobState is where a job stands. Completed, failed, expired and cancelled are
// final.
type JobState string

// The states. Delayed waits for its next attempt and is shown as queued.
const (
	Queued    JobState = "queued"
	Delayed   JobState = "delayed"
	Offered   JobState = "offered"
	Leased    JobState = "leased"
	Verifying JobState = "verifying"
	Completed JobState = "completed"
	Failed    JobState = "failed"
	Expired   JobState = "expired"
	Cancelled JobState = "cancelled"
)

// Final reports whether a state never changes.
func (s JobState) Final() bool {
	return s == Completed || s == Failed || s == Expired || s == Cancelled
}

// JobSubmission is the guide's job with what the network needs besides. Job is
// the document; it is parsed by job.Parse, must not name a path, and keeps its
// bytes. Requester defaults to the caller.
type JobSubmission struct {
	Job                json.RawMessage `json:"job"`
	Requester          digest.Digest   `json:"requester,omitzero"`
	Region             string          `json:"region,omitempty"`    // empty: any
	Algorithm          string          `json:"algorithm,omitempty"` // empty: any provider
	Priority           uint64          `json:"priority,omitempty"`  // 0..9, 9 first
	TTLMS              int64           `json:"ttl_ms,omitempty"`    // until the job expires; 0: the policy's two hours
	AcceptInsufficient bool            `json:"accept_insufficient,omitempty"`
	TrapPolicy         string          `json:"trap_policy,omitempty"` // exact@1 (default) or ref@1
}

// Submitted is the answer to submit. The same job again gives the same answer.
type Submitted struct {
	JobID       digest.Digest `json:"job_id"`
	State       JobState      `json:"status"`
	CircuitHash digest.Digest `json:"circuit_hash"`
	JobHash     digest.Digest `json:"job_hash"`
	Units       uint64        `json:"units"`   // payable
	Escrow      Amount        `json:"escrow"`  // held until paid or refunded
	Traps       uint64        `json:"traps"`   // trap shots
	TrapsMin    uint64        `json:"t_min"`   // fewest for a verdict
	TTLMS       int64         `json:"ttl_ms"`  // until the job expires
	PolicyHash  digest.Digest `json:"policy"`  // network policy at submission
	Deadline    int64         `json:"expires"` // Unix milliseconds
}

// Job is the queue's row.
type Job struct {
	ID          digest.Digest   `json:"job_id"`
	State       JobState        `json:"status"`
	Requester   digest.Digest   `json:"requester"`
	Provider    digest.Digest   `json:"provider_id,omitzero"` // of the live or last lease
	LeaseID     digest.Digest   `json:"lease_id,omitzero"`
	Attempt     uint64          `json:"attempt"` // fence of the last lease; 0: none yet
	Spec        json.RawMessage `json:"job_spec,omitempty"`
	CircuitHash digest.Digest   `json:"circuit_hash"`
	Width       uint64          `json:"width"`
	Depth       uint64          `json:"depth"`
	Shots       uint64          `json:"shots"`
	Units       uint64          `json:"units"`
	Priority    uint64          `json:"priority"`
	Region      string          `json:"region,omitempty"`
	Escrow      Amount          `json:"escrow"`
	Paid        Amount          `json:"paid"`
	Refunded    Amount          `json:"refunded"`
	SubmittedMS int64           `json:"submitted_ms"`
	ExpiresMS   int64           `json:"expires_ms"`
	NotBeforeMS int64           `json:"not_before_ms,omitempty"`
	FinishedMS  int64           `json:"finished_ms,omitempty"`
	Reason      string          `json:"reason,omitempty"` // why it failed or waits
	Claim       digest.Digest   `json:"claim,omitzero"`   // C of the accepted proof
	Nullifier   digest.Digest   `json:"nullifier,omitzero"`
	Bundle      digest.Digest   `json:"bundle,omitzero"`
	TrapPass    uint64          `json:"trap_pass,omitempty"`
	TrapFail    uint64          `json:"trap_fail,omitempty"`
	LatencyMS   int64           `json:"latency_ms,omitempty"` // receipt - ack
}

// JobFilter selects jobs. After is the job_id-independent cursor of the page
// before; 0 starts. Limit 0 means 100, at most 500.
type JobFilter struct {
	State     JobState
	Provider  digest.Digest
	Requester digest.Digest
	After     uint64
	Limit     int
	Newest    bool // newest first; After is then where the page before ended
}

// JobPage is one page; Next is 0 on the last.
type JobPage struct {
	Items []Job  `json:"items"`
	Next  uint64 `json:"next,omitempty"`
}

// LeaseState is where a lease stands. All but offered, active and verifying
// are final.
type LeaseState string

// The states.
const (
	LeaseOffered   LeaseState = "offered"
	LeaseActive    LeaseState = "active"
	LeaseVerifying LeaseState = "verifying"
	LeaseCompleted LeaseState = "completed"
	LeaseRejected  LeaseState = "rejected" // its proof did not verify, or said fail
	LeaseReleased  LeaseState = "released"
	LeaseLapsed    LeaseState = "lapsed" // offer not taken
	LeaseTimedOut  LeaseState = "expired"
)

// Offer is a job reserved for one provider until it acks. The same open offer
// is given again until it lapses. It shows the commitment to the seed, not the
// seed.
type Offer struct {
	LeaseID    digest.Digest   `json:"lease_id"`
	ProviderID digest.Digest   `json:"provider_id"`
	JobID      digest.Digest   `json:"job_id"`
	Fence      uint64          `json:"fence"`
	TTLMS      int64           `json:"ttl_ms"`
	ExpiresMS  int64           `json:"expires_ms"` // ack before
	Round      uint64          `json:"round"`
	NonceHash  digest.Digest   `json:"nonce_hash"`
	Units      uint64          `json:"units"`
	Pay        Amount          `json:"pay"` // to the provider if all goes well
	JobSpec    json.RawMessage `json:"job_spec"`
}

// LeaseRef names a lease in a request. Fence absent means the fence of that
// lease_id.
type LeaseRef struct {
	LeaseID digest.Digest `json:"lease_id"`
	Fence   *uint64       `json:"fence,omitempty"`
}

// AckRequest takes an offer; TTLMS is at most the policy's, 0 means that.
type AckRequest struct {
	LeaseRef
	TTLMS int64 `json:"ttl_ms,omitempty"`
}

// Acked is the signed lease, with the seed's opening, as job.ParseLease reads
// it, and when it ends unless renewed. The same ack again gives the same
// answer while the lease lives.
//
// For a job with trap_mode tee the lease is sealed to the provider's runner, and
// absent here.
type Acked struct {
	Lease      *job.Lease   `json:"lease,omitempty"`
	Sealed     *SealedLease `json:"sealed,omitempty"`
	ExpiresMS  int64        `json:"expires_ms"`
	DeadlineMS int64        `json:"deadline_ms"` // renewals end here
	Receipt    Receipt      `json:"receipt"`
}

// RenewRequest asks for more time.
type RenewRequest struct {
	LeaseRef
	TTLMS int64 `json:"ttl_ms,omitempty"`
}

// Renewed is the new end of a lease.
type Renewed struct {
	LeaseID   digest.Digest `json:"lease_id"`
	Fence     uint64        `json:"fence"`
	ExpiresMS int64         `json:"expires_ms"`
	Renewals  uint64        `json:"renewals"`
}

// ReleaseRequest gives a lease or an offer back, with a reason of at most 200
// bytes.
type ReleaseRequest struct {
	LeaseRef
	Reason string `json:"reason,omitempty"`
}

// Lease is the queue's row of a lease.
type Lease struct {
	ID         digest.Digest `json:"lease_id"`
	JobID      digest.Digest `json:"job_id"`
	ProviderID digest.Digest `json:"provider_id"`
	Fence      uint64        `json:"fence"`
	State      LeaseState    `json:"status"`
	Round      uint64        `json:"round"`
	OfferedMS  int64         `json:"offered_ms"`
	AckedMS    int64         `json:"acked_ms,omitempty"`
	ExpiresMS  int64         `json:"expires_ms"`
	DeadlineMS int64         `json:"deadline_ms,omitempty"`
	ReceivedMS int64         `json:"received_ms,omitempty"`
	Renewals   uint64        `json:"renewals"`
	Reason     string        `json:"reason,omitempty"`
}

// ResultRequest hands in a proof. Bundle names bytes stored by PutBundle; where
// policy demands re-judgement a result without it is refused.
type ResultRequest struct {
	LeaseRef
	Proof  json.RawMessage `json:"proof"`
	Bundle digest.Digest   `json:"bundle,omitzero"`
}

// ResultOutcome is what the network made of a proof. Status verifying means
// that the verdict follows: ask again with the same request or watch the job.
type ResultOutcome struct {
	LeaseID   digest.Digest `json:"lease_id"`
	JobID     digest.Digest `json:"job_id"`
	Fence     uint64        `json:"fence"`
	Status    LeaseState    `json:"status"` // verifying, completed, rejected
	Claim     digest.Digest `json:"claim"`
	Nullifier digest.Digest `json:"nullifier"`
	TrapPass  uint64        `json:"trap_pass"`
	TrapFail  uint64        `json:"trap_fail"`
	LatencyMS int64         `json:"latency_ms"`
	Late      bool          `json:"late"`
	Units     uint64        `json:"units"`
	Accrued   Amount        `json:"accrued"` // to the provider, when it settles
	Epoch     uint64        `json:"epoch"`
	Failure   *Fault        `json:"failure,omitempty"` // why it was rejected
	Traps     *TrapCounts   `json:"traps,omitempty"`   // nil: not judged again
	Receipt   Receipt       `json:"receipt"`
}

// TrapCounts are the raw trap shots of a result, by kind, as they were judged again.
type TrapCounts struct {
	PassA  uint64 `json:"kA"`
	TrapsA uint64 `json:"nA"`
	PassB  uint64 `json:"kB"`
	TrapsB uint64 `json:"nB"`
}

// Receipt ties an answer to the event log: Sig is the service's, over
// H(qprov/v1/receipt: chain_id, event, event_hash, subject).
type Receipt struct {
	Event     uint64        `json:"event"`
	EventHash digest.Digest `json:"event_hash"`
	Subject   digest.Digest `json:"subject"` // lease id, claim or payout id
	Key       digest.Digest `json:"key_id"`
	SignedAt  uint64        `json:"signed_at_unix"`
	Sig       []byte        `json:"sig"`
}
