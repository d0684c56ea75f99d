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
	v.text(fmt.Sprintf("fused%d", k), "func(x, f *float32, bytes uint64, t *float32, mask uint64, stride *uint64, rt *float32)")
	v.comment("x = x·f, lane rotations, then %d qubits that are not lanes", k)
	x, f, mask := ptr("x"), ptr("f"), ptr("mask")
	tp, stride, rtp := ptr("t"), ptr("stride"), ptr("rt")
	var lanes, ts []reg.VecVirtual
	for i := range 4 {
		lanes = append(lanes, v.load(at(tp, partBytes*i)))
	}
	for i := range k {
		ts = append(ts, v.vec())
		VBROADCASTSS(at(rtp, 4*i), ts[i])
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
	re, im := make([]reg.VecVirtual, len(xs)), make([]reg.VecVirtual, len(xs))
	for i := range xs {
		re[i], im[i] = v.times(xs[i], fs[i])
	}
	for q := range 4 {
		skip := fmt.Sprintf("lane%d", q)
		BTL(Imm(uint64(q)), mask.(reg.GP).As32())
		JCC(label(skip))
		for i := range xs {
			v.laneRotation(q, re[i:i+1], tp, lanes)
			v.laneRotation(q, im[i:i+1], tp, lanes)
		}
		Label(skip)
	}
	v.butterfly(re, ts, 0)
	v.butterfly(im, ts, 0)
	for i, m := range xs {
		VMOVUPS(re[i], m)
		VMOVUPS(im[i], m.Offset(partBytes))
	}
	ORQ(bits, off)
	ADDQ(Imm(blockBytes), off)
	ANDNQ(off, bits, off)
	end := Load(Param("bytes"), GP64())
	CMPQ(off, end)
	JB(label("loop"))
	VZEROUPPER()
	RET()
}

// times is the complex product of diagonal for one vector at x and f.
func (v *isa) times(x, f Mem) (re, im reg.VecVirtual) {
	fr, fi := v.load(f), v.load(f.Offset(partBytes))
	a, b := v.load(x), v.load(x.Offset(partBytes))
	re, im = v.vec(), v.vec()
	VMULPS(fr, a, re)
	VMULPS(fi, a, im)
	VFNMADD231PS(fi, b, re)
	VFMADD231PS(fr, b, im)
	return re, im
}
