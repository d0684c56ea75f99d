package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// draws writes the search of running sums by a guide, for words and for numbers
// below the last sum.
func draws() {
	draw("draw", true)
	draw("locate", false)
}

// draw writes, for n words, the first place of cum that exceeds the upper half of
// word·total (or the number itself), XOR flip. Two steps from the guide's place do
// not branch.
func draw(name string, scaled bool) {
	TEXT(name+"AMD64", NOSPLIT, "func(out, words *uint64, n, total uint64, cum *uint64, guide *uint32, shift, flip uint64)")
	Pragma("noescape")
	Comment("places of words in running sums")
	out, words, n := ptr("out"), ptr("words"), ptr("n")
	cum, guide, shift, flip := ptr("cum"), ptr("guide"), ptr("shift"), ptr("flip")
	total := ptr("total")
	Label("loop")
	x, g, low := GP64(), GP64(), GP64()
	if scaled {
		MOVQ(at(words, 0), reg.RDX)
		MULXQ(total, low, x)
	} else {
		MOVQ(at(words, 0), x)
	}
	SHRXQ(shift, x, g)
	MOVL(Mem{Base: guide, Index: g, Scale: 4}, g.As32())
	for range 2 { // g += 1 where cum[g] <= at
		CMPQ(x, Mem{Base: cum, Index: g, Scale: 8})
		SBBQ(I8(-1), g)
	}
	CMPQ(x, Mem{Base: cum, Index: g, Scale: 8})
	JAE(label("step"))
	Label("found")
	XORQ(flip, g)
	MOVQ(g, at(out, 0))
	ADDQ(Imm(8), words)
	ADDQ(Imm(8), out)
	DECQ(n)
	JNZ(label("loop"))
	RET()
	Label("step")
	INCQ(g)
	CMPQ(x, Mem{Base: cum, Index: g, Scale: 8})
	JAE(label("step"))
	JMP(label("found"))
}
