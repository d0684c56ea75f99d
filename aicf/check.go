package aicf

import "fmt"

// maxShuffleRounds bounds the work on the order of equals.
const maxShuffleRounds = 64

// bps is one basis point as a Decimal.
const bps = Nano / 10_000

// check refuses values that contradict each other or their range.
func (p *Policy) check() error {
	if p.Version != 1 {
		return fmt.Errorf("version: is %d, want 1", p.Version)
	}
	if p.Name == "" {
		return fmt.Errorf("name: is empty")
	}
	if p.Epochs.LengthBlocks == 0 || p.Epochs.SettleBatchSize == 0 {
		return fmt.Errorf("epochs: length_blocks and settle_batch_size are at least 1")
	}
	for _, k := range []struct {
		name string
		p    Pricing
	}{{"ai", p.Economics.Pricing.AI}, {"quantum", p.Economics.Pricing.Quantum}} {
		if err := k.p.check(); err != nil {
			return fmt.Errorf("economics.pricing.%s: %w", k.name, err)
		}
	}
	if _, err := p.Economics.Splits.BPS(); err != nil {
		return fmt.Errorf("economics.splits: %w", err)
	}
	if x := p.Economics.Indexation; x.ClampMin == 0 || x.ClampMin > x.ClampMax {
		return fmt.Errorf("economics.indexation: clamp_min %s is not within 0 and clamp_max %s", x.ClampMin, x.ClampMax)
	}
	if err := p.SLA.check(); err != nil {
		return fmt.Errorf("sla.%w", err)
	}
	if err := p.Slashing.check(); err != nil {
		return fmt.Errorf("slashing.%w", err)
	}
	if p.Assignment.FairnessShuffleRounds > maxShuffleRounds {
		return fmt.Errorf("assignment.fairness_shuffle_rounds: is %d, want at most %d", p.Assignment.FairnessShuffleRounds, maxShuffleRounds)
	}
	if p.Assignment.Randomness != "beacon" {
		return fmt.Errorf("assignment.randomness: is %q, want beacon", p.Assignment.Randomness)
	}
	return p.checkNetwork()
}

func (p Pricing) check() error {
	if p.Unit == "" || p.BasePerUnit == 0 {
		return fmt.Errorf("unit is empty or base_per_unit 0")
	}
	if p.SurgeMultiplierMax != 0 && (p.SurgeMultiplierMax < Nano || p.SurgeMultiplierMax > 10*Nano) {
		return fmt.Errorf("surge_multiplier_max: is %s, want 1..10", p.SurgeMultiplierMax)
	}
	last := uint64(0)
	for i, t := range p.Piecewise {
		end := i == len(p.Piecewise)-1
		switch {
		case t.Upto == nil != end:
			return fmt.Errorf("piecewise[%d].upto: exactly the last tier has null", i)
		case !end && *t.Upto <= last:
			return fmt.Errorf("piecewise[%d].upto: is %d, want more than %d", i, *t.Upto, last)
		case !end:
			last = *t.Upto
		}
	}
	return nil
}

// BPS returns the shares of provider, treasury and miner in basis points; they
// add up to 10,000.
func (s Splits) BPS() (out [3]uint64, err error) {
	sum := Decimal(0)
	for i, d := range []Decimal{s.Provider, s.Treasury, s.Miner} {
		if d > Nano || d%bps != 0 {
			return out, fmt.Errorf("%s is no whole number of basis points up to 1", d)
		}
		out[i] = uint64(d / bps)
		sum += d
	}
	if sum != Nano {
		return out, fmt.Errorf("the shares add up to %s, want 1", sum)
	}
	return out, nil
}

func (s *SLA) check() error {
	if s.Windows.SamplesMin == 0 || s.Windows.LookbackJobs < s.Windows.SamplesMin {
		return fmt.Errorf("windows: want 1 <= samples_min <= lookback_jobs")
	}
	t := s.Thresholds
	for name, d := range map[string]Decimal{"traps_ratio_min": t.TrapsRatioMin, "traps_pass_min": t.TrapsPassMin, "qos_score_min": t.QoSScoreMin, "availability_min": t.AvailabilityMin} {
		if d > Nano {
			return fmt.Errorf("thresholds: %s is above 1", name)
		}
	}
	if t.LatencyMSP95Max == 0 {
		return fmt.Errorf("thresholds.latency_ms_p95_max: is 0")
	}
	if s.Confidence.Method != "wilson" || s.Confidence.ZValue == 0 || s.Confidence.ZValue > 10*Nano {
		return fmt.Errorf("confidence: method is wilson and z_value within 0..10, 0 excluded")
	}
	if s.Decay.HealthHalfLifeBlocks == 0 {
		return fmt.Errorf("decay.health_half_life_blocks: is 0")
	}
	return nil
}

func (s *Slashing) check() error {
	c := s.Clawback
	if len(c.ScheduleBlocks) != len(c.Fractions) || c.Enabled && len(c.Fractions) == 0 {
		return fmt.Errorf("clawback: schedule_blocks and fractions differ in length or are empty")
	}
	sum := Decimal(0)
	for i, f := range c.Fractions {
		if f > Nano {
			return fmt.Errorf("clawback.fractions[%d]: is %s, want at most 1", i, f)
		}
		if sum += f; i > 0 && c.ScheduleBlocks[i] <= c.ScheduleBlocks[i-1] {
			return fmt.Errorf("clawback.schedule_blocks[%d]: want ascending", i)
		}
	}
	if len(c.Fractions) > 0 && sum != Nano {
		return fmt.Errorf("clawback.fractions: add up to %s, want 1", sum)
	}
	return nil
}
