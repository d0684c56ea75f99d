package main

import (
	"math"
	"math/big"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// turnSteps is the number of table points in a turn.
const turnSteps = 256

// anglePrecision is the number of bits that table entries are computed with.
const anglePrecision = 256

var (
	turns     Mem // per step sin and cos as sums of two binary64: sin, rest, cos, rest
	angleData Mem // see angleConstants
)

// pi is π by Machin's formula, 16·atan(1/5) - 4·atan(1/239).
func pi() *big.Float {
	atan := func(n int64) *big.Float {
		sum, term := number(0), new(big.Float).Quo(number(1), number(n))
		for k := int64(1); term.MantExp(nil) > -anglePrecision; k += 2 {
			sum.Add(sum, new(big.Float).Quo(term, number(k)))
			term.Quo(term, number(-n*n))
		}
		return sum
	}
	a, b := atan(5), atan(239)
	return a.Sub(a.Mul(a, number(16)), b.Mul(b, number(4)))
}

func number(n int64) *big.Float { return new(big.Float).SetPrec(anglePrecision).SetInt64(n) }

// sine sums the series of sin (first 1) or cos (first 0) of x.
func sine(x *big.Float, first int64) *big.Float {
	term, sum := number(1), number(0)
	if first == 1 {
		term.Set(x)
	}
	for k := first; k < 120; k += 2 {
		sum.Add(sum, term)
		term.Mul(term, x)
		term.Mul(term, x)
		term.Quo(term, number(-(k+1)*(k+2)))
	}
	return sum
}

// twoParts writes x as the sum of two binary64. What is exactly 0 in theory is
// far below the precision.
func twoParts(x *big.Float) (hi, lo float64) {
	hi, _ = x.Float64()
	if math.Abs(hi) < 0x1p-200 {
		return 0, 0
	}
	lo, _ = new(big.Float).Sub(x, number(0).SetFloat64(hi)).Float64()
	if math.Abs(lo) < 0x1p-200 {
		lo = 0
	}
	return hi, lo
}

// angleConstants are, in order: half a step; 2π/2^64 in two parts; the series of
// sin(δ)/δ - 1 and cos(δ) - 1 in δ² without their first factor, highest first;
// the bound of the error; for tangents the bits below binary32, their half and
// a margin; the least bound of the error; all bits but the sign.
var angleConstants = []uint64{
	1 << 55, 0, 0,
	float(-1.0 / 5040), float(1.0 / 120), float(-1.0 / 6),
	float(1.0 / 40320), float(-1.0 / 720), float(1.0 / 24), float(-1.0 / 2),
	float(0x1.4p-64),
	1<<29 - 1, 1 << 28, 8,
	float(0x1p-71), 1<<63 - 1,
}

func float(x float64) uint64 { return math.Float64bits(x) }

func angles() {
	two := pi()
	two.Mul(two, number(2))
	unit := new(big.Float).SetMantExp(two, -64)
	hi, lo := twoParts(unit)
	angleConstants[1], angleConstants[2] = float(hi), float(lo)
	angleData = GLOBL("angleData", RODATA|NOPTR)
	for i, x := range angleConstants {
		DATA(8*i, U64(x))
	}
	turns = GLOBL("turns", RODATA|NOPTR)
	for k := range turnSteps {
		x := new(big.Float).Mul(two, number(int64(k)))
		x.Quo(x, number(turnSteps))
		for i, y := range []*big.Float{sine(x, 1), sine(x, 0)} {
			hi, lo := twoParts(y)
			DATA((4*k+2*i)*8, U64(float(hi)))
			DATA((4*k+2*i+1)*8, U64(float(lo)))
		}
	}
}

func angleConstant(i int) reg.VecVirtual {
	r := ZMM()
	VBROADCASTSD(angleData.Offset(8*i), r)
	return r
}

// sinCos writes sine and cosine of n groups of eight angles (4π = 2^64), and a
// bit per angle that is 1 unless both are known to be the nearest binary64.
//
// a = k·2π/256 + δ; sin a = S + (C·sin δ + S·(cos δ - 1)) with S and C in two
// parts each, and products and the first sum likewise. |δ| is below 2^-6.3, and |S|
// is 0 or above 2^-5.4. What is left out and rounded is below |S|·2^-64.2 from the
// second factor, 2^-14 of S, and 2^-72 from the first; a result is sure where
// adding |S|·1.25·2^-64 + 2^-71 to the lower part does not change the sum, nor
// subtracting it (Ziv). For the cosine S and C change places.
func sinCos() {
	v := avx512
	v.text("sinCos", "func(sin, cos *float64, a *uint64, n uint64, unsure *uint8)")
	v.comment("sines and cosines of n groups of eight angles")
	sin, cos, a, n, unsure := ptr("sin"), ptr("cos"), ptr("a"), ptr("n"), ptr("unsure")
	table := GP64()
	LEAQ(turns, table)
	c := make([]reg.VecVirtual, 11)
	for i := range c {
		c[i] = angleConstant(i)
	}
	least, abs := angleConstant(14), angleConstant(15)
	three := v.vec()
	low := GP64()
	MOVQ(U32(3), low)
	VPBROADCASTQ(low, three)
	Label("loop")
	u, step, d := v.load(at(a, 0)), v.vec(), v.vec()
	bad := K()
	VPTESTMQ(three, u, bad) // too many bits for a binary64
	VPSLLQ(Imm(1), u, u)
	VPADDQ(c[0], u, step)
	VPSRLQ(Imm(56), step, step)
	VPSLLQ(Imm(56), step, d)
	VPSUBQ(d, u, d)
	VCVTQQ2PD(d, d)
	VPSLLQ(Imm(2), step, step)
	var t [4]reg.VecVirtual // S, S', C, C'
	for i := range t {
		k := K()
		KXNORW(k, k, k)
		t[i] = v.vec()
		v.xor(t[i], t[i], t[i])
		VGATHERQPD(Mem{Base: table, Index: step, Scale: 8, Disp: 8 * i}, k, t[i])
	}
	dh, dl, z := v.vec(), v.vec(), v.vec()
	VMULPD(c[1], d, dh)
	VMOVAPD(dh, dl)
	VFMSUB231PD(c[1], d, dl)
	VFMADD231PD(c[2], d, dl)
	VMULPD(dh, dh, z)
	ps := v.horner(z, c[3:6])
	VMULPD(z, ps, ps)
	VFMADD213PD(dl, dh, ps) // sin δ - dh
	pc := v.horner(z, c[6:10])
	VMULPD(z, pc, pc)
	VFNMADD231PD(dh, dl, pc) // cos δ - 1
	v.compose(sin, bad, t[0], t[1], t[2], t[3], dh, ps, pc, []reg.VecVirtual{c[10], least, abs}, false)
	v.compose(cos, bad, t[2], t[3], t[0], t[1], dh, ps, pc, []reg.VecVirtual{c[10], least, abs}, true)
	for _, p := range []reg.Register{sin, cos, a} {
		ADDQ(Imm(64), p)
	}
	store := GP32()
	KMOVW(bad, store)
	MOVB(store.As8(), at(unsure, 0))
	INCQ(unsure)
	DECQ(n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}

// horner evaluates a polynomial, highest coefficient first.
func (v *isa) horner(z reg.VecVirtual, c []reg.VecVirtual) reg.VecVirtual {
	p := v.vec()
	VMOVAPD(c[0], p)
	for _, x := range c[1:] {
		VFMADD213PD(x, z, p)
	}
	return p
}

// compose stores a + b·sin δ + a·(cos δ - 1), or a - b·sin δ + …, where sin δ =
// dh + ps and cos δ - 1 = pc, and adds to bad.
func (v *isa) compose(out reg.Register, bad reg.OpmaskVirtual, a, al, b, bl, dh, ps, pc reg.VecVirtual, bounds []reg.VecVirtual, minus bool) {
	p, r, e, low := v.vec(), v.vec(), v.vec(), v.vec()
	VMULPD(dh, b, p)
	VMOVAPD(p, low)
	VFMSUB231PD(dh, b, low) // what p lacks
	VFMADD231PD(b, ps, low)
	VFMADD231PD(bl, dh, low)
	if minus {
		VSUBPD(p, a, r)
		VSUBPD(r, a, e)
		VSUBPD(p, e, e)
		VFMSUB231PD(a, pc, low)
	} else {
		VADDPD(p, a, r)
		VSUBPD(r, a, e)
		VADDPD(p, e, e)
		VFMADD231PD(a, pc, low)
	}
	VADDPD(al, low, low)
	VADDPD(e, low, low)
	bound, x, y := v.vec(), v.vec(), v.vec()
	VANDPD(bounds[2], a, bound)
	VFMADD213PD(bounds[1], bounds[0], bound)
	VSUBPD(bound, low, x)
	VADDPD(bound, low, y)
	VADDPD(r, x, x)
	VADDPD(r, y, y)
	k := K()
	VCMPPD(Imm(4), x, y, k) // not equal
	KORW(k, bad, bad)
	VMOVUPD(x, at(out, 0))
}

// tangents writes sin/cos rounded to binary32 for n groups of eight, and a bit
// per angle that is 1 where an error of eight units of the last place of the
// binary64 quotient could change it, or where it is 0.
func tangents() {
	v := avx512
	v.text("tangents", "func(tan *float32, sin, cos *float64, n uint64, unsure *uint8)")
	v.comment("tangents of n groups of eight angles")
	tan, sin, cos, n, unsure := ptr("tan"), ptr("sin"), ptr("cos"), ptr("n"), ptr("unsure")
	below, half, margin, zero := angleConstant(11), angleConstant(12), angleConstant(13), v.vec()
	v.xor(zero, zero, zero)
	Label("loop")
	t, d := v.load(at(sin, 0)), v.vec()
	VDIVPD(at(cos, 0), t, t)
	VPANDQ(below, t, d)
	VPSUBQ(half, d, d)
	VPABSQ(d, d)
	near, none := K(), K()
	VPCMPUQ(Imm(2), margin, d, near) // at most
	VCMPPD(Imm(0), zero, t, none)
	KORW(near, none, near)
	y := YMM()
	VCVTPD2PS(t, y)
	VMOVUPS(y, at(tan, 0))
	store := GP32()
	KMOVW(near, store)
	MOVB(store.As8(), at(unsure, 0))
	INCQ(unsure)
	ADDQ(Imm(32), tan)
	ADDQ(Imm(64), sin)
	ADDQ(Imm(64), cos)
	DECQ(n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}
