package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// aesRound is VAESENC or VAESENCLAST on four blocks.
func aesRound(op string, k, x reg.VecVirtual) {
	Instruction(&ir.Instruction{
		Opcode: op, Operands: []Op{k, x, x},
		Inputs: []Op{k, x}, Outputs: []Op{x}, ISA: []string{"AVX512F", "VAES"},
	})
}

// keyStream writes n runs of 16 blocks of the AES-128-CTR keystream: counter
// blocks are big-endian and start at first; their high half is 0.
func keyStream() {
	const wide = 4 // registers of four blocks
	GLOBL("ones", RODATA|NOPTR)
	for i := range 4 {
		DATA(16*i, U64(0))
		DATA(16*i+8, U64(i))
	}
	GLOBL("bigEndian", RODATA|NOPTR)
	for i := range 64 {
		b := i%16 ^ 7
		if i%16 < 8 {
			b = 0x80 // the high half is zero
		}
		DATA(i, U8(b))
	}
	text("keyStreamAVX512", "func(dst, keys *byte, first, n uint64)", "AES-128 in counter mode")
	dst, keys, first, n := ptr("dst"), ptr("keys"), ptr("first"), ptr("n")
	var k [11]reg.VecVirtual
	for i := range k {
		k[i] = ZMM()
		VBROADCASTI32X4(at(keys, 16*i), k[i])
	}
	swap := avx512.load(NewDataAddr(Symbol{Name: "bigEndian", Static: true}, 0))
	counter, four := ZMM(), ZMM()
	VPBROADCASTQ(first, counter)
	VPADDQ(NewDataAddr(Symbol{Name: "ones", Static: true}, 0), counter, counter)
	step := GP64()
	MOVQ(imm(4), step)
	VPBROADCASTQ(step, four)
	Label("loop")
	x := make([]reg.VecVirtual, wide)
	for i := range x {
		x[i] = ZMM()
		VPSHUFB(swap, counter, x[i])
		VPADDQ(four, counter, counter)
	}
	for i := range x {
		VPXORQ(k[0], x[i], x[i])
	}
	for round := 1; round < 11; round++ {
		for i := range x {
			if round == 10 {
				aesRound("VAESENCLAST", k[round], x[i])
			} else {
				aesRound("VAESENC", k[round], x[i])
			}
		}
	}
	for i := range x {
		VMOVUPS(x[i], at(dst, 64*i))
	}
	ADDQ(imm(64*wide), dst)
	DECQ(n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}
