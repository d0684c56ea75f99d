package aicf

import (
	"fmt"
	"slices"
)

// Network is the optional section of the policy for what the lineage's document
// has no key for. A key that is absent or 0 has the default of its comment, and
// a document without the section hashes as before.
type Network struct {
	RoundMS         uint64  `yaml:"round_ms,omitempty" json:"round_ms,omitempty"`                       // 5000; how long a beacon round lasts
	UnbondingRounds uint64  `yaml:"unbonding_rounds,omitempty" json:"unbonding_rounds,omitempty"`       // 7200
	HeartbeatMS     uint64  `yaml:"heartbeat_ms,omitempty" json:"heartbeat_ms,omitempty"`               // 30000
	OfferTTLMS      uint64  `yaml:"offer_ttl_ms,omitempty" json:"offer_ttl_ms,omitempty"`               // 5000
	LeaseTTLMS      uint64  `yaml:"lease_ttl_ms,omitempty" json:"lease_ttl_ms,omitempty"`               // 60000; what one ack or renewal gives at most
	MaxRenewals     uint64  `yaml:"max_renewals,omitempty" json:"max_renewals,omitempty"`               // 10
	JobTTLMS        uint64  `yaml:"job_ttl_ms,omitempty" json:"job_ttl_ms,omitempty"`                   // 7200000
	MaxAttempts     uint64  `yaml:"max_attempts,omitempty" json:"max_attempts,omitempty"`               // 6
	QueueMax        uint64  `yaml:"queue_max,omitempty" json:"queue_max,omitempty"`                     // 1000000 jobs
	WindowJobs      uint64  `yaml:"window_jobs,omitempty" json:"window_jobs,omitempty"`                 // sla.windows.samples_min
	LateMax         Decimal `yaml:"late_max,omitempty" json:"late_max,omitempty"`                       // 0.05 of a window's jobs
	CompletionMin   Decimal `yaml:"completion_min,omitempty" json:"completion_min,omitempty"`           // 0.95 of a window's leases
	AppealEpochs    uint64  `yaml:"appeal_epochs,omitempty" json:"appeal_epochs,omitempty"`             // 1
	RejudgePPM      uint64  `yaml:"rejudge_ppm,omitempty" json:"rejudge_ppm,omitempty"`                 // 1000000; share of results judged again from their bundle
	Subsidy         Decimal `yaml:"subsidy,omitempty" json:"subsidy,omitempty"`                         // 0; of gross, from the fund, under the epoch's cap
	ReporterShare   Decimal `yaml:"reporter_share,omitempty" json:"reporter_share,omitempty"`           // 0 of an executed slash
	BurnShare       Decimal `yaml:"burn_share,omitempty" json:"burn_share,omitempty"`                   // 0 of an executed slash; the rest goes to the fund
	ResolveAttempts uint64  `yaml:"payout_attempts,omitempty" json:"payout_attempts,omitempty"`         // 10, then listed as unknown
	UnitsDivisor    uint64  `yaml:"units_divisor,omitempty" json:"units_divisor,omitempty"`             // 8192; the lineage's is 1000
	Remainder       string  `yaml:"remainder,omitempty" json:"remainder,omitempty"`                     // largest; who gets what the split leaves over: provider, treasury or miner
	MinLevel        string  `yaml:"min_level,omitempty" json:"min_level,omitempty"`                     // none; least evidence of a provider
	AttestPenalty   uint64  `yaml:"attestation_penalty,omitempty" json:"attestation_penalty,omitempty"` // slashing.penalties.TRAPS_CHEAT
	DoublePenalty   uint64  `yaml:"double_penalty,omitempty" json:"double_penalty,omitempty"`           // slashing.penalties.TRAPS_CHEAT
	BeaconPenalty   uint64  `yaml:"beacon_penalty,omitempty" json:"beacon_penalty,omitempty"`           // slashing.penalties.HEARTBEAT_MISS
}

// Filled returns the section with every default in place.
func (p *Policy) Filled() Network {
	n := p.Network
	or := func(v *uint64, d uint64) {
		if *v == 0 {
			*v = d
		}
	}
	or(&n.RoundMS, 5000)
	or(&n.UnbondingRounds, 7200)
	or(&n.HeartbeatMS, 30_000)
	or(&n.OfferTTLMS, 5000)
	or(&n.LeaseTTLMS, 60_000)
	or(&n.MaxRenewals, 10)
	or(&n.JobTTLMS, 7_200_000)
	or(&n.MaxAttempts, 6)
	or(&n.QueueMax, 1_000_000)
	or(&n.WindowJobs, p.SLA.Windows.SamplesMin)
	or(&n.AppealEpochs, 1)
	or(&n.RejudgePPM, 1_000_000)
	or(&n.ResolveAttempts, 10)
	or(&n.UnitsDivisor, 8192)
	or(&n.AttestPenalty, p.Slashing.Penalties.TrapsCheat.PenaltyAtomic)
	or(&n.DoublePenalty, p.Slashing.Penalties.TrapsCheat.PenaltyAtomic)
	or(&n.BeaconPenalty, p.Slashing.Penalties.HeartbeatMiss.PenaltyAtomic)
	if n.LateMax == 0 {
		n.LateMax = Nano / 20
	}
	if n.CompletionMin == 0 {
		n.CompletionMin = Nano * 19 / 20
	}
	if n.MinLevel == "" {
		n.MinLevel = "none"
	}
	if n.Remainder == "" {
		n.Remainder = "largest"
	}
	return n
}

// maxSpanMS bounds every span of the section: a year.
const maxSpanMS = 366 * 24 * 3600 * 1000

func (p *Policy) checkNetwork() error {
	n := p.Filled()
	for name, v := range map[string]uint64{"round_ms": n.RoundMS, "heartbeat_ms": n.HeartbeatMS, "offer_ttl_ms": n.OfferTTLMS, "lease_ttl_ms": n.LeaseTTLMS, "job_ttl_ms": n.JobTTLMS} {
		if v > maxSpanMS {
			return fmt.Errorf("network.%s: is %d, at most a year", name, v)
		}
	}
	for name, v := range map[string]Decimal{"late_max": n.LateMax, "completion_min": n.CompletionMin, "subsidy": n.Subsidy, "reporter_share + burn_share": n.ReporterShare + n.BurnShare} {
		if v > Nano {
			return fmt.Errorf("network.%s: is %s, want at most 1", name, v)
		}
	}
	if !slices.Contains([]string{"largest", "provider", "treasury", "miner"}, n.Remainder) {
		return fmt.Errorf("network.remainder: is %.40q, want largest, provider, treasury or miner", n.Remainder)
	}
	if n.RejudgePPM > 1_000_000 || n.MaxAttempts > 1000 || n.AppealEpochs > 1000 || n.WindowJobs > 100_000 {
		return fmt.Errorf("network: rejudge_ppm up to 1000000, max_attempts and appeal_epochs up to 1000, window_jobs up to 100000")
	}
	return nil
}
