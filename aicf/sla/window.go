package sla

import (
	"math/big"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/stats"
)

// Window is what was counted of a provider: jobs whose result was judged, leases
// that were acked and ended, heartbeats.
type Window struct {
	Jobs, Late, Good uint64 // Good: accepted
	Leases, Finished uint64 // Finished: a result came in time to be judged
	Beats, Missed    uint64
	PassA, TrapsA    uint64 // re-judged raw counts, summed
	RateA            uint64 // the lowest honest pass rate of the jobs, ppb
	PassB, TrapsB    uint64
	RateB            uint64
}

// Limits are the policy's bounds of a window.
type Limits struct {
	Samples         uint64 // least number of jobs, leases or beats for a finding about them
	LateMax         *big.Rat
	CompletionMin   *big.Rat
	GoodMin         *big.Rat
	AvailabilityMin *big.Rat
	Z               *big.Rat // of the Wilson bounds
}

// LimitsOf reads the bounds of a policy.
func LimitsOf(p *aicf.Policy) Limits {
	rat := func(d aicf.Decimal) *big.Rat { return new(big.Rat).SetFrac64(int64(d), aicf.Nano) }
	n := p.Filled()
	return Limits{Samples: n.WindowJobs, LateMax: rat(n.LateMax), CompletionMin: rat(n.CompletionMin), GoodMin: rat(p.SLA.Thresholds.QoSScoreMin),
		AvailabilityMin: rat(p.SLA.Thresholds.AvailabilityMin), Z: rat(p.SLA.Confidence.ZValue)}
}

// Findings of a window.
const (
	FindTraps        = "traps"
	FindLatency      = "latency"
	FindCompletion   = "completion"
	FindQuality      = "quality"
	FindAvailability = "availability"
)

// Judge returns the first finding of the window, in the order of the constants;
// empty: none. Latency is the guide's rule, counted: more than LateMax of the
// jobs late, which is p95 above the limit at 0.05. Completion, quality and
// availability need the upper Wilson bound below the limit. Traps need an exact
// left tail of the raw counts of 10^-6 over the number of jobs or less; the
// lowest pass rate stands for all jobs, which errs towards the provider.
func Judge(w Window, l Limits) string {
	switch {
	case w.Jobs > 0 && (cheats(w.PassA, w.TrapsA, w.RateA, w.Jobs) || cheats(w.PassB, w.TrapsB, w.RateB, w.Jobs)):
		return FindTraps
	case w.Jobs >= l.Samples && big.NewRat(int64(w.Late), max(1, int64(w.Jobs))).Cmp(l.LateMax) > 0:
		return FindLatency
	case w.Leases >= l.Samples && surelyBelow(w.Finished, w.Leases, l.CompletionMin, l.Z):
		return FindCompletion
	case w.Jobs >= l.Samples && surelyBelow(w.Good, w.Jobs, l.GoodMin, l.Z):
		return FindQuality
	case w.Beats+w.Missed >= l.Samples && surelyBelow(w.Beats, w.Beats+w.Missed, l.AvailabilityMin, l.Z):
		return FindAvailability
	}
	return ""
}

// cheats reports P[Bin(n, rate) <= k] <= 10^-6/jobs, exactly.
func cheats(k, n, rate, jobs uint64) bool {
	if n == 0 || rate == 0 || n > stats.MaxTrials {
		return false
	}
	d := stats.LeftTail(k, n, rate)
	if d.Mant == 0 {
		return true
	}
	tail := new(big.Rat).SetInt(new(big.Int).SetUint64(d.Mant))
	if e := d.Exp; e < 0 {
		tail.Quo(tail, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(-e), nil)))
	}
	return tail.Cmp(big.NewRat(1, int64(1_000_000*jobs))) <= 0
}

// surelyBelow reports that the upper Wilson bound of k/n lies below p0. The
// bound inverts the score test: k/n < p0 and n (k/n - p0)² > z² p0 (1 - p0).
func surelyBelow(k, n uint64, p0, z *big.Rat) bool {
	share := new(big.Rat).SetFrac64(int64(k), int64(n))
	d := share.Sub(share, p0)
	if d.Sign() >= 0 {
		return false
	}
	left := new(big.Rat).Mul(d, d)
	left.Mul(left, new(big.Rat).SetInt64(int64(n)))
	right := new(big.Rat).Sub(unit, p0)
	right.Mul(right, p0).Mul(right, z).Mul(right, z)
	return left.Cmp(right) > 0
}
