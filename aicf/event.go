package aicf

import (
	"encoding/json"

	"github.com/animicaorg/engine/digest"
)

// Event types. Those of a job's timeline are marked.
const (
	EvRegistered      = "registered"
	EvRotated         = "key_rotated"
	EvRetired         = "retired"
	EvRunnerEnrolled  = "runner_enrolled"
	EvStaked          = "staked"
	EvUnstaked        = "unstaked"
	EvReleasedStake   = "stake_released"
	EvHeartbeat       = "heartbeat"
	EvProviderState   = "provider_state"
	EvSubmitted       = "submitted"       // job
	EvOffered         = "offered"         // job
	EvOfferLapsed     = "offer_lapsed"    // job
	EvLeased          = "leased"          // job
	EvRenewed         = "renewed"         // job
	EvReleased        = "released"        // job
	EvLeaseExpired    = "lease_expired"   // job
	EvRequeued        = "requeued"        // job
	EvReceived        = "result_received" // job
	EvCompleted       = "completed"       // job
	EvRejected        = "rejected"        // job
	EvFailed          = "failed"          // job
	EvJobExpired      = "expired"         // job
	EvCancelled       = "cancelled"       // job
	EvAccrued         = "accrued"         // job
	EvRefunded        = "refunded"        // job
	EvPayRefused      = "pay_refused"     // job
	EvPayHeld         = "pay_held"        // job
	EvPayReleased     = "pay_released"    // job
	EvSettled         = "settled"         // job
	EvClaimed         = "claimed"         // job
	EvEpochSettled    = "epoch_settled"
	EvPayout          = "payout"
	EvDeposited       = "deposited"
	EvFaucet          = "faucet"
	EvRound           = "round"
	EvBeaconCommitted = "beacon_committed"
	EvBeaconRevealed  = "beacon_revealed"
	EvWindow          = "sla_window"
	EvSlashProposed   = "slash_proposed" // job, where it names one
	EvSlashStaged     = "slash_staged"   // a later part of a penalty that is taken in stages
	EvSlashAppealed   = "slash_appealed"
	EvSlashExecuted   = "slash_executed"
	EvSlashReversed   = "slash_reversed"
	EvPolicy          = "policy"
)

// Event is one row of the log. Seq is dense from 1. Hash is H(qprov/v1/event:
// seq, ts_ms, type, SHA3-256 of data, hash of the event before).
type Event struct {
	Seq        uint64          `json:"seq"`
	TSMS       int64           `json:"ts_ms"`
	Type       string          `json:"type"`
	ProviderID digest.Digest   `json:"provider_id,omitzero"`
	JobID      digest.Digest   `json:"job_id,omitzero"`
	LeaseID    digest.Digest   `json:"lease_id,omitzero"`
	Fence      uint64          `json:"fence,omitempty"`
	Data       json.RawMessage `json:"data"`
	Hash       digest.Digest   `json:"hash"`
}

// Timeline is a job's events in order.
type Timeline struct {
	JobID  digest.Digest `json:"job_id"`
	Events []Event       `json:"events"`
}

// Round is one beacon round.
type Round struct {
	Number    uint64        `json:"round"`
	Epoch     uint64        `json:"epoch"`
	StartedMS int64         `json:"started_ms"`
	ClosedMS  int64         `json:"closed_ms,omitempty"`
	Value     []byte        `json:"value,omitempty"` // fixed when the round closes
	Proof     []byte        `json:"proof,omitempty"` // transcript of commits and reveals
	Dev       bool          `json:"dev,omitempty"`   // by the local beacon
	Commits   uint64        `json:"commits"`
	Reveals   uint64        `json:"reveals"`
	Withheld  uint64        `json:"withheld"`
	Hash      digest.Digest `json:"hash,omitzero"`
}

// NetworkStatus is the head of everything.
type NetworkStatus struct {
	ChainID     uint64        `json:"chain_id"`
	NowMS       int64         `json:"now_ms"`
	Round       uint64        `json:"round"`
	Epoch       uint64        `json:"epoch"`
	Policy      digest.Digest `json:"policy"`
	Events      uint64        `json:"events"`
	HeadHash    digest.Digest `json:"event_hash"`
	Queued      uint64        `json:"queued"`
	Leases      uint64        `json:"live_leases"`
	Providers   uint64        `json:"providers"`
	Dev         bool          `json:"dev"`
	ServiceKey  digest.Digest `json:"service_key"`
	ServicePub  []byte        `json:"service_public"`
	TreasuryKey digest.Digest `json:"treasury_key,omitzero"`
	Engine      string        `json:"engine"` // sqlite, postgresql
	Migration   int           `json:"migration"`
}
