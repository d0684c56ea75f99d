package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// multiplyAVX512 computes planes of out: a constant byte plus, for each of so many
// blocks, an 8×8 matrix times a plane of in. The program has per plane the words
// count, constant (in all bytes), and per block offset, matrix.
func multiplyAVX512() {
	text("multiplyAVX512", "func(out, in *byte, program *uint64, planes uint64)", "planes of outcomes from planes of random bits")
	out, in, p, planes := ptr("out"), ptr("in"), ptr("program"), ptr("planes")
	Label("plane")
	count, off := GP64(), GP64()
	MOVQ(at(p, 0), count)
	acc := make([]reg.VecVirtual, tile/64)
	for i := range acc {
		acc[i] = ZMM()
		VPBROADCASTQ(at(p, 8), acc[i])
	}
	ADDQ(imm(16), p)
	TESTQ(count, count)
	JZ(label("store"))
	Label("block")
	MOVQ(at(p, 0), off)
	m := ZMM()
	VPBROADCASTQ(at(p, 8), m)
	for i := range acc {
		x := avx512.load(Mem{Base: in, Index: off, Scale: 1, Disp: 64 * i})
		affine(m, x, x)
		VPXORQ(x, acc[i], acc[i])
	}
	ADDQ(imm(16), p)
	DECQ(count)
	JNZ(label("block"))
	Label("store")
	for i := range acc {
		VMOVUPS(acc[i], at(out, 64*i))
	}
	ADDQ(imm(tile), out)
	DECQ(planes)
	JNZ(label("plane"))
	VZEROUPPER()
	RET()
}

// multiplyAVX2 is the same with two tables of sixteen bytes in place of a matrix:
// the products of the low and of the high four bits.
func multiplyAVX2() {
	text("multiplyAVX2", "func(out, in *byte, program *uint64, planes uint64)", "planes of outcomes from planes of random bits")
	out, in, p, planes := ptr("out"), ptr("in"), ptr("program"), ptr("planes")
	nibble := YMM()
	fifteen := GP64()
	MOVQ(U64(0x0f0f0f0f0f0f0f0f), fifteen)
	VMOVQ(fifteen, nibble.AsX())
	VPBROADCASTQ(nibble.AsX(), nibble)
	Label("plane")
	count, off := GP64(), GP64()
	MOVQ(at(p, 0), count)
	acc := make([]reg.VecVirtual, tile/32)
	for i := range acc {
		acc[i] = YMM()
		VPBROADCASTQ(at(p, 8), acc[i])
	}
	ADDQ(imm(16), p)
	TESTQ(count, count)
	JZ(label("store"))
	Label("block")
	MOVQ(at(p, 0), off)
	low, high := YMM(), YMM()
	VBROADCASTI128(at(p, 8), low)
	VBROADCASTI128(at(p, 24), high)
	for i := range acc {
		x, a := avx2.load(Mem{Base: in, Index: off, Scale: 1, Disp: 32 * i}), YMM()
		VPAND(nibble, x, a)
		VPSHUFB(a, low, a)
		VPXOR(a, acc[i], acc[i])
		VPSRLW(Imm(4), x, x)
		VPAND(nibble, x, x)
		VPSHUFB(x, high, x)
		VPXOR(x, acc[i], acc[i])
	}
	ADDQ(imm(40), p)
	DECQ(count)
	JNZ(label("block"))
	Label("store")
	for i := range acc {
		VMOVUPS(acc[i], at(out, 32*i))
	}
	ADDQ(imm(tile), out)
	DECQ(planes)
	JNZ(label("plane"))
	VZEROUPPER()
	RET()
}
