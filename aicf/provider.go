package aicf

import "github.com/animicaorg/engine/digest"

// ProviderState is a provider's standing.
type ProviderState string

// The states. Registered becomes eligible with enough stake, eligible becomes
// active with a heartbeat. Jailed and suspended get no work; jailed ends by
// time, suspended with fresh evidence. Retired is final until registered again.
const (
	Registered ProviderState = "registered"
	Eligible   ProviderState = "eligible"
	Active     ProviderState = "active"
	Jailed     ProviderState = "jailed"
	Suspended  ProviderState = "suspended"
	Retired    ProviderState = "retired"
)

// Provider is the registry's row.
type Provider struct {
	ID           digest.Digest `json:"provider_id"`
	State        ProviderState `json:"status"`
	Algorithms   []string      `json:"algorithms"`
	Regions      []string      `json:"regions"`
	Level        string        `json:"level"` // of the evidence: none, vendor-asserted, …
	Dev          bool          `json:"dev,omitempty"`
	Staked       Amount        `json:"staked"`
	Unbonding    Amount        `json:"unbonding"`
	Held         Amount        `json:"held"` // of stake, by open slash proposals
	Capacity     uint64        `json:"capacity"`
	QoS          string        `json:"qos"`        // normal, degraded, draining
	HealthPPM    uint64        `json:"health_ppm"` // 0..1000000
	HealthStatus string        `json:"health"`     // HEALTHY, DEGRADED, UNRESPONSIVE
	LastBeatMS   int64         `json:"last_heartbeat_ms"`
	Running      uint64        `json:"running"`        // live leases
	MinPricePPM  uint64        `json:"min_price_ppm"`  // of the policy's price; 0: any
	UnitsUsed    uint64        `json:"units_in_epoch"` // reserved and used
	JailedUntil  uint64        `json:"jailed_until_round,omitempty"`
	CooldownTill uint64        `json:"cooldown_until_round,omitempty"`
	RegisteredMS int64         `json:"registered_ms"`
	LastReason   string        `json:"last_reason,omitempty"` // first filter that failed in the last pass; empty: matched
	ReasonMS     int64         `json:"last_reason_ms,omitempty"`
}

// Registration is the answer to register.
type Registration struct {
	ProviderID digest.Digest `json:"provider_id"`
	State      ProviderState `json:"status"`
	Level      string        `json:"level"`
	MinStake   Amount        `json:"min_stake"`
	New        bool          `json:"new"` // false: the same bundle again, or fresh evidence for a known provider
}

// StakeChange is the answer to stake and unstake.
type StakeChange struct {
	ProviderID   digest.Digest `json:"provider_id"`
	Staked       Amount        `json:"staked"`
	Unbonding    Amount        `json:"unbonding"`
	ReleaseRound uint64        `json:"release_round,omitempty"` // when this unstaking becomes available
	State        ProviderState `json:"status"`
}

// Heartbeat is a sign of life. Capacity is how many leases the provider can
// run at once. Seq is the provider's counter; 0 means TS. QoS is normal,
// degraded or draining; empty means normal.
type Heartbeat struct {
	ProviderID digest.Digest   `json:"provider_id"`
	Capacity   uint64          `json:"capacity"`
	TS         uint64          `json:"ts"` // Unix seconds, the provider's word
	QoS        string          `json:"qos,omitempty"`
	Seq        uint64          `json:"seq,omitempty"`
	Fences     []RunningFence  `json:"fences,omitempty"` // leases that the provider believes it holds
	Checkpoint *CheckpointNote `json:"checkpoint,omitempty"`
	Version    string          `json:"version,omitempty"`
	MinPrice   uint64          `json:"min_price_ppm,omitempty"`
}

// RunningFence is a lease that a provider says it runs.
type RunningFence struct {
	LeaseID digest.Digest `json:"lease_id"`
	Fence   uint64        `json:"fence"`
}

// CheckpointNote is the head of a provider's audit log. A smaller size, or
// another root at the same size, is evidence against the provider.
type CheckpointNote struct {
	Size uint64        `json:"size"`
	Root digest.Digest `json:"root"`
}

// HeartbeatAnswer tells what a heartbeat did: counted, ignored (older than the
// newest, or the same again), and which of the named leases are not the
// provider's any more.
type HeartbeatAnswer struct {
	Outcome      string          `json:"outcome"` // counted, ignored, refused
	State        ProviderState   `json:"status"`
	HealthPPM    uint64          `json:"health_ppm"`
	Lost         []digest.Digest `json:"lost,omitempty"` // lease ids to stop working on
	NowMS        int64           `json:"now_ms"`         // the service's clock
	Round        uint64          `json:"round"`
	NextWithinMS int64           `json:"next_within_ms"`
}

// Reason is a filter that kept a provider from work, with how often it did so
// since SinceMS.
type Reason struct {
	Filter  string `json:"filter"`
	Count   uint64 `json:"count"`
	SinceMS int64  `json:"since_ms"`
	LastMS  int64  `json:"last_ms"`
	Fix     string `json:"fix"`
}

// Eligibility says whether a provider would be matched now, and what failed
// when it was not. Filters lists every provider filter in order.
type Eligibility struct {
	ProviderID digest.Digest `json:"provider_id"`
	Eligible   bool          `json:"eligible"`
	Filters    []FilterState `json:"filters"`
	Reasons    []Reason      `json:"reasons"` // of the last 24 hours, most frequent first
}

// FilterState is one filter, judged now.
type FilterState struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}
