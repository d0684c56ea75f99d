package stats

// UpperBound is the one-sided Clopper-Pearson bound (Biometrika 26, 1934): the
// smallest p in ppb with P[Bin(n,p) <= x] <= alpha. With confidence 1-alpha the
// true rate lies at or below it. It is 1e9 for x >= n and for n above MaxTrials.
func UpperBound(x, n, alpha uint64) uint64 {
	if x >= n || n > MaxTrials {
		return Ppb
	}
	lo, hi := uint64(0), uint64(Ppb)
	for lo < hi {
		mid := lo + (hi-lo)/2
		if compareTail(x, n, mid, alpha) > 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// LowerBound is the mirror image of UpperBound: the largest p in ppb with
// P[Bin(n,p) >= x] <= alpha, 0 for x = 0.
func LowerBound(x, n, alpha uint64) uint64 {
	if x > n {
		x = n
	}
	return Ppb - UpperBound(n-x, n, alpha)
}

// ClopperPearson is the two-sided interval in ppb, widened outward to whole ppb:
// each side errs with probability at most alpha/2, rounded down to a ppb.
func ClopperPearson(x, n, alpha uint64) (lo, hi uint64) {
	return LowerBound(x, n, alpha/2), UpperBound(x, n, alpha/2)
}

// confidence95 is one minus the confidence of the accreditation numbers, in ppb.
const confidence95 = 50_000_000

// Eps95Markov bounds, with confidence 0.95, the total variation distance of the
// average target output from the ideal, in ppb: min(1, 2u) with u the one-sided
// upper bound on the failure rate of a trap that sees an error with probability
// one half or more. fails out of traps failed; no traps certify nothing (1e9). It
// assumes that the driver cannot tell a trap from a target.
func Eps95Markov(fails, traps uint64) uint64 {
	return min(2*UpperBound(fails, traps, confidence95), Ppb)
}

// Eps95Hidden bounds, with confidence 0.95, the share of corrupted target slots
// in ppb, rounded up, without assuming independent errors: any role-blind
// adversary corrupts M of the slots, and each trap hit fails with probability at
// least delta (ppb). The bound is M/(slots-traps), at most 1, for
//
//	M = max{M : sum_J Hyp(J; slots,traps,M) · P[Bin(J,delta) <= fails] >= 0.05}.
//
// Without target slots, without traps or above MaxTrials it is 1e9.
func Eps95Hidden(slots, traps, fails, delta uint64) uint64 {
	if traps >= slots || traps == 0 || fails >= traps || slots > MaxTrials {
		return Ppb
	}
	lo, hi := uint64(0), slots // the sum is 1 for M = 0
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		if hiddenLikely(slots, traps, mid, fails, min(delta, Ppb)) {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	targets := slots - traps
	if lo >= targets {
		return Ppb
	}
	return (lo*Ppb + targets - 1) / targets
}

// hiddenLikely reports that with m corrupted slots at most f failures have
// probability 0.05 or more.
func hiddenLikely(slots, traps, m, f, delta uint64) bool {
	need := 31*traps + slots + 64
	for k := firstPrec; ; k *= 2 {
		if c := k.compareHidden(slots, traps, m, f, delta); c != 0 || k.last(need) {
			return c <= 0
		}
	}
}

// compareHidden compares P[more than f failures] with 0.95. Relative to their
// first term the hypergeometric weights follow from simple ratios, and
// P[Bin(J,d) > f] grows by d·P[Bin(J,d) = f] with each J: only sums of positive
// terms.
func (k prec) compareHidden(slots, traps, m, f, delta uint64) int {
	rest := slots - traps
	j := m - min(m, rest)
	last := min(traps, m)
	var h, all, over, eq, more, t enclosure
	k.setUint(&h, 1)
	for i := uint64(0); ; i++ { // eq, more: the binomial of i trials
		if i == f {
			k.setRatio(&t, delta, Ppb)
			k.pow(&eq, &t, f)
		} else if i > f {
			k.set(&t, &eq)
			k.mulUint(&t, delta)
			k.divUint(&t, Ppb)
			k.add(&more, &t)
			k.mulUint(&eq, i*(Ppb-delta))
			k.divUint(&eq, (i-f)*Ppb)
		}
		if i < j {
			continue
		}
		k.add(&all, &h)
		k.mul(&t, &h, &more)
		k.add(&over, &t)
		if i >= last {
			break
		}
		k.mulUint(&h, (traps-i)*(m-i))
		k.divUint(&h, (i+1)*(rest+i+1-m))
	}
	k.mulUint(&all, Ppb-confidence95)
	k.mulUint(&over, Ppb)
	return k.cmp(&over, &all)
}
