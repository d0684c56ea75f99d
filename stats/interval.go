package stats

import "math/bits"

// maxLimbs is the highest precision, 64 limbs of 64 bits = 4096 bits.
const maxLimbs = 64

// An enclosure is a non-negative real known to lie in
//
//	[m·2^e, m·2^e·(1 + rho·2^(2-64k))]
//
// where m is the integer of the first k limbs (least significant first) with its
// top bit set, and k is the precision in use. Zero has an all-zero m and is exact.
//
// The error is relative, so that a product or quotient costs one unit of rho:
// cutting m loses less than half a unit, and the cross terms of two errors stay
// below the other half while rho < 2^40.
type enclosure struct {
	m   [maxLimbs]uint64
	e   int64
	rho uint64
}

// prec is a precision in limbs, 2 to maxLimbs. All operands of one computation
// share it.
type prec int

// firstPrec is where every computation starts.
const firstPrec prec = 2

// slackBits covers the size of the numbers compared (below 2^40) and of rho.
const slackBits = 96

// last reports whether k settles a question by itself: two different values
// would be at least 2^-need apart, so at this precision "undecided" means equal.
// At maxLimbs undecided counts as equal in any case; that is exact for tails of
// up to 130 trials, and beyond that it would take a value within 2^-4000 of a
// limit that it does not equal.
func (k prec) last(need uint64) bool {
	return k >= maxLimbs || uint64(k)*64 >= need+slackBits
}

func (k prec) bits() int64 { return 64 * int64(k) }

func (k prec) set(dst, src *enclosure) {
	copy(dst.m[:k], src.m[:k])
	dst.e, dst.rho = src.e, src.rho
}

func (k prec) isZero(x *enclosure) bool { return x.m[k-1] == 0 }

// setUint sets x to u exactly.
func (k prec) setUint(x *enclosure, u uint64) {
	clear(x.m[:k])
	x.e, x.rho = 0, 0
	if u != 0 {
		z := bits.LeadingZeros64(u)
		x.m[k-1] = u << z
		x.e = 64 - k.bits() - int64(z)
	}
}

// setRatio sets x to num/den; den is not zero.
func (k prec) setRatio(x *enclosure, num, den uint64) {
	k.setUint(x, num)
	k.divUint(x, den)
}

// mulUint sets x to x·u.
func (k prec) mulUint(x *enclosure, u uint64) {
	if u == 0 || k.isZero(x) {
		k.setUint(x, 0)
		return
	}
	m := x.m[:k]
	var carry uint64
	for i, l := range m {
		hi, lo := bits.Mul64(l, u)
		var c uint64
		m[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
	if n := bits.Len64(carry); n > 0 {
		for i := range m[:k-1] {
			m[i] = m[i]>>n | m[i+1]<<(64-n)
		}
		m[k-1] = m[k-1]>>n | carry<<(64-n)
		x.e += int64(n)
		x.rho++
	}
}

// divUint sets x to x/u; u is not zero.
func (k prec) divUint(x *enclosure, u uint64) {
	if u == 1 || k.isZero(x) {
		return
	}
	m := x.m[:k]
	var rem, low uint64
	for i := len(m) - 1; i >= 0; i-- {
		m[i], rem = bits.Div64(rem, m[i], u)
	}
	low, _ = bits.Div64(rem, 0, u) // one more limb, to fill up from below
	n := bits.LeadingZeros64(m[k-1])
	for i := len(m) - 1; i > 0; i-- {
		m[i] = m[i]<<n | m[i-1]>>(64-n)
	}
	m[0] = m[0]<<n | low>>(64-n)
	x.e -= int64(n)
	x.rho++
}

// mul sets z to x·y. z may be x or y.
func (k prec) mul(z, x, y *enclosure) {
	if k.isZero(x) || k.isZero(y) {
		k.setUint(z, 0)
		return
	}
	var p [2 * maxLimbs]uint64
	for i := range int(k) {
		var carry uint64
		for j := range int(k) {
			hi, lo := bits.Mul64(x.m[i], y.m[j])
			var c uint64
			lo, c = bits.Add64(lo, carry, 0)
			hi += c
			p[i+j], c = bits.Add64(p[i+j], lo, 0)
			carry = hi + c
		}
		p[i+int(k)] = carry
	}
	n := bits.LeadingZeros64(p[2*k-1]) // 0 or 1
	for i := range int(k) {
		z.m[i] = p[int(k)+i]<<n | p[int(k)+i-1]>>(64-n)
	}
	z.e = x.e + y.e + k.bits() - int64(n)
	z.rho = x.rho + y.rho + 1
}

// add sets x to x+y.
func (k prec) add(x, y *enclosure) {
	if k.isZero(y) {
		return
	}
	if k.isZero(x) {
		k.set(x, y)
		return
	}
	rho := max(x.rho, y.rho) + 2
	big, small := x, y
	if y.e > x.e {
		big, small = y, x
	}
	d := uint64(big.e - small.e)
	limbs, sh := int(min(d/64, uint64(k))), d%64
	var carry uint64
	for i := range int(k) {
		var s uint64
		if j := i + limbs; j < int(k) {
			s = small.m[j] >> sh
			if j+1 < int(k) {
				s |= small.m[j+1] << (64 - sh)
			}
		}
		x.m[i], carry = bits.Add64(big.m[i], s, carry)
	}
	x.e, x.rho = big.e, rho
	if carry != 0 {
		for i := range int(k) - 1 {
			x.m[i] = x.m[i]>>1 | x.m[i+1]<<63
		}
		x.m[k-1] = x.m[k-1]>>1 | 1<<63
		x.e++
	}
}

// pow sets z to x^n for n up to 2^32; z is not x.
func (k prec) pow(z, x *enclosure, n uint64) {
	var sq enclosure
	k.set(&sq, x)
	k.setUint(z, 1)
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			k.mul(z, z, &sq)
		}
		if n > 1 {
			k.mul(&sq, &sq, &sq)
		}
	}
}

// upper sets t to the exact upper end of x.
func (k prec) upper(t, x *enclosure) {
	k.set(t, x)
	t.rho = 0
	carry := 4 * x.rho // m < 2^(64k), so the width is below 4·rho in units of m
	for i := range int(k) {
		t.m[i], carry = bits.Add64(t.m[i], carry, 0)
	}
	if carry != 0 { // m passed 2^(64k) by less than 4·rho: halve and round up
		t.m[0] = t.m[0]>>1 + 1
		t.m[k-1] |= 1 << 63
		t.e++
	}
}

// less reports m_x·2^e_x < m_y·2^e_y, lower ends only.
func (k prec) less(x, y *enclosure) bool {
	switch zx, zy := k.isZero(x), k.isZero(y); {
	case zx || zy:
		return zx && !zy
	case x.e != y.e:
		return x.e < y.e
	}
	for i := int(k) - 1; i >= 0; i-- {
		if x.m[i] != y.m[i] {
			return x.m[i] < y.m[i]
		}
	}
	return false
}

// cmp returns -1 if x < y for certain, +1 if x > y for certain, else 0.
func (k prec) cmp(x, y *enclosure) int {
	if !k.isZero(x) && !k.isZero(y) {
		if x.e > y.e+1 {
			return 1
		}
		if y.e > x.e+1 {
			return -1
		}
	}
	var t enclosure
	if k.upper(&t, y); k.less(&t, x) {
		return 1
	}
	if k.upper(&t, x); k.less(&t, y) {
		return -1
	}
	return 0
}

// floor returns the integer parts of both ends of x, which is below 2^63.
func (k prec) floor(x *enclosure) (lo, hi uint64) {
	var t enclosure
	k.upper(&t, x)
	return k.intPart(x), k.intPart(&t)
}

func (k prec) intPart(x *enclosure) uint64 {
	if k.isZero(x) {
		return 0
	}
	return x.m[k-1] >> uint64(64-k.bits()-x.e) // a shift of 64 or more gives 0
}
