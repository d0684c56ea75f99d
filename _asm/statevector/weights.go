package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// constants writes the read-only data.
func constants() {
	GLOBL("one64", RODATA|NOPTR)
	DATA(0, F64(1))
}

// weights writes w[g] = the sum over the blocks of leaf g of
// round(fma(im, im, re·re)), rounded to multiples of 2^-52 by (p + 1) - 1 in
// binary64. Such sums are exact below 2, so their order does not matter.
func (v *isa) weights() {
	v.text("weights", "func(w *float64, x *float32, leaves, blocks uint64)")
	v.comment("sums of rounded squares, per leaf of so many blocks")
	w, x := ptr("w"), ptr("x")
	leaves, blocks := ptr("leaves"), ptr("blocks")
	one := v.vec()
	VBROADCASTSD(NewDataAddr(Symbol{Name: "one64", Static: true}, 0), one)
	Label("leaf")
	acc := []reg.VecVirtual{v.vec(), v.vec()}
	for _, a := range acc {
		v.xor(a, a, a)
	}
	left := GP64()
	MOVQ(blocks, left)
	Label("block")
	for p := range v.parts() {
		re, im, q := v.load(at(x, p*v.bytes)), v.load(at(x, p*v.bytes+partBytes)), v.vec()
		VMULPS(re, re, q)
		VFMADD231PS(im, im, q)
		lo, hi := v.widen(q)
		for i, d := range []reg.VecVirtual{lo, hi} {
			VADDPD(one, d, d)
			VSUBPD(one, d, d)
			VADDPD(d, acc[i], acc[i])
		}
	}
	ADDQ(Imm(blockBytes), x)
	DECQ(left)
	JNZ(label("block"))
	VADDPD(acc[1], acc[0], acc[0])
	v.total(acc[0], w)
	ADDQ(Imm(8), w)
	DECQ(leaves)
	JNZ(label("leaf"))
	VZEROUPPER()
	RET()
}

// widen converts a vector of binary32 to two of binary64.
func (v *isa) widen(q reg.VecVirtual) (lo, hi reg.VecVirtual) {
	lo, hi = v.vec(), v.vec()
	if v == avx512 {
		h := YMM()
		VEXTRACTF64X4(Imm(1), q, h)
		VCVTPS2PD(q.(reg.VecVirtual).AsY(), lo)
		VCVTPS2PD(h, hi)
		return lo, hi
	}
	h := XMM()
	VEXTRACTF128(Imm(1), q, h)
	VCVTPS2PD(q.AsX(), lo)
	VCVTPS2PD(h, hi)
	return lo, hi
}

// total stores the sum of the elements of a.
func (v *isa) total(a reg.VecVirtual, w reg.Register) {
	y := a
	if v == avx512 {
		y = YMM()
		VEXTRACTF64X4(Imm(1), a, y)
		VADDPD(y, a.AsY(), y)
	}
	x := XMM()
	VEXTRACTF128(Imm(1), y.AsY(), x)
	VADDPD(x, y.AsX(), x)
	h := XMM()
	VPERMILPD(Imm(1), x, h)
	VADDSD(h, x, x)
	VMOVSD(x, at(w, 0))
}
