package circuit

import (
	"math"
	"math/bits"
)

// Sine, cosine and tangent of an Angle by integer arithmetic alone (decision
// B4). The argument is an exact fraction of a turn, so reduction is exact; the
// Taylor series of sin(x)/x and cos(x) on |x| ≤ π/4 are summed in 128-bit fixed
// point with an error below 2^-120 and rounded once. Results are the same bits
// on every platform. package math serves only to assemble float64 bit patterns.

// u128 is an unsigned 128-bit integer.
type u128 struct{ hi, lo uint64 }

func (a u128) sub(b u128) u128 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return u128{hi, lo}
}

// mulHigh returns the upper 128 bits of the 256-bit product.
func (a u128) mulHigh(b u128) u128 {
	h0, _ := bits.Mul64(a.lo, b.lo)
	h1, l1 := bits.Mul64(a.hi, b.lo)
	h2, l2 := bits.Mul64(a.lo, b.hi)
	h3, l3 := bits.Mul64(a.hi, b.hi)
	mid, c1 := bits.Add64(l1, l2, 0)
	_, c2 := bits.Add64(mid, h0, 0)
	lo, c3 := bits.Add64(h1, h2, c1)
	lo, c4 := bits.Add64(lo, l3, c2)
	return u128{h3 + c3 + c4, lo}
}

func (a u128) leadingZeros() int {
	if a.hi != 0 {
		return bits.LeadingZeros64(a.hi)
	}
	return 64 + bits.LeadingZeros64(a.lo)
}

// shl shifts left by n in 0..127.
func (a u128) shl(n int) u128 {
	if n >= 64 {
		return u128{a.lo << (n - 64), 0}
	}
	return u128{a.hi<<n | a.lo>>(64-n), a.lo << n}
}

// shr shifts right by n in 0..255.
func (a u128) shr(n int) u128 {
	if n >= 64 {
		return u128{0, a.hi >> (n - 64)}
	}
	return u128{a.hi >> n, a.lo>>n | a.hi<<(64-n)}
}

// fixed128 is the number mant·2^exp, mant below 2^128.
type fixed128 struct {
	mant u128
	exp  int
}

// float64 rounds to the nearest float64, ties to even. The callers' values are
// zero or in [2^-64, 1].
func (f fixed128) float64() float64 {
	z := f.mant.leadingZeros()
	if z == 128 {
		return 0
	}
	m := f.mant.shl(z) // top bit set: value m·2^(exp-z)
	keep, rest := m.hi>>11, m.hi<<53
	if rest > 1<<63 || rest == 1<<63 && (m.lo != 0 || keep&1 == 1) {
		keep++ // a carry into bit 53 moves the exponent, as it should
	}
	biased := f.exp - z + 127 + 1023
	return math.Float64frombits(uint64(biased-1)<<52 + keep)
}

// q62 rounds to the nearest multiple of 2^-62, ties to even.
func (f fixed128) q62() int64 {
	s := -(f.exp + 62) // positive: the callers' exponents are below -120
	v, rest := f.mant.shr(s), f.mant.sub(f.mant.shr(s).shl64(s))
	half := u128{0, 1}.shl64(s - 1)
	switch {
	case rest.hi > half.hi || rest.hi == half.hi && rest.lo > half.lo:
		v.lo++
	case rest == half:
		v.lo += v.lo & 1
	}
	return int64(v.lo)
}

// shl64 is shl that gives 0 for 128 and more.
func (a u128) shl64(n int) u128 {
	if n >= 128 {
		return u128{}
	}
	return a.shl(n)
}

// piQ126 is floor(π·2^126).
var piQ126 = u128{0xC90FDAA22168C234, 0xC4C6628B80DC1CD1}

// seriesTerms bounds both series: (π/4)^32/32! is below 2^-128.
const seriesTerms = 17

// sinSeries[k] = 1/(2k+1)! and cosSeries[k] = 1/(2k)! in units of 2^-127.
var sinSeries, cosSeries = factorials()

func factorials() (s, c [seriesTerms]u128) {
	f := u128{1 << 63, 0} // 1/m!
	for m := uint64(0); m < 2*seriesTerms; m++ {
		if m > 0 {
			hi, r := f.hi/m, f.hi%m
			lo, _ := bits.Div64(r, f.lo, m)
			f = u128{hi, lo}
		}
		if m%2 == 0 {
			c[m/2] = f
		} else {
			s[m/2] = f
		}
	}
	return s, c
}

// alternating sums c[0] - z·c[1] + z²·c[2] - …, z in units of 2^-128.
func alternating(c *[seriesTerms]u128, z u128) u128 {
	acc := c[seriesTerms-1]
	for k := seriesTerms - 2; k >= 0; k-- {
		acc = c[k].sub(z.mulHigh(acc))
	}
	return acc
}

// sinCosOctant returns sin and cos of x = r·π/2^63, r in 0..2^61, that is x in
// [0, π/4].
func sinCosOctant(r uint64) (s, c fixed128) {
	if r == 0 {
		return fixed128{exp: -127}, fixed128{u128{1 << 63, 0}, -127}
	}
	lz := bits.LeadingZeros64(r)
	rn := r << lz
	h1, l1 := bits.Mul64(rn, piQ126.hi)
	h0, _ := bits.Mul64(rn, piQ126.lo)
	lo, carry := bits.Add64(l1, h0, 0)
	x := u128{h1 + carry, lo} // x in units of 2^-(125+lz)
	z := x.mulHigh(x)         // x² in units of 2^-(122+2lz)
	if sh := 2*lz - 6; sh >= 0 {
		z = z.shr(min(sh, 255))
	} else {
		z = z.shl(-sh)
	}
	s = fixed128{x.mulHigh(alternating(&sinSeries, z)), -124 - lz}
	return s, fixed128{alternating(&cosSeries, z), -127}
}

// octant reduces to [0, π/4]: swap exchanges sine and cosine, quadrant counts
// quarter turns.
func (a Angle) octant() (r uint64, swap bool, quadrant int) {
	a = a.mod2Pi()
	quadrant, r = int(a/HalfPi), uint64(a%HalfPi)
	if r > uint64(HalfPi)/2 {
		return 2 * (uint64(HalfPi) - r), true, quadrant
	}
	return 2 * r, false, quadrant
}

// quarterTurns applies sin(x+π/2) = cos x, cos(x+π/2) = -sin x. Zero stays +0.
func quarterTurns[T float64 | int64](s, c T, quadrant int) (T, T) {
	for range quadrant {
		s, c = c, 0-s
	}
	return s, c
}

// SinCos returns sine and cosine of a, each the float64 nearest to the true
// value as far as 120 bits tell (so at most 0.5000001 units in the last place
// off). Multiples of π/2 give exactly 0, 1 and -1, and never -0.
func (a Angle) SinCos() (sin, cos float64) {
	r, swap, quadrant := a.octant()
	s, c := sinCosOctant(r)
	if swap {
		s, c = c, s
	}
	return quarterTurns(s.float64(), c.float64(), quadrant)
}

// SinCosQ62 returns sine and cosine in units of 2^-62, rounded to the nearest
// integer; 1 is 1<<62.
func (a Angle) SinCosQ62() (sin, cos int64) {
	r, swap, quadrant := a.octant()
	s, c := sinCosOctant(r)
	if swap {
		s, c = c, s
	}
	return quarterTurns(s.q62(), c.q62(), quadrant)
}

// SplitHalfTurns writes a = turns·π + rest (mod 4π) with rest in (-π/2, π/2]
// as a two's complement number, turns in 0..3. The choice is exact.
func (a Angle) SplitHalfTurns() (turns int, rest Angle) {
	k := (a + HalfPi - 1) / Pi
	return int(k), a - k*Pi
}

// TanCosHalf returns tan(a/2) and cos(a/2) for a in [-π/2, π/2], two's
// complement (see SplitHalfTurns); ±π/2 gives exactly ±1, 0 gives exactly 0. Both
// are rounded as by SinCos. Outside that range both results are 0.
func (a Angle) TanCosHalf() (tan, cos float64) {
	r := uint64(a)
	if int64(a) < 0 {
		r = -r
	}
	if r > uint64(HalfPi) {
		return 0, 0
	}
	s, c := sinCosOctant(r)
	cos = c.float64()
	switch r {
	case 0:
		return 0, cos
	case uint64(HalfPi):
		tan = 1
	default:
		tan = s.over(c).float64()
	}
	if int64(a) < 0 {
		tan = -tan
	}
	return tan, cos
}

// over divides, with a relative error below 2^-118: a quotient of the upper
// words that is certainly too small, then one correction by its remainder.
// Neither operand is zero.
func (f fixed128) over(g fixed128) fixed128 {
	zf, zg := f.mant.leadingZeros(), g.mant.leadingZeros()
	n, d := f.mant.shl(zf).shr(1), g.mant.shl(zg)
	q, _ := bits.Div64(n.hi, n.lo, d.hi)
	q -= 2
	rest := n.sub(d.mulHigh(u128{q, 0})).shl(60) // below 2^66 before the shift
	e, _ := bits.Div64(rest.hi, rest.lo, d.hi)
	corr := u128{0, e}.shl(4)
	return fixed128{u128{q + corr.hi, corr.lo}, f.exp - zf + 1 - (g.exp - zg) - 128}
}
