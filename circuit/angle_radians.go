package circuit

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// ErrAngle is wrapped when a number cannot be an angle: NaN or an infinity.
var ErrAngle = errors.New("not a finite angle")

// angleShift is the number of low bits that a stored angle leaves zero.
const angleShift = 12

// 1/(4π)·2^131, truncated to 128 bits.
const invFourPiHi, invFourPiLo = 0xa2f9836e4e441529, 0xfc2757d1f534ddc0

// AngleFromRadians reduces x modulo 4π with a 256-bit π and rounds half to even
// to a multiple of 4π/2^52 (decision B1). The nearest binary64 to a multiple of
// the unit in [-4π, 4π] gives that multiple: math.Pi/2 is 1<<61. Beyond 16 a
// binary64 is coarser than the unit.
func AngleFromRadians(x float64) (Angle, error) {
	b := math.Float64bits(x)
	exp := int(b >> 52 & 0x7ff)
	if exp == 0x7ff {
		return 0, fmt.Errorf("%v: %w", x, ErrAngle)
	}
	if exp == 0 {
		return 0, nil // below 2^-1022
	}
	n, ok := angleUnits(b&(1<<52-1)|1<<52, exp-1075)
	if !ok {
		n = angleUnitsExact(b&(1<<52-1)|1<<52, exp-1075)
	}
	if b>>63 != 0 {
		n = -n
	}
	return Angle(n << angleShift), nil
}

// angleUnits returns m·2^e·2^52/(4π) rounded, modulo 2^64, with one 53 by 128
// bit product. The truncated constant leaves the product short by less than
// 2^53; ok is false where that could change the rounding or where the product
// has too few fraction bits.
func angleUnits(m uint64, e int) (n uint64, ok bool) {
	s := 79 - e // fraction bits of the product: 131 - 52 - e
	if s >= 182 {
		return 0, true // the product is below 2^181, the value below 1/2
	}
	if s < 64 {
		return 0, false
	}
	h0, p0 := bits.Mul64(m, invFourPiLo)
	h1, l1 := bits.Mul64(m, invFourPiHi)
	p1, c := bits.Add64(h0, l1, 0)
	p := [3]uint64{p0, p1, h1 + c}
	q := p
	q[0], c = bits.Add64(q[0], 1<<54, 0)
	q[1], c = bits.Add64(q[1], 0, c)
	q[2] += c
	half := func(v *[3]uint64) uint64 { return v[(s-1)>>6] >> ((s - 1) & 63) & 1 }
	up := half(&p)
	if up == 0 && half(&q) == 1 {
		return 0, false
	}
	w, r := s>>6, uint(s&63)
	n = p[w] >> r
	if w < 2 {
		n |= p[w+1] << 1 << (63 - r)
	}
	return n + up, true
}

// piBits is floor(π·2^254).
var piBits, _ = new(big.Int).SetString("c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22", 16)

// angleUnitsExact is the definition: m·2^(e+52)·2^252/piBits rounded half to
// even, modulo 2^52.
func angleUnitsExact(m uint64, e int) uint64 {
	num, den := new(big.Int).SetUint64(m), new(big.Int).Set(piBits)
	if sh := e + 52 + 252; sh >= 0 {
		num.Lsh(num, uint(sh))
	} else {
		den.Lsh(den, uint(-sh))
	}
	q, r := num.QuoRem(num, den, new(big.Int))
	if c := r.Lsh(r, 1).Cmp(den); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return q.And(q, new(big.Int).SetUint64(1<<52-1)).Uint64()
}

// Radians returns the binary64 nearest to the angle in [-2π, 2π) that
// AngleFromRadians maps back to a (to a with its low 12 bits cleared).
func (a Angle) Radians() float64 {
	const unit, unitLow = 0x1.921fb54442d18p+3 / (1 << 52), 0x1.1a62633145c07p-51 / (1 << 52) // 4π/2^52 in two parts
	n := float64(int64(a) >> angleShift)
	hi, lo := float64(n*unit), float64(n*unitLow)
	return hi + lo
}

// Text returns the shortest decimal number of radians that AngleFromRadians
// maps back to a, as in "1.570796326794897".
func (a Angle) Text() string {
	a &= angleMask
	r := a.Radians()
	for digits := 1; digits < 17; digits++ {
		s := strconv.FormatFloat(r, 'g', digits, 64)
		v, _ := strconv.ParseFloat(s, 64)
		if b, _ := AngleFromRadians(v); b == a {
			return s
		}
	}
	return strconv.FormatFloat(r, 'g', 17, 64)
}

// PiText returns the angle as a fraction of pi, as in "-3*pi/4", where the
// denominator is at most 1024, else Text. Both spellings read back to a.
func (a Angle) PiText() string { return a.piText("pi", "*") }

func (a Angle) piText(pi, times string) string {
	a &= angleMask
	if a == 0 {
		return "0"
	}
	zeros := bits.TrailingZeros64(uint64(a))
	den := 62 - zeros // a = num·π/2^den
	if den > 10 {
		return a.Text()
	}
	num, s := int64(a)>>zeros, ""
	if den < 0 { // only -2π has no smaller form
		num, den = num<<-den, 0
	}
	if num < 0 {
		num, s = -num, "-"
	}
	if num != 1 {
		s += strconv.FormatInt(num, 10) + times
	}
	s += pi
	if den > 0 {
		s += "/" + strconv.Itoa(1<<den)
	}
	return s
}
