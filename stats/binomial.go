package stats

import "math/bits"

// The terms of a binomial distribution relative to the term at j are products
// of simple ratios, so that a tail needs neither a binomial coefficient nor a
// power: with A = sum of s_i for i <= k, B = sum of s_i for i > k and s_k = 1,
//
//	P[Bin(n,p) <= k] = A / (A + B).
//
// All terms are positive and nothing cancels.

// sumDown sets sum to s_j + s_(j-1) + ... + s_0, or without the first term, where
// s_j = 1 and s_(i-1) = s_i · i·q / ((n-i+1)·p) with p and q in ppb. It stops
// early, and returns true, once sum is certainly above a non-nil limit.
func (k prec) sumDown(sum *enclosure, n, j, p, q uint64, first bool, limit *enclosure) bool {
	var s enclosure
	k.setUint(&s, 1)
	k.setUint(sum, 0)
	if first {
		k.setUint(sum, 1)
	}
	for i := j; i > 0; i-- {
		k.mulUint(&s, i*q)
		k.divUint(&s, (n-i+1)*p)
		k.add(sum, &s)
		if limit != nil && k.cmp(sum, limit) > 0 {
			return true
		}
		// With l = i-1 the terms below s_l sum to at most s_l·l·q/((n+1)p - l),
		// a geometric bound; once that is under one unit of rho, it is one.
		l := i - 1
		if s.e+int64(bits.Len64(l))+k.bits()+2 <= sum.e && (n+1)*p >= (l+1)*Ppb {
			sum.rho++
			break
		}
	}
	return false
}

// compareTail compares P[Bin(n,p) <= x] with alpha, both in ppb, exactly.
// n is at most MaxTrials.
func compareTail(x, n, p, alpha uint64) int {
	switch {
	case x >= n || p == 0: // the tail is 1
		return cmpUint(Ppb, min(alpha, Ppb))
	case p >= Ppb: // the tail is 0
		return cmpUint(0, alpha)
	case alpha == 0:
		return 1
	case alpha >= Ppb:
		return -1
	}
	need := 30*n + 30 // the tail is an integer over 1e9^n
	for k := firstPrec; ; k *= 2 {
		if c := k.compareTail(x, n, p, alpha); c != 0 || k.last(need) {
			return c
		}
	}
}

// compareTail sums the side without the mode first, since it is short, and then
// the other one only until the answer is certain.
func (k prec) compareTail(x, n, p, alpha uint64) int {
	var t, s enclosure
	q := Ppb - p
	if (x+1)*Ppb >= (n+1)*p {
		k.sumDown(&t, n, n-x, q, p, false, nil) // B
		k.mulUint(&t, alpha)
		k.divUint(&t, Ppb-alpha)
		if k.sumDown(&s, n, x, p, q, true, &t) {
			return 1
		}
		return k.cmp(&s, &t)
	}
	k.sumDown(&t, n, x, p, q, true, nil) // A
	k.mulUint(&t, Ppb-alpha)
	k.divUint(&t, alpha)
	if k.sumDown(&s, n, n-x, q, p, false, &t) {
		return -1
	}
	return k.cmp(&t, &s)
}

func cmpUint(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// AcceptThreshold returns the smallest number of passes out of n that a device
// with pass probability p0 (ppb) is accepted with, so that it is refused with
// probability at most alpha (ppb):
//
//	c = min{c : P[Bin(n,p0) <= c-1] <= alpha < P[Bin(n,p0) <= c]}
//
// Accept iff passes >= c. A better device is refused more rarely still. alpha of
// 1e9 or more gives n+1 and n above MaxTrials the largest uint64: nothing is
// accepted.
func AcceptThreshold(n, p0, alpha uint64) uint64 {
	switch {
	case n > MaxTrials:
		return ^uint64(0)
	case alpha >= Ppb:
		return n + 1
	}
	lo, hi := uint64(0), n // c is in [lo, hi]
	for lo < hi {
		mid := lo + (hi-lo)/2
		if compareTail(mid, n, min(p0, Ppb), alpha) > 0 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// Decimal is a non-negative number cut to nine significant digits:
// Mant·10^Exp <= x < (Mant+1)·10^Exp with 1e8 <= Mant < 1e9, or zero.
type Decimal struct {
	Mant uint64
	Exp  int64
}

// LeftTail returns P[Bin(n,p) <= x] for p in ppb: how likely at most x passes
// are. It is 1 for x >= n, and 0 for n above MaxTrials.
func LeftTail(x, n, p uint64) Decimal {
	switch {
	case n > MaxTrials:
		return Decimal{}
	case x >= n || p == 0:
		return Decimal{1e8, -8}
	case p >= Ppb:
		return Decimal{}
	}
	need := 30*n + 40
	for k := firstPrec; ; k *= 2 {
		if d, ok := k.leftTail(x, n, p, k.last(need)); ok {
			return d
		}
	}
}

// RightTail returns P[Bin(n,p) >= x] for p in ppb; it is 1 for x = 0 and 0 for
// x > n.
func RightTail(x, n, p uint64) Decimal {
	if x > n {
		return Decimal{}
	}
	return LeftTail(n-x, n, Ppb-min(p, Ppb))
}

func (k prec) leftTail(x, n, p uint64, last bool) (Decimal, bool) {
	var a, z, ten, scale enclosure
	q := Ppb - p
	k.sumDown(&a, n, x, p, q, true, nil)
	k.sumDown(&z, n, n-x, q, p, false, nil)
	k.set(&scale, &z)
	k.mulUint(&scale, Ppb)
	k.add(&z, &a)
	if k.cmp(&scale, &z) < 0 { // 1-1e-9 < tail < 1, however close to one
		return Decimal{999_999_999, -9}, true
	}

	// a/z is within 2^(d-1)..2^(d+1) for d = a.e - z.e <= 0, so that its decimal
	// exponent is one of three; start from the lowest, where the digits are most.
	exp := (a.e-z.e)*3010299957/1e10 - 2
	k.setUint(&ten, 10)
	k.pow(&scale, &ten, uint64(8-exp))
	k.mul(&a, &a, &scale)
	m, ok := k.quotient(&a, &z, last)
	for exp -= 8; m >= 1e9; exp++ {
		m /= 10 // floor(floor(v)/10) = floor(v/10)
	}
	return Decimal{m, exp}, ok
}

// quotient returns floor(a/z) for a quotient below 2^44, and whether it is
// certain; with last set, undecided means equal.
func (k prec) quotient(a, z *enclosure, last bool) (uint64, bool) {
	var m uint64
	var t enclosure
	for b := uint64(1) << 43; b > 0; b >>= 1 {
		k.set(&t, z)
		k.mulUint(&t, m|b)
		switch c := k.cmp(&t, a); {
		case c < 0 || c == 0 && last:
			m |= b
		case c == 0:
			return 0, false
		}
	}
	return m, true
}
