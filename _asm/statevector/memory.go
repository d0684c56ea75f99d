package main

import (
	"fmt"
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// rows writes the copy between a buffer of consecutive rows and rows at offsets
// in bytes.
func (v *isa) rows(name string, gather bool) {
	v.text(name, "func(buf, mem *float32, off *uint64, rows, rowBytes uint64)")
	v.comment("copies rows of whole blocks; off counts bytes")
	buf, mem, off := ptr("buf"), ptr("mem"), ptr("off")
	rows, rowBytes := ptr("rows"), ptr("rowBytes")
	Label("row")
	o, left := GP64(), GP64()
	MOVQ(at(off, 0), o)
	ADDQ(Imm(8), off)
	ADDQ(mem, o)
	MOVQ(rowBytes, left)
	Label("block")
	from, to := Mem{Base: o}, Mem{Base: buf}
	if !gather {
		from, to = to, from
	}
	for d := 0; d < blockBytes; d += v.bytes {
		VMOVUPS(v.load(from.Offset(d)), to.Offset(d))
	}
	ADDQ(Imm(blockBytes), o)
	ADDQ(Imm(blockBytes), buf)
	SUBQ(Imm(blockBytes), left)
	JNZ(label("block"))
	DECQ(rows)
	JNZ(label("row"))
	VZEROUPPER()
	RET()
}

// prefetch asks for rows ahead of a gather.
func prefetch() {
	TEXT("prefetchAMD64", NOSPLIT, "func(mem *float32, off *uint64, rows, rowBytes uint64)")
	Pragma("noescape")
	Comment("brings rows into the second-level cache")
	mem, off, rows, rowBytes := ptr("mem"), ptr("off"), ptr("rows"), ptr("rowBytes")
	Label("row")
	o, end := GP64(), GP64()
	MOVQ(at(off, 0), o)
	ADDQ(Imm(8), off)
	ADDQ(mem, o)
	LEAQ(Mem{Base: o, Index: rowBytes, Scale: 1}, end)
	Label("line")
	PREFETCHT1(at(o, 0))
	ADDQ(Imm(64), o)
	CMPQ(o, end)
	JB(label("line"))
	DECQ(rows)
	JNZ(label("row"))
	RET()
}

// outer writes f = v·s for n blocks: the table of a diagonal from one block v
// and one complex number per block, s = re, im. The sign bits of v are flipped
// by pattern[b] (16 words each) first.
func (v *isa) outer() {
	v.text("outer", fmt.Sprintf("func(f, v, s *%s, pattern *uint8, patterns *%s, n uint64)", v.number(), v.word()))
	v.comment("f = v·s for n blocks")
	f, vp, s := ptr("f"), ptr("v"), ptr("s")
	pat, pats, n := ptr("pattern"), ptr("patterns"), ptr("n")
	Label("loop")
	sr, si := v.vec(), v.vec()
	v.broadcast(at(s, 0), sr)
	v.broadcast(at(s, v.elem), si)
	i := GP64()
	MOVBQZX(at(pat, 0), i)
	SHLQ(Imm(uint64(bits.TrailingZeros(uint(v.part())))), i)
	for p := range v.parts() {
		d := p * v.bytes
		m := v.load(Mem{Base: pats, Index: i, Scale: 1, Disp: d})
		a, b := v.vec(), v.vec()
		v.xor(at(vp, d), m, a)
		v.xor(at(vp, d+v.part()), m, b)
		re, im := v.vec(), v.vec()
		v.mul(sr, a, re)
		v.mul(sr, b, im)
		v.fnmadd(si, b, re)
		v.fmadd(si, a, im)
		VMOVUPS(re, at(f, d))
		VMOVUPS(im, at(f, d+v.part()))
	}
	ADDQ(v.blockImm(), f)
	ADDQ(Imm(uint64(2*v.elem)), s)
	INCQ(pat)
	DECQ(n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}
