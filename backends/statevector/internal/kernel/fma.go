package kernel

import "math"

// fma32 returns a·b + c rounded once to binary32, ties to even. The product is
// exact in binary64; the sum is rounded to odd there, so that the second
// rounding sees on which side of a tie the exact sum lies (Boldo and Melquiond,
// "Emulation of FMA and correctly rounded sums: proved algorithms using rounding
// to odd", 2008).
func fma32(a, b, c float32) float32 {
	p, d := float64(a)*float64(b), float64(c)
	s := p + d
	// Only a sum that looks like a tie, or that binary32 rounds at another place
	// because it is subnormal there, needs its error.
	u := math.Float64bits(s)
	if u&(1<<29-1) != 1<<28 && u<<1 >= subnormal32<<1 {
		return float32(s)
	}
	return float32(roundToOdd(s, p, d))
}

// subnormal32 is 2^-126 as binary64 bits.
const subnormal32 = (1023 - 126) << 52

// roundToOdd corrects s, the nearest to p + d, by the exact error of that sum
// (Knuth's TwoSum): an inexact even s moves one unit towards the error.
func roundToOdd(s, p, d float64) float64 {
	t := s - p
	e := (p - (s - t)) + (d - t)
	u := math.Float64bits(s)
	switch {
	case e == 0 || u&1 == 1:
	case (e > 0) == (s > 0):
		u++
	default:
		u--
	}
	return math.Float64frombits(u)
}
