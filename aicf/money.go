package aicf

import "github.com/animicaorg/engine/digest"

// Balance is what an account has.
type Balance struct {
	Account             digest.Digest `json:"account"`
	Available           Amount        `json:"available"` // stake, submit or withdraw
	Pending             Amount        `json:"pending"`   // accrued, held, claimable and on its way
	Escrow              Amount        `json:"escrow"`    // of open jobs
	Staked              Amount        `json:"staked"`
	Unbonding           Amount        `json:"unbonding"`
	Held                Amount        `json:"held"` // of stake, by slash proposals
	Accrued             Amount        `json:"accrued"`
	Claimable           Amount        `json:"claimable"`
	LastSettlementEpoch uint64        `json:"last_settlement_epoch"`
}

// ClaimState is where the pay of one job stands.
type ClaimState string

// The states. Accrued waits for its epoch; held waits for a dispute; carried
// waits for a later epoch; claimable is settled; paid is claimed; refused went
// back to the buyer.
const (
	ClaimAccrued   ClaimState = "accrued"
	ClaimHeld      ClaimState = "held"
	ClaimCarried   ClaimState = "carried"
	ClaimClaimable ClaimState = "claimable"
	ClaimPaid      ClaimState = "paid"
	ClaimRefused   ClaimState = "refused"
)

// StatementLine explains the pay of one job: units = ceil(width × depth × shots
// / 8192), payable = min(units, the buyer's maximum), gross = payable at the
// policy's tiers; provider + treasury + miner = gross.
type StatementLine struct {
	JobID      digest.Digest `json:"job_id"`
	LeaseID    digest.Digest `json:"lease_id"`
	Claim      digest.Digest `json:"claim"`
	Nullifier  digest.Digest `json:"nullifier"`
	Epoch      uint64        `json:"epoch"`
	Settled    uint64        `json:"settled_epoch,omitempty"`
	State      ClaimState    `json:"status"`
	Width      uint64        `json:"width"`
	Depth      uint64        `json:"depth"`
	Shots      uint64        `json:"shots"`
	TrapPass   uint64        `json:"trap_pass"`
	TrapFail   uint64        `json:"trap_fail"`
	LatencyMS  int64         `json:"latency_ms"`
	MaxLatency int64         `json:"max_latency_ms"`
	Units      uint64        `json:"units"`
	Payable    uint64        `json:"payable_units"`
	Gross      Amount        `json:"gross"`
	Subsidy    Amount        `json:"subsidy"`
	Provider   Amount        `json:"provider"`
	Treasury   Amount        `json:"treasury"`
	Miner      Amount        `json:"miner"`
	PolicyHash digest.Digest `json:"policy"`
	Formula    string        `json:"formula"`
	Cause      string        `json:"cause,omitempty"` // of held, carried or refused
}

// Statement is a provider's pay. Totals equal the ledger's. Next is the cursor
// of the following page, 0 on the last.
type Statement struct {
	ProviderID digest.Digest   `json:"provider_id"`
	Epoch      *uint64         `json:"epoch,omitempty"` // nil: all
	Lines      []StatementLine `json:"lines"`
	Provider   Amount          `json:"provider_total"`
	Accrued    Amount          `json:"accrued"`
	Claimable  Amount          `json:"claimable"`
	Paid       Amount          `json:"paid"`
	Slashed    Amount          `json:"slashed"`
	Head       uint64          `json:"event"`
	HeadHash   digest.Digest   `json:"event_hash"`
	Next       uint64          `json:"next,omitempty"`
}

// PayoutState is where a payout stands. Unknown is never paid again under
// another id; it waits for the payer's word.
type PayoutState string

// The states.
const (
	PayoutPending PayoutState = "pending"
	PayoutSent    PayoutState = "sent"
	PayoutPaid    PayoutState = "paid"
	PayoutUnknown PayoutState = "unknown"
	PayoutFailed  PayoutState = "failed" // the payer refused; the amount is available
)

// Payout is the payment of one epoch to one provider.
type Payout struct {
	ID         digest.Digest `json:"payout_id"` // H(qprov/v1/payout: chain_id, provider_id, epoch)
	ProviderID digest.Digest `json:"provider_id"`
	Epoch      uint64        `json:"epoch"`
	Amount     Amount        `json:"amount"`
	State      PayoutState   `json:"status"`
	Attempts   uint64        `json:"attempts"`
	CreatedMS  int64         `json:"created_ms"`
	Receipt    Receipt       `json:"receipt"`
}

// EpochState is where an epoch stands.
type EpochState string

// The states.
const (
	EpochOpen    EpochState = "open"
	EpochSettled EpochState = "settled"
)

// Epoch is the accounting of EpochRounds rounds. Batch is H of the policy and
// the ordered claim lines; Root the RFC 6962 root over them.
type Epoch struct {
	Number    uint64        `json:"epoch"`
	State     EpochState    `json:"status"`
	FirstRnd  uint64        `json:"first_round"`
	LastRnd   uint64        `json:"last_round"`
	Policy    digest.Digest `json:"policy"`
	Claims    uint64        `json:"claims"`
	Gross     Amount        `json:"gross"`
	Provider  Amount        `json:"provider"`
	Treasury  Amount        `json:"treasury"`
	Miner     Amount        `json:"miner"`
	Subsidy   Amount        `json:"subsidy"` // out of the fund, at most the cap
	Cap       Amount        `json:"cap"`
	Carried   uint64        `json:"carried"` // subsidies that wait for a later epoch
	CarriedBy Amount        `json:"carried_amount"`
	Batch     digest.Digest `json:"batch,omitzero"`
	Root      digest.Digest `json:"root,omitzero"`
	SettledMS int64         `json:"settled_ms,omitempty"`
}

// InclusionProof shows a claim under the root of the epoch that settled it, offline: Leaf
// is the framed claim line, Path the RFC 6962 audit path, Batch what the service signed.
type InclusionProof struct {
	Epoch uint64          `json:"epoch"`
	Claim digest.Digest   `json:"claim"`
	Leaf  []byte          `json:"leaf"`
	Index uint64          `json:"index"`
	Size  uint64          `json:"size"`
	Path  []digest.Digest `json:"path"`
	Root  digest.Digest   `json:"root"`
	Batch EpochBatch      `json:"batch"`
}

// EpochBatch is a settled epoch under the service's signature (purpose receipt) over
// H(qprov/v1/epoch-batch: epoch, policy, root, claims, gross, subsidy, carried).
type EpochBatch struct {
	Policy   digest.Digest `json:"policy"`
	Claims   uint64        `json:"claims"`
	Gross    Amount        `json:"gross"`
	Subsidy  Amount        `json:"subsidy"`
	Carried  uint64        `json:"carried"`
	Key      digest.Digest `json:"key_id"` // of the service
	SignedAt uint64        `json:"signed_at_unix"`
	Sig      []byte        `json:"sig"`
}

// Invariant is one of I1–I18 of the ledger, judged now.
type Invariant struct {
	ID     string `json:"id"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Audit is the answer of check: Imbalance is the sum of all entries and must
// be 0.
type Audit struct {
	Invariants []Invariant   `json:"invariants"`
	Imbalance  Amount        `json:"ledger_imbalance"`
	Events     uint64        `json:"events"`
	HeadHash   digest.Digest `json:"event_hash"`
	StateHash  digest.Digest `json:"state_hash"` // equal on both engines after equal events
}

// OK reports whether every invariant holds.
func (a *Audit) OK() bool {
	for _, i := range a.Invariants {
		if !i.OK {
			return false
		}
	}
	return a.Imbalance == 0
}
