package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// fused writes diagonal without signs and rotate for k qubits as one sweep: the
// same operations per amplitude, with one way from and to memory less.
func (v *isa) fused(k int) {
	v.text(fmt.Sprintf("fused%d", k), fmt.Sprintf("func(x, f *%[1]s, bytes uint64, t *%[1]s, mask uint64, stride *uint64, rt *%[1]s)", v.number()))
	v.comment("x = x·f, lane rotations, then %d qubits that are not lanes", k)
	x, f, mask := ptr("x"), ptr("f"), ptr("mask")
	tp, stride, rtp := ptr("t"), ptr("stride"), ptr("rt")
	var ts []reg.VecVirtual
	lanes := v.laneTans(tp)
	for i := range k {
		ts = append(ts, v.vec())
		v.broadcast(at(rtp, v.elem*i), ts[i])
	}
	s := make([]reg.GPVirtual, k)
	bits := GP64()
	XORQ(bits, bits)
	for i := range s {
		s[i] = GP64()
		MOVQ(at(stride, 8*i), s[i])
		ORQ(s[i], bits)
	}
	var s01 reg.GPVirtual
	if k >= 2 {
		s01 = GP64()
		LEAQ(Mem{Base: s[0], Index: s[1], Scale: 1}, s01)
	}
	off := GP64()
	XORQ(off, off)
	Label("loop")
	xs, fs := v.corners(x, off, s, s01), v.corners(f, off, s, s01)
	parts := v.parts() // of corner i: parts i·parts, …
	re, im := make([]reg.VecVirtual, len(xs)*parts), make([]reg.VecVirtual, len(xs)*parts)
	for i := range re {
		d := i % parts * v.bytes
		re[i], im[i] = v.times(xs[i/parts].Offset(d), fs[i/parts].Offset(d))
	}
	for q := range 4 {
		skip := fmt.Sprintf("lane%d", q)
		BTL(Imm(uint64(q)), mask.(reg.GP).As32())
		JCC(label(skip))
		for i := 0; i < len(re); i += parts {
			v.laneRotation(q, re[i:i+parts], tp, lanes)
			v.laneRotation(q, im[i:i+parts], tp, lanes)
		}
		Label(skip)
	}
	for p := range parts {
		v.butterfly(every(re, p, parts), ts, 0)
		v.butterfly(every(im, p, parts), ts, 0)
	}
	for i := range re {
		m := xs[i/parts].Offset(i % parts * v.bytes)
		VMOVUPS(re[i], m)
		VMOVUPS(im[i], m.Offset(v.part()))
	}
	ORQ(bits, off)
	ADDQ(v.blockImm(), off)
	ANDNQ(off, bits, off)
	end := Load(Param("bytes"), GP64())
	CMPQ(off, end)
	JB(label("loop"))
	VZEROUPPER()
	RET()
}

// every returns the elements first, first+step, ….
func every(d []reg.VecVirtual, first, step int) (out []reg.VecVirtual) {
	for i := first; i < len(d); i += step {
		out = append(out, d[i])
	}
	return out
}

// times is the complex product of diagonal for one vector at x and f.
func (v *isa) times(x, f Mem) (re, im reg.VecVirtual) {
	fr, fi := v.load(f), v.load(f.Offset(v.part()))
	a, b := v.load(x), v.load(x.Offset(v.part()))
	re, im = v.vec(), v.vec()
	v.mul(fr, a, re)
	v.mul(fi, a, im)
	v.fnmadd(fi, b, re)
	v.fmadd(fr, b, im)
	return re, im
}
