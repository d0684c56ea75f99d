package circuit

import (
	"math"
	"math/big"
)

// Constant functions are hashed through the angles that they make, and package
// math may round differently from one processor to the next. So they are
// computed with 200-bit floats and rounded to binary64 once; arguments above
// 2^64 in magnitude (sin, cos, tan) or results out of range give NaN or an
// infinity, which no angle accepts.

const bigPrec = 200

func bigFloat(x float64) *big.Float { return new(big.Float).SetPrec(bigPrec).SetFloat64(x) }

func bigNew() *big.Float { return new(big.Float).SetPrec(bigPrec) }

func bigInt(n int64) *big.Float { return bigNew().SetInt64(n) }

// bigPi is piBits/2^254.
func bigPi() *big.Float {
	f := bigNew().SetInt(piBits)
	return f.SetMantExp(f, -254)
}

func rounded(x *big.Float) float64 {
	f, _ := x.Float64()
	return f
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// series sums first + first·r(1) + first·r(1)·r(2) + … where r(k) = x·num/den,
// until terms vanish.
func series(first, x *big.Float, ratio func(k int64) (num, den int64)) *big.Float {
	sum, term := bigNew().Set(first), bigNew().Set(first)
	for k := int64(1); k < 4000 && term.Sign() != 0; k++ {
		num, den := ratio(k)
		term.Mul(term, x)
		term.Mul(term, bigInt(num))
		term.Quo(term, bigInt(den))
		if term.MantExp(nil) < sum.MantExp(nil)-bigPrec {
			break
		}
		sum.Add(sum, term)
	}
	return sum
}

// sinCos reduces by multiples of π/2 and sums both series.
func sinCos(x float64) (sin, cos *big.Float) {
	halfPi := bigPi()
	halfPi.Quo(halfPi, bigInt(2))
	r := bigFloat(x)
	q, _ := bigNew().Quo(r, halfPi).Int(nil)
	r.Sub(r, bigNew().Mul(bigNew().SetInt(q), halfPi))
	sq := bigNew().Mul(r, r)
	sin = series(r, sq, func(k int64) (int64, int64) { return -1, 2 * k * (2*k + 1) })
	cos = series(bigInt(1), sq, func(k int64) (int64, int64) { return -1, (2*k - 1) * 2 * k })
	for n := new(big.Int).And(q, big.NewInt(3)).Int64(); n > 0; n-- { // add a quarter turn
		sin, cos = cos, sin.Neg(sin)
	}
	return sin, cos
}

func trig(x float64, f func(sin, cos *big.Float) *big.Float) float64 {
	if !finite(x) || math.Abs(x) > 1<<64 {
		return math.NaN()
	}
	if x == 0 {
		sin, cos := bigNew(), bigInt(1)
		return rounded(f(sin, cos))
	}
	sin, cos := sinCos(x)
	return rounded(f(sin, cos))
}

func sinOf(x float64) float64 {
	return trig(x, func(s, _ *big.Float) *big.Float { return s })
}

func cosOf(x float64) float64 {
	return trig(x, func(_, c *big.Float) *big.Float { return c })
}

func tanOf(x float64) float64 {
	return trig(x, func(s, c *big.Float) *big.Float { return bigNew().Quo(s, c) }) // no binary64 has cos 0
}

// arctan halves the argument three times by t/(1+√(1+t²)), then sums.
func bigArctan(t *big.Float) *big.Float {
	one := bigInt(1)
	for range 3 {
		d := bigNew().Mul(t, t)
		d.Sqrt(d.Add(d, one))
		t = bigNew().Quo(t, d.Add(d, one))
	}
	sq := bigNew().Mul(t, t)
	sum := series(t, sq, func(k int64) (int64, int64) { return -(2*k - 1), 2*k + 1 })
	return sum.Mul(sum, bigInt(8))
}

func arctanOf(x float64) float64 {
	switch {
	case x == 0 || math.IsNaN(x):
		return x
	case math.IsInf(x, 0):
		return math.Copysign(math.Pi/2, x)
	case math.Abs(x) > 1: // π/2 - arctan(1/x)
		r := bigPi()
		r.Quo(r, bigInt(2))
		r.Sub(r, bigArctan(bigNew().Quo(bigInt(1), bigFloat(math.Abs(x)))))
		return math.Copysign(rounded(r), x)
	}
	return rounded(bigArctan(bigFloat(x)))
}

// bigArcsin is arctan(x/√(1-x²)) for 0 < |x| < 1.
func bigArcsin(x float64) *big.Float {
	t := bigFloat(x)
	d := bigNew().Mul(t, t)
	d.Sqrt(d.Sub(bigInt(1), d))
	q := bigNew().Quo(t, d)
	if bigNew().Abs(q).Cmp(bigInt(1)) <= 0 {
		return bigArctan(q)
	}
	r := bigPi()
	r.Quo(r, bigInt(2))
	r.Sub(r, bigArctan(bigNew().Quo(bigInt(1), bigNew().Abs(q))))
	if x < 0 {
		r.Neg(r)
	}
	return r
}

func arcsinOf(x float64) float64 {
	switch {
	case !(math.Abs(x) <= 1):
		return math.NaN()
	case x == 0:
		return x
	case math.Abs(x) == 1:
		return math.Copysign(math.Pi/2, x)
	}
	return rounded(bigArcsin(x))
}

func arccosOf(x float64) float64 {
	switch {
	case !(math.Abs(x) <= 1):
		return math.NaN()
	case x == 1:
		return 0
	case x == -1:
		return math.Pi
	case x == 0:
		return math.Pi / 2
	}
	r := bigPi()
	r.Quo(r, bigInt(2))
	return rounded(r.Sub(r, bigArcsin(x)))
}

// bigExp is 2^n·exp(r) with |r| at most ln(2).
func bigExp(x *big.Float) *big.Float {
	n, _ := bigNew().Quo(x, bigLn2()).Int64()
	r := bigNew().Sub(x, bigNew().Mul(bigInt(n), bigLn2()))
	sum := series(bigInt(1), r, func(k int64) (int64, int64) { return 1, k })
	return sum.SetMantExp(sum, int(n))
}

func expOf(x float64) float64 {
	switch {
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	case math.IsNaN(x):
		return x
	}
	return rounded(bigExp(bigFloat(x)))
}

// artanh sums t + t³/3 + t⁵/5 + ….
func bigArtanh(t *big.Float) *big.Float {
	return series(t, bigNew().Mul(t, t), func(k int64) (int64, int64) { return 2*k - 1, 2*k + 1 })
}

// bigLn2 is 2·artanh(1/3).
func bigLn2() *big.Float {
	s := bigArtanh(bigNew().Quo(bigInt(1), bigInt(3)))
	return s.Mul(s, bigInt(2))
}

// bigLog is e·ln 2 + 2·artanh((m-1)/(m+1)) for x = m·2^e, m in [1/2, 1).
func bigLog(x float64) *big.Float {
	m := bigNew()
	e := bigFloat(x).MantExp(m)
	t := bigNew().Quo(bigNew().Sub(m, bigInt(1)), bigNew().Add(m, bigInt(1)))
	s := bigArtanh(t)
	s.Mul(s, bigInt(2))
	return s.Add(s, bigNew().Mul(bigInt(int64(e)), bigLn2()))
}

func logOf(x float64) float64 {
	switch {
	case x < 0 || math.IsNaN(x):
		return math.NaN()
	case x == 0:
		return math.Inf(-1)
	case math.IsInf(x, 1):
		return x
	case x == 1:
		return 0
	}
	return rounded(bigLog(x))
}

// powFloat is x**y: repeated multiplication with 200 bits for integer y below
// 2^20, else exp(y·log x).
func powFloat(x, y float64) float64 {
	switch {
	case y == 0:
		return 1
	case !finite(x) || !finite(y):
		return math.NaN()
	case x == 0:
		if y < 0 {
			return math.Inf(1)
		}
		return 0
	case y == math.Trunc(y) && math.Abs(y) < 1<<20:
		r, b := bigInt(1), bigFloat(x)
		for n := int64(math.Abs(y)); n > 0; n >>= 1 {
			if n&1 == 1 {
				r.Mul(r, b)
			}
			b.Mul(b, b)
		}
		if y < 0 {
			if r.Sign() == 0 {
				return math.Inf(1)
			}
			r.Quo(bigInt(1), r)
		}
		return rounded(r)
	case x < 0:
		return math.NaN()
	}
	l := bigLog(x)
	l.Mul(l, bigFloat(y))
	if f := rounded(l); f > 710 || f < -746 {
		return expOf(f)
	}
	return rounded(bigExp(l))
}
