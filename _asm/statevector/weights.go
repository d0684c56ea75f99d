package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// constants writes the read-only data.
func constants() {
	GLOBL("two64", RODATA|NOPTR)
	DATA(0, U64(math.Float64bits(2)))
}

// weights writes the whole-number weights of amplitudes: of each one, or summed
// over leaves of so many blocks. The weight of p = fma(im, im, re·re) is
// bits(p + 2) - bits(2), the nearest multiple of 2^-51 in units of 2^-51.
func (v *isa) weights() {
	v.text("weights", "func(w *uint64, x *float32, leaves, blocks uint64)")
	v.comment("sums of weights per leaf of so many blocks")
	w, x := ptr("w"), ptr("x")
	leaves, blocks := ptr("leaves"), ptr("blocks")
	two := v.two()
	Label("leaf")
	acc := []reg.VecVirtual{v.vec(), v.vec()}
	for _, a := range acc {
		v.xor(a, a, a)
	}
	left := GP64()
	MOVQ(blocks, left)
	Label("block")
	for p := range v.parts() {
		for i, d := range v.squares(x, p, two) {
			VPADDQ(d, acc[i], acc[i])
		}
	}
	ADDQ(Imm(blockBytes), x)
	DECQ(left)
	JNZ(label("block"))
	VPADDQ(acc[1], acc[0], acc[0])
	v.total(acc[0], w)
	ADDQ(Imm(8), w)
	DECQ(leaves)
	JNZ(label("leaf"))
	VZEROUPPER()
	RET()

	v.text("squares", "func(w *uint64, x *float32, n uint64)")
	v.comment("weights of the amplitudes of n blocks")
	w, x = ptr("w"), ptr("x")
	n := ptr("n")
	two = v.two()
	Label("loop")
	for p := range v.parts() {
		for i, d := range v.squares(x, p, two) {
			VMOVUPS(d, at(w, (2*p+i)*v.bytes))
		}
	}
	ADDQ(Imm(blockBytes), x)
	ADDQ(Imm(blockBytes), w)
	DECQ(n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}

func (v *isa) two() reg.VecVirtual {
	two := v.vec()
	VBROADCASTSD(NewDataAddr(Symbol{Name: "two64", Static: true}, 0), two)
	return two
}

// squares returns the weights of part p of block x as two vectors.
func (v *isa) squares(x reg.Register, p int, two reg.VecVirtual) []reg.VecVirtual {
	re, im, q := v.load(at(x, p*v.bytes)), v.load(at(x, p*v.bytes+partBytes)), v.vec()
	VMULPS(re, re, q)
	VFMADD231PS(im, im, q)
	lo, hi := v.widen(q)
	for _, d := range []reg.VecVirtual{lo, hi} {
		VADDPD(two, d, d)
		VPSUBQ(two, d, d)
	}
	return []reg.VecVirtual{lo, hi}
}

// widen converts a vector of binary32 to two of binary64.
func (v *isa) widen(q reg.VecVirtual) (lo, hi reg.VecVirtual) {
	lo, hi = v.vec(), v.vec()
	if v == avx512 {
		h := YMM()
		VEXTRACTF64X4(Imm(1), q, h)
		VCVTPS2PD(q.AsY(), lo)
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
		VEXTRACTI64X4(Imm(1), a, y)
		VPADDQ(y, a.AsY(), y)
	}
	x := XMM()
	VEXTRACTI128(Imm(1), y.AsY(), x)
	VPADDQ(x, y.AsX(), x)
	h := XMM()
	VPSHUFD(Imm(0b01_00_11_10), x, h)
	VPADDQ(h, x, x)
	VMOVQ(x, at(w, 0))
}
