package aicf

import "github.com/animicaorg/engine/digest"

// Overview is the network in numbers, on one snapshot.
type Overview struct {
	NowMS int64  `json:"now_ms"` // of the newest write
	Round uint64 `json:"round"`
	Epoch uint64 `json:"epoch"`
	// Rounds of the epoch that are over, and how many it has.
	RoundInEpoch uint64        `json:"round_in_epoch"`
	EpochRounds  uint64        `json:"epoch_rounds"`
	RoundMS      uint64        `json:"round_ms"`
	Policy       digest.Digest `json:"policy"`
	Events       uint64        `json:"events"`

	Queued    uint64 `json:"queued"`
	Delayed   uint64 `json:"delayed"` // wait for another attempt
	Offered   uint64 `json:"offered"`
	Leased    uint64 `json:"leased"`
	Verifying uint64 `json:"verifying"`
	Credited  uint64 `json:"credited"` // jobs whose pay accrued and was not refused
	Unpaid    uint64 `json:"unpaid"`   // failed, expired and cancelled
	// OldestMS is when the job that waits longest was submitted; 0: none waits.
	OldestMS int64 `json:"oldest_submitted_ms,omitempty"`

	Providers map[ProviderState]uint64 `json:"providers"`
	Capacity  uint64                   `json:"capacity"` // of active providers
	Running   uint64                   `json:"running"`  // leases of active providers
	// QuietMS is when the active provider that is silent longest sent its last heartbeat;
	// 0: none is active.
	QuietMS int64 `json:"quietest_heartbeat_ms,omitempty"`

	// OverdueMS is when the oldest epoch that waits for its settlement ended; 0: none.
	OverdueMS int64 `json:"settlement_overdue_since_ms,omitempty"`
	// Unclaimed is how many epochs ago the oldest pay settled that nobody has claimed.
	Unclaimed uint64 `json:"unclaimed_epochs"`
	// Cap and Subsidy are those of the newest settled epoch.
	Cap       Amount `json:"fund_cap"`
	Subsidy   Amount `json:"fund_subsidy"`
	SlashOpen uint64 `json:"slashes_open"`
	Imbalance Amount `json:"ledger_imbalance"`
	Money     Amount `json:"money"` // what the mint has issued
}

// LedgerLine is all accounts of one kind.
type LedgerLine struct {
	Kind     string `json:"kind"`
	Accounts uint64 `json:"accounts"`
	Debits   Amount `json:"debits"`
	Credits  Amount `json:"credits"`
	Balance  Amount `json:"balance"` // credits - debits
}

// TrialBalance is the ledger by kind of account; debits equal credits.
type TrialBalance struct {
	Lines     []LedgerLine `json:"lines"`
	Debits    Amount       `json:"debits"`
	Credits   Amount       `json:"credits"`
	Imbalance Amount       `json:"ledger_imbalance"` // credits - debits of all
}

// Transfer is one immutable entry.
type Transfer struct {
	Event     uint64        `json:"event"`
	Position  uint64        `json:"position"` // within the event
	From      digest.Digest `json:"from"`
	FromKind  string        `json:"from_kind"`
	To        digest.Digest `json:"to"`
	ToKind    string        `json:"to_kind"`
	Amount    Amount        `json:"amount"`
	Reference digest.Digest `json:"reference,omitzero"`
	Reason    string        `json:"reason"`
}

// Window is one SLA window of a provider. Pass and Traps of the two kinds of trap are as
// the network judged them again.
type Window struct {
	Number   uint64 `json:"window"`
	Jobs     uint64 `json:"jobs"`
	Late     uint64 `json:"late"`
	Good     uint64 `json:"good"`
	Leases   uint64 `json:"leases"`   // that were acked
	Finished uint64 `json:"finished"` // of them with a result
	Beats    uint64 `json:"heartbeats"`
	Missed   uint64 `json:"heartbeats_missed"`
	PassA    uint64 `json:"pass_a"`
	TrapsA   uint64 `json:"traps_a"`
	PassB    uint64 `json:"pass_b"`
	TrapsB   uint64 `json:"traps_b"`
	Verdict  string `json:"verdict"` // empty: no finding
	ClosedMS int64  `json:"closed_ms,omitempty"`
}
