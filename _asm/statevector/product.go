package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// laneSigns holds, per lane qubit k, the sign bits of lanes whose bit k is 0.
var laneSigns Mem

// signs writes the constants of lanes.
func signs() {
	laneSigns = GLOBL("laneSigns", RODATA|NOPTR)
	for k := range 4 {
		for l := range 16 {
			s := uint32(0)
			if l>>k&1 == 0 {
				s = 1 << 31
			}
			DATA((16*k+l)*4, U32(s))
		}
	}
}

// product writes outer, diagonal without signs and rotate for k qubits as one
// sweep: the same operations per amplitude, without a table in memory. t holds
// four tangents, one a lane qubit.
func (v *isa) product(k int) {
	v.text(fmt.Sprintf("product%d", k), "func(x, v, s *float32, pattern *uint8, patterns *uint32, bytes uint64, t *float32, mask uint64, stride *uint64, rt *float32)")
	v.comment("x = x·(v·s), lane rotations, then %d qubits that are not lanes", k)
	lanes := v.lanes(ptr("t"))
	var ts []reg.VecVirtual
	rtp, stride := ptr("rt"), ptr("stride")
	for i := range k {
		ts = append(ts, v.vec())
		VBROADCASTSS(at(rtp, 4*i), ts[i])
	}
	s := make([]reg.GPVirtual, k)
	for i := range s {
		s[i] = GP64()
		MOVQ(at(stride, 8*i), s[i])
	}
	var s01 reg.GPVirtual
	if k >= 2 {
		s01 = GP64()
		LEAQ(Mem{Base: s[0], Index: s[1], Scale: 1}, s01)
	}
	vp := ptr("v")
	vr, vi := v.load(at(vp, 0)), v.load(at(vp, partBytes))
	x, sp, pat, pats, mask := ptr("x"), ptr("s"), ptr("pattern"), ptr("patterns"), ptr("mask")
	off := GP64()
	XORQ(off, off)
	Label("loop")
	xs, blocks := v.corners(x, off, s, s01), v.blocks(off, s)
	re, im := make([]reg.VecVirtual, len(xs)), make([]reg.VecVirtual, len(xs))
	for i, m := range xs {
		b := blocks(i)
		fr, fi := v.factor(Mem{Base: sp, Index: b, Scale: 8}, Mem{Base: pat, Index: b, Scale: 1}, pats, vr, vi)
		re[i], im[i] = v.vec(), v.vec()
		a, c := v.load(m), v.load(m.Offset(partBytes))
		VMULPS(fr, a, re[i])
		VMULPS(fi, a, im[i])
		VFNMADD231PS(fi, c, re[i])
		VFMADD231PS(fr, c, im[i])
	}
	for q := range 4 {
		skip := fmt.Sprintf("lane%d", q)
		BTL(Imm(uint64(q)), mask.(reg.GP).As32())
		JCC(label(skip))
		for i := range xs {
			v.laneRotation(q, re[i:i+1], nil, lanes)
			v.laneRotation(q, im[i:i+1], nil, lanes)
		}
		Label(skip)
	}
	v.butterfly(re, ts, 0)
	v.butterfly(im, ts, 0)
	for i, m := range xs {
		VMOVUPS(re[i], m)
		VMOVUPS(im[i], m.Offset(partBytes))
	}
	bits := GP64()
	XORQ(bits, bits)
	for i := range s {
		ORQ(s[i], bits)
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

// lanes spreads four tangents, negative on lanes whose bit is 0.
func (v *isa) lanes(t reg.Register) []reg.VecVirtual {
	var out []reg.VecVirtual
	for q := range 4 {
		r := v.vec()
		VBROADCASTSS(at(t, 4*q), r)
		v.xor(laneSigns.Offset(partBytes*q), r, r)
		out = append(out, r)
	}
	return out
}

// blocks gives the numbers of the blocks that corners addresses.
func (v *isa) blocks(off reg.GPVirtual, s []reg.GPVirtual) func(i int) reg.GPVirtual {
	return func(i int) reg.GPVirtual {
		b := GP64()
		MOVQ(off, b)
		for k := range s {
			if i>>k&1 == 1 {
				ADDQ(s[k], b)
			}
		}
		SHRQ(Imm(7), b)
		return b
	}
}

// factor is the complex product of outer for one block.
func (v *isa) factor(s, pattern Mem, patterns reg.Register, vr, vi reg.VecVirtual) (fr, fi reg.VecVirtual) {
	p := GP64()
	MOVBQZX(pattern, p)
	SHLQ(Imm(6), p)
	m := Mem{Base: patterns, Index: p, Scale: 1}
	a, b, sr, si := v.vec(), v.vec(), v.vec(), v.vec()
	v.xor(m, vr, a)
	v.xor(m, vi, b)
	VBROADCASTSS(s, sr)
	VBROADCASTSS(s.Offset(4), si)
	fr, fi = v.vec(), v.vec()
	VMULPS(sr, a, fr)
	VMULPS(sr, b, fi)
	VFNMADD231PS(si, b, fr)
	VFMADD231PS(si, a, fi)
	return fr, fi
}
