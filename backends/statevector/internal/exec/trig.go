package exec

import (
	"math"
	"math/bits"

	"github.com/animicaorg/engine/circuit"
)

// Sine, cosine and tangent with the same bits as package circuit's, several times
// faster: 64-bit fixed point with a known error bound, and circuit's routine
// where that error could decide a rounding (Ziv's strategy).

// Octant arguments are r·π/2^63, r in 0..2^61. The table has a step of 2^54.
const (
	stepBits = 54
	steps    = 1 << (61 - stepBits)
)

// octants[k] is sine and cosine of k·2^54·π/2^63 in units of 2^-63.
var octants = func() (t [steps + 1][2]uint64) {
	for k := range t {
		s, c := circuit.Angle(k << (stepBits - 1)).SinCosQ62()
		t[k] = [2]uint64{uint64(s) << 1, uint64(c) << 1}
	}
	return t
}()

// quarterPi is π/4 in units of 2^-64.
const quarterPi = 0xC90FDAA22168C235

func mulHigh(a, b uint64) uint64 {
	hi, _ := bits.Mul64(a, b)
	return hi
}

// octant returns sine and cosine of r·π/2^63 in units of 2^-63; both are less
// than maxError units off.
func octant(r uint64) (s, c uint64) {
	t := &octants[r>>stepBits]
	h := mulHigh(r<<(64-stepBits), quarterPi) // δ = h·2^-71, below 2^-7
	z := mulHigh(h, h) >> 14                  // δ² in units of 2^-64
	// 1 - sin(δ)/δ = z/6 - z²/120 and 1 - cos(δ) = z/2 - z²/24 + z³/720.
	z2 := mulHigh(z, z)
	ds := z/6 - z2/120
	dc := z/2 - z2/24 + mulHigh(z2, z)/720
	sin := h - mulHigh(h, ds) // units of 2^-71
	a, b := t[0], t[1]
	s = a - mulHigh(a, dc) + mulHigh(b, sin)>>7
	c = b - mulHigh(b, dc) - mulHigh(a, sin)>>7
	return s, c
}

// maxError bounds the error of octant in its units: one from the table, one and
// a half from the truncations in dc or ds, one from each of two products, less
// than one from the series' next terms. The sum is below 6.
const maxError = 6

// rounded converts from units of 2^-63 to the nearest float64, and reports
// whether an error of maxError could change that.
func rounded(v uint64) (x float64, safe bool) {
	const keep = 53
	drop := bits.Len64(v) - keep
	if drop < 6 { // too small for its error
		return 0, false
	}
	rest, half := v&(1<<drop-1), uint64(1)<<(drop-1)
	// rest near 0 or near a full unit does not change the nearest.
	if d := int64(rest - half); -maxError <= d && d <= maxError {
		return 0, false
	}
	unit := math.Float64frombits(uint64(1023-63+drop) << 52)
	return float64(v>>drop+rest>>(drop-1)) * unit, true
}

// sinCos is a.SinCos().
func sinCos(a circuit.Angle) (sin, cos float64) {
	a &= circuit.TwoPi - 1
	quadrant, rem := a/circuit.HalfPi, uint64(a%circuit.HalfPi)
	swap := rem > uint64(circuit.HalfPi)/2
	if swap {
		rem = uint64(circuit.HalfPi) - rem
	}
	s, c := octant(2 * rem)
	x, okx := rounded(s)
	y, oky := rounded(c)
	if !okx || !oky {
		return a.SinCos()
	}
	if swap {
		x, y = y, x
	}
	switch quadrant {
	case 1:
		x, y = y, -x
	case 2:
		x, y = -x, -y
	case 3:
		x, y = -y, x
	}
	return x, y
}

// tanCosHalf is tan and cos of a.TanCosHalf(), the tangent rounded again to
// float32.
func tanCosHalf(a circuit.Angle) (tan float32, cos float64) {
	s, c := sinCos(circuit.Angle(int64(a) / 2))
	t := s / c
	// t is within 4 units of the last place of the float64 nearest to the tangent.
	const low = 1<<29 - 1
	if d := int64(math.Float64bits(t)&low) - 1<<28; -8 <= d && d <= 8 || t == 0 || a&1 != 0 {
		t, c = a.TanCosHalf()
	}
	return float32(t), c
}

// tanCosHalf64 is a.TanCosHalf().
func tanCosHalf64(a circuit.Angle) (tan, cos float64) {
	r := uint64(a)
	if int64(a) < 0 {
		r = -r
	}
	if r >= uint64(circuit.HalfPi) {
		return a.TanCosHalf()
	}
	s, c := octant(r)
	cos, ok := rounded(c)
	if !ok || s >= c {
		return a.TanCosHalf()
	}
	// The quotient in units of 2^-64 is less than quotientError units off: one from
	// the division, at most maxError·2^64/c, 2^64/c < 2√2·(1 + 2^-50), from each of s and c.
	const quotientError = 1 + 2*3*maxError
	q, _ := bits.Div64(s, 0, c)
	drop := bits.Len64(q) - 53
	if drop < 7 {
		return a.TanCosHalf()
	}
	rest, half := q&(1<<drop-1), uint64(1)<<(drop-1)
	if d := int64(rest - half); -quotientError <= d && d <= quotientError {
		return a.TanCosHalf()
	}
	tan = float64(q>>drop+rest>>(drop-1)) * math.Float64frombits(uint64(1023-64+drop)<<52)
	if int64(a) < 0 {
		tan = -tan
	}
	return tan, cos
}
