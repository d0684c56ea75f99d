package main

import (
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// parities holds, per set of two bits and parity of the others, the sign bits of
// four complex numbers; alternate those of (-1, 1, …).
var parities, alternate Mem

func spreadSigns() {
	parities = GLOBL("parities", RODATA|NOPTR)
	for m := range 4 {
		for p := range 2 {
			for i := range 8 {
				odd := (bits.OnesCount(uint(i/2&m)) + p) & 1
				DATA(((2*m+p)*8+i)*8, U64(uint64(odd)<<63))
			}
		}
	}
	alternate = GLOBL("alternate", RODATA|NOPTR)
	for i := range 8 {
		DATA(8*i, U64(uint64(^i&1)<<63))
	}
}

// spread writes the second half of a product of phases: entry i + n of s is
// entry i times (cos, sin), or a copy of it, with its sign flipped where i & mask
// is odd; n, at least 4, doubles from stage to stage. Then it rounds all to
// binary32. A stage is cos, sin, mask and a number that is odd for a copy.
func spread() {
	v := avx512
	v.text("spread", "func(out *float32, s *float64, n uint64, stage *byte, stages uint64)")
	v.comment("products of phases in binary64, then rounded to binary32")
	s, n, stage, stages := ptr("s"), ptr("n"), ptr("stage"), ptr("stages")
	alt := v.load(alternate)
	Label("stage")
	TESTQ(stages, stages)
	JZ(label("round"))
	c, d := v.vec(), v.vec()
	VBROADCASTSD(at(stage, 0), c)
	VBROADCASTSD(at(stage, 8), d)
	VPXORQ(alt, d, d)
	mask, low := GP64(), GP64()
	MOVQ(at(stage, 16), mask)
	MOVQ(mask, low)
	ANDQ(Imm(3), low)
	SHLQ(Imm(7), low)
	table := GP64()
	LEAQ(parities, table)
	ADDQ(table, low)
	SHRQ(Imm(2), mask)
	copied := GP32()
	MOVL(at(stage, 24), copied)
	NEGL(copied)
	k := K()
	KMOVW(copied, k)
	from, to, i, groups := GP64(), GP64(), GP64(), GP64()
	MOVQ(s, from)
	MOVQ(n, groups)
	MOVQ(n, to)
	SHLQ(Imm(4), to)
	ADDQ(s, to)
	SHRQ(Imm(2), groups)
	XORQ(i, i)
	Label("four")
	x, y, z := v.load(at(from, 0)), v.vec(), v.vec()
	VPERMILPD(Imm(0b01010101), x, y)
	VMULPD(c, x, z)
	VMULPD(d, y, y)
	VADDPD(y, z, z)
	VMOVAPD(x, k, z)
	p := GP64()
	MOVQ(i, p)
	ANDQ(mask, p)
	POPCNTQ(p, p)
	ANDQ(Imm(1), p)
	SHLQ(Imm(6), p)
	VPXORQ(Mem{Base: low, Index: p, Scale: 1}, z, z)
	VMOVUPD(z, at(to, 0))
	ADDQ(Imm(64), from)
	ADDQ(Imm(64), to)
	INCQ(i)
	CMPQ(i, groups)
	JB(label("four"))
	SHLQ(Imm(1), n)
	ADDQ(Imm(32), stage)
	DECQ(stages)
	JMP(label("stage"))
	Label("round")
	out := ptr("out")
	Label("pack")
	q := YMM()
	VCVTPD2PS(at(s, 0), q)
	VMOVUPS(q, at(out, 0))
	ADDQ(Imm(64), s)
	ADDQ(Imm(32), out)
	SUBQ(Imm(4), n)
	JNZ(label("pack"))
	VZEROUPPER()
	RET()
}

// running writes the running sums of weights, from sum on.
func running() {
	v := avx512
	v.text("running", "func(w *uint64, x *float32, n, sum uint64)")
	v.comment("running sums of the weights of the amplitudes of n blocks")
	w, x, n, sum := ptr("w"), ptr("x"), ptr("n"), ptr("sum")
	two, zero, last, carry := v.two(), v.vec(), v.vec(), v.vec()
	v.xor(zero, zero, zero)
	seven := GP64()
	MOVQ(U32(7), seven)
	VPBROADCASTQ(seven, last)
	VPBROADCASTQ(sum, carry)
	Label("loop")
	for i, d := range v.squares(x, 0, two) {
		for _, lanes := range []uint64{1, 2, 4} {
			t := v.vec()
			VALIGNQ(Imm(8-lanes), zero, d, t)
			VPADDQ(t, d, d)
		}
		VPADDQ(carry, d, d)
		VPERMQ(d, last, carry)
		VMOVUPS(d, at(w, i*v.bytes))
	}
	ADDQ(Imm(blockBytes), x)
	ADDQ(Imm(blockBytes), w)
	DECQ(n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}
