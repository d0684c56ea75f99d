package stats

import "math/bits"

// Q32 is one nat in units of 2^-32, the unit of all evidence.
const Q32 = 1 << 32

// LnQ32Floor returns floor(2^32 · ln(num/den)), the largest evidence in Q32 that
// is not above the logarithm. num and den are 1 to 2^62; a zero counts as 1 and
// more as 2^62. The logarithm of a rational other than 1 is irrational, so that
// the floor is always decided.
func LnQ32Floor(num, den uint64) int64 {
	neg, v := lnMagnitude(num, den)
	if neg {
		return -int64(v) - 1
	}
	return int64(v)
}

// LnQ32Ceil returns ceil(2^32 · ln(num/den)), with the domain of LnQ32Floor.
func LnQ32Ceil(num, den uint64) int64 { return -LnQ32Floor(den, num) }

// lnMagnitude returns floor(2^32·|ln(num/den)|) and whether the logarithm is
// negative.
func lnMagnitude(num, den uint64) (neg bool, v uint64) {
	num, den = min(max(num, 1), 1<<62), min(max(den, 1), 1<<62)
	if num == den {
		return false, 0
	}
	if num < den {
		num, den, neg = den, num, true
	}
	for k := firstPrec; ; k *= 2 {
		if lo, hi := k.ln(num, den); lo == hi || k == maxLimbs {
			return neg, lo
		}
	}
}

// ln encloses 2^32·ln(num/den) for num > den, as integer parts: with both scaled
// to one bit length, ln(num/den) = s·ln 2 + 2·atanh((x-y)/(x+y)) and
// ln 2 = 2·atanh(1/3); the second part may be negative.
func (k prec) ln(num, den uint64) (lo, hi uint64) {
	s := bits.Len64(num) - bits.Len64(den)
	x, y := num, den<<s
	var sum, t fixed
	var a enclosure
	k.atanh(&a, 1, 3)
	k.mulUint(&a, uint64(s)*2*Q32)
	k.fix(&sum, &a)
	k.atanh(&a, max(x, y)-min(x, y), x+y)
	k.mulUint(&a, 2*Q32)
	k.fix(&t, &a)
	if x >= y {
		k.addFixed(&sum, &t)
	} else if !k.subFixed(&sum, &t) {
		return 0, 1 // undecided
	}
	return k.floorFixed(&sum)
}

// atanh sets sum to the inverse hyperbolic tangent of num/den <= 1/3 by its
// power series; z^2 <= 1/9, so that all terms after one are less than that one.
func (k prec) atanh(sum *enclosure, num, den uint64) {
	var z2, pw, t enclosure
	k.setRatio(&pw, num, den)
	k.mul(&z2, &pw, &pw)
	k.set(sum, &pw)
	if num == 0 {
		return
	}
	for i := uint64(3); ; i += 2 {
		k.mul(&pw, &pw, &z2)
		k.set(&t, &pw)
		k.divUint(&t, i)
		k.add(sum, &t)
		if t.e+k.bits()+2 <= sum.e {
			sum.rho++
			return
		}
	}
}
