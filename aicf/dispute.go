package aicf

import (
	"encoding/json"

	"github.com/animicaorg/engine/digest"
)

// Fault reasons of a slash proposal. The first four are objective and come from
// one piece of evidence; the others are judged over a window.
const (
	ReasonTraps       = "TRAPS_CHEAT"     // judged again, the committed outcomes fail; or an exact tail over the window
	ReasonAttestation = "BAD_ATTESTATION" // forged or foreign evidence
	ReasonDouble      = "DOUBLE_RESULT"   // two claims under one fence
	ReasonCheckpoint  = "CHECKPOINT_FORK" // an audit log that shrank or forked
	ReasonFraud       = "FRAUD_PROOF"     // a verified quantum_fraud_v1 document
	ReasonQoS         = "QOS_FAIL"
	ReasonLatency     = "LATENCY_SLA"
	ReasonLease       = "LEASE_LOSS"
	ReasonHeartbeat   = "HEARTBEAT_MISS"
	ReasonBeacon      = "BEACON_WITHHELD"
)

// SlashState is where a proposal stands. Executed and reversed are final.
type SlashState string

// The states.
const (
	SlashHeld     SlashState = "held"     // the amount is out of reach of its owner; the window is open
	SlashAppealed SlashState = "appealed" // counter-evidence lies before the network
	SlashExecuted SlashState = "executed"
	SlashReversed SlashState = "reversed" // every entry undone
)

// Slash is one proposal. ID is H(qprov/v1/slash: chain_id, provider, reason,
// evidence): the same evidence again is the same proposal.
type Slash struct {
	ID         digest.Digest   `json:"slash_id"`
	ProviderID digest.Digest   `json:"provider_id"`
	JobID      digest.Digest   `json:"job_id,omitzero"`
	LeaseID    digest.Digest   `json:"lease_id,omitzero"`
	Reason     string          `json:"reason"`
	Evidence   digest.Digest   `json:"evidence"` // SHA3-256 of Document
	Document   json.RawMessage `json:"document,omitempty"`
	Amount     Amount          `json:"amount"`
	FromBonded Amount          `json:"from_bonded"`
	State      SlashState      `json:"status"`
	Epoch      uint64          `json:"epoch"`
	AppealTill uint64          `json:"appeal_until_round"`
	JailTill   uint64          `json:"jailed_until_round"`
	ProposedMS int64           `json:"proposed_ms"`
	ResolvedMS int64           `json:"resolved_ms,omitempty"`
	Resolution string          `json:"resolution,omitempty"`
}

// SlashFilter selects proposals; After and Limit as for jobs.
type SlashFilter struct {
	Provider digest.Digest
	State    SlashState
	After    uint64
	Limit    int
}

// SlashPage is one page.
type SlashPage struct {
	Items []Slash `json:"items"`
	Next  uint64  `json:"next,omitempty"`
}

// Dispute is an appeal (by the provider that a slash names, with
// counter-evidence) or an accusation (a quantum_fraud_v1 document by anybody).
// Exactly one of SlashID and Fraud is set. Counter-evidence is a bundle whose
// transcript the disputed device or TEE signed; it is verified like a result.
// Audit is the quantum_audit_v1 document of an accusation that rests on one.
type Dispute struct {
	SlashID digest.Digest   `json:"slash_id,omitzero"`
	Bundle  digest.Digest   `json:"bundle,omitzero"`
	Note    string          `json:"note,omitempty"` // at most 1000 bytes
	Fraud   json.RawMessage `json:"fraud,omitempty"`
	Audit   json.RawMessage `json:"audit,omitempty"`
}

// DisputeOutcome is what the network made of it.
type DisputeOutcome struct {
	Slash    Slash  `json:"slash"`
	Accepted bool   `json:"accepted"` // an appeal: reversed; an accusation: held
	Reason   string `json:"reason"`
}
