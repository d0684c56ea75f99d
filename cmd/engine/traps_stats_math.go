package main

import (
	"math"

	"github.com/animicaorg/engine/stats"
)

// The functions of this file take probabilities that are not whole parts per
// billion. They start from the exact values of package stats at the nearest ppb
// and continue along ln p, where small tails are straight lines; what is left is
// a relative error near 1e-9, 1e-7 where p is below one ppb. They answer questions of people and decide nothing.

// lnRightTail is ln P[Bin(n,p) >= k].
func lnRightTail(k, n uint64, p float64) float64 {
	if k == 0 {
		return 0
	}
	t := tangentAt(k, n, p)
	return t.tail + t.slope*(math.Log(p)-t.lnP)
}

// tangent is ln P[Bin(n,p) >= k] as a function of ln p near a whole ppb.
type tangent struct{ lnP, tail, slope float64 }

// tangentAt uses d P[Bin(n,p) >= k] / dp = k·C(n,k)·p^(k-1)·(1-p)^(n-k).
func tangentAt(k, n uint64, p float64) tangent {
	ppb := toPpb(p)
	grid := float64(ppb) / stats.Ppb
	lg := func(v uint64) float64 { r, _ := math.Lgamma(float64(v) + 1); return r }
	t := tangent{lnP: math.Log(grid), tail: stats.RightTail(k, n, ppb).Log10() * math.Ln10}
	density := lg(n) - lg(k) - lg(n-k) + float64(k)*t.lnP + float64(n-k)*math.Log1p(-grid)
	t.slope = float64(k) * math.Exp(density-t.tail)
	return t
}

// lowerBound is the p with P[Bin(n,p) >= k] = alpha, the one-sided bound of
// Clopper and Pearson; 0 for k = 0.
func lowerBound(k, n uint64, alpha float64) float64 {
	if k == 0 {
		return 0
	}
	p := float64(stats.LowerBound(k, n, toPpb(alpha))) / stats.Ppb
	for range 60 { // Newton; more than two steps only where alpha is below a ppb
		t := tangentAt(k, n, p)
		next := math.Exp(min(t.lnP+(math.Log(alpha)-t.tail)/t.slope, 0))
		if math.Abs(next-p) <= 0.6/stats.Ppb {
			return next
		}
		p = next
	}
	return p
}

// toPpb is the nearest ppb strictly between 0 and 1.
func toPpb(p float64) uint64 {
	return min(max(uint64(math.Round(p*stats.Ppb)), 1), stats.Ppb-1)
}

// sprt is Wald's test of p1 against p0: accept p0, reject it, or go on.
func sprt(k, n uint64, p0, p1, alpha, beta float64) any {
	llr := float64(k)*math.Log(p1/p0) + float64(n-k)*(math.Log1p(-p1)-math.Log1p(-p0))
	answer := sprtAnswer{llr, "continue"}
	switch {
	case llr >= math.Log((1-beta)/alpha):
		answer.Decision = "reject"
	case llr <= math.Log(beta/(1-alpha)):
		answer.Decision = "accept"
	}
	return answer
}
