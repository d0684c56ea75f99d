// Package sla judges a provider's window and its heartbeats as pure functions
// of measured numbers.
//
// It promises exact arithmetic, that only the worst breach of a window counts,
// that too few samples never cost anything, and that a slash never exceeds the
// stake. Whether the measurements are true is not its business.
package sla

import (
	"errors"
	"fmt"
	"math/big"
)

// ErrTable is wrapped where a table or a measurement is refused.
var ErrTable = errors.New("refused")

// MaxStake is the largest stake, in atomic units: exact in every JSON reader.
const MaxStake = 1<<53 - 1

// Severity is how bad a breach is; the zero value is none.
type Severity int

// The severities, ascending.
const (
	None Severity = iota
	Minor
	Major
	Critical
)

var severityNames = [...]string{"", "minor", "major", "critical"}

// String is the name; empty for None.
func (s Severity) String() string { return severityNames[s] }

// ParseSeverity reads a name.
func ParseSeverity(s string) (Severity, error) {
	for i, n := range severityNames {
		if i > 0 && n == s {
			return Severity(i), nil
		}
	}
	return None, fmt.Errorf("severity %.20q is not minor, major or critical: %w", s, ErrTable)
}

// Dimension is one thing that is measured.
type Dimension string

// The dimensions, in the order of judgement.
const (
	Traps        Dimension = "traps"        // share of failed traps; high is bad
	QoS          Dimension = "qos"          // score; low is bad
	Latency      Dimension = "latency"      // p95 in ms; high is bad
	Availability Dimension = "availability" // share of time; low is bad
)

// Dimensions lists them.
var Dimensions = []Dimension{Traps, QoS, Latency, Availability}

// HighIsBad says on which side of a bound the breach lies.
func (d Dimension) HighIsBad() bool { return d == Traps || d == Latency }

// Band is a bound and what a value beyond it is. The bound itself is no breach.
type Band struct {
	Bound    *big.Rat
	Severity Severity
}

// Base is what a severity costs before escalation.
type Base struct {
	Slash          uint64 // atomic units
	CooldownEpochs uint64
	JailEpochs     uint64
}

// Table is a policy of penalties.
type Table struct {
	Thresholds  map[Dimension]*big.Rat
	MinSamples  map[Dimension]uint64
	Bands       map[Dimension][]Band
	Base        map[Severity]Base
	Multipliers []*big.Rat // by recent offenses; the last serves all further ones
}

// Default is the network's table.
func Default() *Table {
	r := big.NewRat
	return &Table{
		Thresholds: map[Dimension]*big.Rat{Traps: r(2, 100), QoS: r(95, 100), Latency: r(2000, 1), Availability: r(995, 1000)},
		MinSamples: map[Dimension]uint64{Traps: 500, QoS: 200, Latency: 200, Availability: 288},
		Bands: map[Dimension][]Band{
			Traps:        {{r(2, 100), Major}, {r(10, 100), Critical}},
			QoS:          {{r(95, 100), Minor}, {r(85, 100), Major}, {r(70, 100), Critical}},
			Latency:      {{r(2000, 1), Minor}, {r(5000, 1), Major}},
			Availability: {{r(995, 1000), Critical}},
		},
		Base:        map[Severity]Base{Minor: {10_000, 1, 0}, Major: {50_000, 2, 0}, Critical: {200_000, 4, 2}},
		Multipliers: []*big.Rat{r(1, 1), r(3, 2), r(2, 1)},
	}
}

// Measurement is one value of a window. Samples 0 means that there is none.
type Measurement struct {
	Value   *big.Rat
	Samples uint64
}

// Decisions.
const (
	OK      = "OK"
	Warning = "WARNING" // a breach with too few samples
	Slashed = "SLASH"
)

// Verdict is the answer. Slash + StakeAfter = stake.
type Verdict struct {
	Decision       string
	Severity       Severity
	Slash          uint64
	CooldownEpochs uint64
	JailEpochs     uint64
	StakeAfter     uint64
}

// Evaluate judges one window: the highest severity among the dimensions in
// breach with enough samples decides; its base is multiplied by the escalation
// for recentOffenses, slash floored, epochs rounded up.
func (t *Table) Evaluate(stake, recentOffenses uint64, m map[Dimension]Measurement) (*Verdict, error) {
	if stake > MaxStake {
		return nil, fmt.Errorf("stake is %d, above 2^53-1: %w", stake, ErrTable)
	}
	v := &Verdict{Decision: OK, StakeAfter: stake}
	for _, d := range Dimensions {
		x, measured := m[d]
		if !measured || x.Samples == 0 {
			continue
		}
		switch s, breach := t.breach(d, x.Value); {
		case !breach:
		case x.Samples < t.MinSamples[d]:
			if v.Decision == OK {
				v.Decision = Warning
			}
		default:
			v.Decision, v.Severity = Slashed, max(v.Severity, s)
		}
	}
	if v.Decision != Slashed {
		return v, nil
	}
	return v, t.punish(v, recentOffenses)
}

// breach is the worst band beyond which the value lies; a value beyond the
// threshold alone is minor.
func (t *Table) breach(d Dimension, value *big.Rat) (worst Severity, breach bool) {
	beyond := func(bound *big.Rat) bool {
		if d.HighIsBad() {
			return value.Cmp(bound) > 0
		}
		return value.Cmp(bound) < 0
	}
	if bound := t.Thresholds[d]; bound != nil && beyond(bound) {
		worst = Minor
	}
	for _, b := range t.Bands[d] {
		if beyond(b.Bound) {
			worst = max(worst, b.Severity)
		}
	}
	return worst, worst != None
}

func (t *Table) punish(v *Verdict, offenses uint64) error {
	base, ok := t.Base[v.Severity]
	if !ok || len(t.Multipliers) == 0 {
		return fmt.Errorf("the table has no base for %s or no multiplier: %w", v.Severity, ErrTable)
	}
	factor := t.Multipliers[min(offenses, uint64(len(t.Multipliers)-1))]
	slash, whole := times(base.Slash, factor, false), v.StakeAfter
	if v.Slash = whole; slash.IsUint64() && slash.Uint64() < whole {
		v.Slash = slash.Uint64()
	}
	v.StakeAfter = whole - v.Slash
	cooldown, jail := times(base.CooldownEpochs, factor, true), times(base.JailEpochs, factor, true)
	if !cooldown.IsUint64() || !jail.IsUint64() {
		return fmt.Errorf("the epochs do not fit 64 bits: %w", ErrTable)
	}
	v.CooldownEpochs, v.JailEpochs = cooldown.Uint64(), jail.Uint64()
	return nil
}

// times is n × factor, floored or rounded up.
func times(n uint64, factor *big.Rat, up bool) *big.Int {
	p := new(big.Int).Mul(new(big.Int).SetUint64(n), factor.Num())
	if up {
		p.Add(p, new(big.Int).Sub(factor.Denom(), big.NewInt(1)))
	}
	return p.Quo(p, factor.Denom())
}
