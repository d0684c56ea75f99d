// Package aicf is the vocabulary of the job network: the policy document, which
// is the only source of the network's numbers, and exact decimals.
//
// It promises that a document loads only if every key is known, present once
// and in range, and that documents of equal meaning have equal hashes whatever
// their comments, order and spelling. It moves no money and reads no clock.
package aicf

// Policy is the whole document. Amounts are atomic units of the currency,
// spans are blocks (beacon rounds) unless the name says otherwise.
type Policy struct {
	Version    uint64     `yaml:"version" json:"version"`
	Name       string     `yaml:"name" json:"name"`
	Activation Activation `yaml:"activation" json:"activation"`
	Epochs     Epochs     `yaml:"epochs" json:"epochs"`
	Economics  Economics  `yaml:"economics" json:"economics"`
	SLA        SLA        `yaml:"sla" json:"sla"`
	Slashing   Slashing   `yaml:"slashing" json:"slashing"`
	Registry   Registry   `yaml:"registry" json:"registry"`
	Quotas     Quotas     `yaml:"quotas" json:"quotas"`
	Assignment Assignment `yaml:"assignment" json:"assignment"`
	Network    Network    `yaml:"network,omitempty" json:"network,omitzero"`
}

// Activation says when the policy begins; always at an epoch's first block.
type Activation struct {
	Epoch uint64 `yaml:"activation_epoch" json:"activation_epoch"`
}

// Epochs is the accounting period.
type Epochs struct {
	LengthBlocks    uint64 `yaml:"length_blocks" json:"length_blocks"`
	FundCapAtomic   uint64 `yaml:"fund_cap_atomic" json:"fund_cap_atomic"` // of one epoch
	SettleBatchSize uint64 `yaml:"settle_batch_size" json:"settle_batch_size"`
	RolloverUnspent bool   `yaml:"rollover_unspent" json:"rollover_unspent"`
}

// Kinds holds one value per kind of job.
type Kinds[T any] struct {
	AI      T `yaml:"ai" json:"ai"`
	Quantum T `yaml:"quantum" json:"quantum"`
}

// Economics is what a unit costs and who gets it.
type Economics struct {
	Pricing        Kinds[Pricing] `yaml:"pricing" json:"pricing"`
	Splits         Splits         `yaml:"splits" json:"splits"`
	FeeFloorAtomic uint64         `yaml:"fee_floor_atomic" json:"fee_floor_atomic"` // 0: none
	Indexation     Indexation     `yaml:"indexation" json:"indexation"`
}

// Pricing is the price of one kind.
type Pricing struct {
	Unit                   string  `yaml:"unit" json:"unit"`
	BasePerUnit            uint64  `yaml:"base_per_unit" json:"base_per_unit"`
	Piecewise              []Tier  `yaml:"piecewise" json:"piecewise"`
	SurgeMultiplierMax     Decimal `yaml:"surge_multiplier_max,omitempty" json:"surge_multiplier_max,omitempty"`           // 0: no surge
	SurgeThresholdQueueLen uint64  `yaml:"surge_threshold_queue_len,omitempty" json:"surge_threshold_queue_len,omitempty"` // jobs; 0: no surge
}

// Tier prices the units above the tier before and up to Upto; nil has no end
// and stands last.
type Tier struct {
	Upto    *uint64 `yaml:"upto" json:"upto"`
	PerUnit uint64  `yaml:"per_unit" json:"per_unit"`
}

// Splits are fractions that add up to 1, in whole basis points.
type Splits struct {
	Provider Decimal `yaml:"provider" json:"provider"`
	Treasury Decimal `yaml:"treasury" json:"treasury"`
	Miner    Decimal `yaml:"miner" json:"miner"`
}

// Indexation scales prices within its clamp.
type Indexation struct {
	Enabled  bool    `yaml:"enabled" json:"enabled"`
	ClampMin Decimal `yaml:"clamp_min" json:"clamp_min"`
	ClampMax Decimal `yaml:"clamp_max" json:"clamp_max"`
}

// SLA is what a provider is held to.
type SLA struct {
	Windows struct {
		SamplesMin   uint64 `yaml:"samples_min" json:"samples_min"`
		LookbackJobs uint64 `yaml:"lookback_jobs" json:"lookback_jobs"`
	} `yaml:"windows" json:"windows"`
	Thresholds struct {
		TrapsRatioMin   Decimal `yaml:"traps_ratio_min" json:"traps_ratio_min"` // share of shots that are traps
		TrapsPassMin    Decimal `yaml:"traps_pass_min" json:"traps_pass_min"`
		QoSScoreMin     Decimal `yaml:"qos_score_min" json:"qos_score_min"`
		LatencyMSP95Max uint64  `yaml:"latency_ms_p95_max" json:"latency_ms_p95_max"`
		AvailabilityMin Decimal `yaml:"availability_min" json:"availability_min"`
	} `yaml:"thresholds" json:"thresholds"`
	Confidence struct {
		Method string  `yaml:"method" json:"method"` // wilson
		ZValue Decimal `yaml:"z_value" json:"z_value"`
	} `yaml:"confidence" json:"confidence"`
	Decay struct {
		HealthHalfLifeBlocks uint64 `yaml:"health_half_life_blocks" json:"health_half_life_blocks"`
	} `yaml:"decay" json:"decay"`
}

// Slashing is what a fault costs.
type Slashing struct {
	Grace struct {
		StartupBlocks       uint64 `yaml:"startup_blocks" json:"startup_blocks"`
		MissedHeartbeatSoft uint64 `yaml:"missed_heartbeat_soft" json:"missed_heartbeat_soft"`
	} `yaml:"grace" json:"grace"`
	Penalties struct {
		TrapsCheat    Penalty `yaml:"TRAPS_CHEAT" json:"TRAPS_CHEAT"`
		QoSFail       Penalty `yaml:"QOS_FAIL" json:"QOS_FAIL"`
		LatencySLA    Penalty `yaml:"LATENCY_SLA" json:"LATENCY_SLA"`
		LeaseLoss     Penalty `yaml:"LEASE_LOSS" json:"LEASE_LOSS"`
		HeartbeatMiss Penalty `yaml:"HEARTBEAT_MISS" json:"HEARTBEAT_MISS"`
	} `yaml:"penalties" json:"penalties"`
	Clawback struct {
		Enabled        bool      `yaml:"enabled" json:"enabled"`
		ScheduleBlocks []uint64  `yaml:"schedule_blocks" json:"schedule_blocks"`
		Fractions      []Decimal `yaml:"fractions" json:"fractions"`
	} `yaml:"clawback" json:"clawback"`
	Bounds struct {
		MaxPenaltyPerEpoch uint64 `yaml:"max_penalty_per_epoch" json:"max_penalty_per_epoch"`
		NeverExceedStake   bool   `yaml:"never_exceed_stake" json:"never_exceed_stake"`
	} `yaml:"bounds" json:"bounds"`
}

// Penalty is the price of one fault; 0 is none of it.
type Penalty struct {
	PenaltyAtomic  uint64 `yaml:"penalty_atomic" json:"penalty_atomic"`
	JailBlocks     uint64 `yaml:"jail_blocks" json:"jail_blocks"`
	CooldownBlocks uint64 `yaml:"cooldown_blocks" json:"cooldown_blocks"`
	Notes          string `yaml:"notes,omitempty" json:"notes,omitempty"`
}

// Registry says who may work.
type Registry struct {
	StakeMin  Kinds[uint64] `yaml:"stake_min" json:"stake_min"`
	Allowlist List          `yaml:"allowlist" json:"allowlist"`
	Denylist  List          `yaml:"denylist" json:"denylist"` // wins over the allowlist
	Regions   struct {
		RequireAnyOf []string `yaml:"require_any_of" json:"require_any_of"` // empty: any
	} `yaml:"regions" json:"regions"`
}

// List names providers.
type List struct {
	Enabled   bool     `yaml:"enabled" json:"enabled"`
	Providers []string `yaml:"providers" json:"providers"`
}

// Quotas bound what one provider may hold.
type Quotas struct {
	LeasesMaxConcurrent Kinds[uint64] `yaml:"leases_max_concurrent" json:"leases_max_concurrent"`
	UnitsPerEpochMax    Kinds[uint64] `yaml:"units_per_epoch_max" json:"units_per_epoch_max"`
}

// Assignment ranks jobs and orders equals.
type Assignment struct {
	Randomness            string `yaml:"randomness" json:"randomness"` // beacon
	FairnessShuffleRounds uint64 `yaml:"fairness_shuffle_rounds" json:"fairness_shuffle_rounds"`
	Weights               struct {
		Priority Decimal `yaml:"priority" json:"priority"`
		Fee      Decimal `yaml:"fee" json:"fee"`
		Age      Decimal `yaml:"age" json:"age"`
	} `yaml:"weights" json:"weights"`
}
