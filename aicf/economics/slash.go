package economics

import (
	"fmt"
	"math/big"
)

// slashRule is one row: basis points of the stake at once, basis points of
// recent earnings later, over how many epochs.
type slashRule struct{ immediate, clawback, epochs uint64 }

// slashRules are the network's rows by reason; DefaultReason serves unknown ones.
var slashRules = map[string]slashRule{
	"fraud_proof":         {10_000, 10_000, 4},
	"invalid_attestation": {5_000, 5_000, 3},
	"unavailable":         {500, 2_000, 2},
	"deadline_miss":       {0, 3_000, 1},
	"double_submit":       {1_000, 1_000, 2},
	DefaultReason:         {0, 500, 1},
}

// DefaultReason is the row of reasons that have no row of their own.
const DefaultReason = "__default__"

// SlashPlan is what a fault costs; the amounts of the schedule add up to
// Clawback.
type SlashPlan struct {
	Immediate uint64      `json:"immediate"` // of the stake, never above it
	Clawback  uint64      `json:"clawback"`  // of earnings, never above them
	Schedule  [][2]uint64 `json:"schedule"`  // epoch, amount
}

// PlanSlash returns floor(amount × bps × severity / 10^8) of stake and
// earnings. The clawback is spread evenly over the epochs behind epoch, its
// remainder in the first. severityBPS is 0..10000; 0 costs nothing.
func PlanSlash(reason string, severityBPS, stake, earnings, epoch uint64) (*SlashPlan, error) {
	for name, v := range map[string]uint64{"stake": stake, "earnings": earnings, "epoch": epoch} {
		if err := checkAmount(name, v); err != nil {
			return nil, err
		}
	}
	if severityBPS > BPS {
		return nil, fmt.Errorf("severity_bps is %d, want 0..%d: %w", severityBPS, BPS, ErrRange)
	}
	rule, ok := slashRules[reason]
	if !ok {
		rule = slashRules[DefaultReason]
	}
	p := &SlashPlan{Schedule: [][2]uint64{}}
	var err error
	if p.Immediate, _, err = MulDiv(stake, rule.immediate*severityBPS, BPS*BPS); err != nil {
		return nil, err
	}
	if p.Clawback, _, err = MulDiv(earnings, rule.clawback*severityBPS, BPS*BPS); err != nil || p.Clawback == 0 {
		return p, err
	}
	each, left := p.Clawback/rule.epochs, p.Clawback%rule.epochs
	for i := range rule.epochs {
		p.Schedule = append(p.Schedule, [2]uint64{epoch + 1 + i, each + left})
		left = 0
	}
	return p, nil
}

// Metrics of a window; nil is unknown. Ratios are 0..1.
type Metrics struct {
	TrapsRatio, QoSScore, Availability *big.Rat
	LatencyP99MS                       *big.Rat
}

// Severity maps metrics to a reason of the slash table and a severity 0..1. The
// first that holds decides: traps below 0.98 by 1-traps; qos below 0.80 by the
// gap; p99 above 2000 ms by p99/2000-1, at most 1; availability below 0.95 by
// the gap.
func Severity(m Metrics) (reason string, severity *big.Rat) {
	one := big.NewRat(1, 1)
	below := func(v *big.Rat, num, den int64) (*big.Rat, bool) {
		limit := big.NewRat(num, den)
		if v == nil || v.Cmp(limit) >= 0 {
			return nil, false
		}
		return limit.Sub(limit, v), true
	}
	if _, bad := below(m.TrapsRatio, 98, 100); bad {
		return "invalid_attestation", one.Sub(one, m.TrapsRatio)
	}
	if gap, bad := below(m.QoSScore, 80, 100); bad {
		return "deadline_miss", gap
	}
	if slo := big.NewRat(2000, 1); m.LatencyP99MS != nil && m.LatencyP99MS.Cmp(slo) > 0 {
		over := new(big.Rat).Quo(m.LatencyP99MS, slo)
		if over.Sub(over, one); over.Cmp(one) > 0 {
			over = one
		}
		return "deadline_miss", over
	}
	if gap, bad := below(m.Availability, 95, 100); bad {
		return "unavailable", gap
	}
	return DefaultReason, new(big.Rat)
}
