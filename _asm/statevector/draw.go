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
	drawRows()
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
	step := steps(x, g, cum)
	Label("found")
	XORQ(flip, g)
	MOVQ(g, at(out, 0))
	ADDQ(Imm(8), words)
	ADDQ(Imm(8), out)
	DECQ(n)
	JNZ(label("loop"))
	RET()
	step()
}

// drawRows is draw into rows of two bytes. The counter runs up to 0 from -n.
func drawRows() {
	TEXT("drawRowsAMD64", NOSPLIT, "func(rows *byte, words *uint64, n, total uint64, cum *uint64, guide *uint32, shift, flip uint64)")
	Pragma("noescape")
	Comment("places of words in running sums, in two bytes each")
	rows, words, n := ptr("rows"), ptr("words"), ptr("n")
	cum, guide, shift, flip := ptr("cum"), ptr("guide"), ptr("shift"), ptr("flip")
	total := ptr("total")
	LEAQ(Mem{Base: words, Index: n, Scale: 8}, words)
	LEAQ(Mem{Base: rows, Index: n, Scale: 2}, rows)
	NEGQ(n)
	Label("loop")
	x, g, low := GP64(), GP64(), GP64()
	MOVQ(total, reg.RDX)
	MULXQ(Mem{Base: words, Index: n, Scale: 8}, low, x)
	SHRXQ(shift, x, g)
	MOVL(Mem{Base: guide, Index: g, Scale: 4}, g.As32())
	step := steps(x, g, cum)
	Label("found")
	XORQ(flip, g)
	MOVW(g.As16(), Mem{Base: rows, Index: n, Scale: 2})
	INCQ(n)
	JNZ(label("loop"))
	RET()
	step()
}

// steps moves g to the first sum above x: twice without a branch, then, in what it
// returns, for the rest; that comes back to label found.
func steps(x, g reg.GPVirtual, cum reg.Register) func() {
	for range 2 { // g += 1 where cum[g] <= x
		CMPQ(x, Mem{Base: cum, Index: g, Scale: 8})
		SBBQ(I8(-1), g)
	}
	CMPQ(x, Mem{Base: cum, Index: g, Scale: 8})
	JAE(label("step"))
	return func() {
		Label("step")
		INCQ(g)
		CMPQ(x, Mem{Base: cum, Index: g, Scale: 8})
		JAE(label("step"))
		JMP(label("found"))
	}
}
