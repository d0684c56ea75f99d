package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// diagonals writes the two forms of the diagonal sweep.
func (v *isa) diagonals() {
	v.diagonal("diagonal", false)
	v.diagonal("diagonalSigned", true)
}

// diagonal writes x = x·f for n blocks, then the rotations of the lane qubits in
// mask, ascending.
//
// Complex product: re = fma(-xi, fi, xr·fr), im = fma(xi, fr, xr·fi).
// Signed: the sign bits of f are flipped by block[b] ^ lane[l] first.
// Lane qubit k: y = fma(t[k], swap(x), x), t[k] negative on lanes whose bit k is 0.
func (v *isa) diagonal(name string, signed bool) {
	sig := fmt.Sprintf("func(x, f *%[1]s, n uint64, t *%[1]s, mask uint64", v.number())
	if signed {
		sig += ", block, lane *" + v.word()
	}
	v.text(name, sig+")")
	v.comment("x = x·f for n blocks, then lane rotations; signs: %v", signed)
	x, f, n, tp, mask := ptr("x"), ptr("f"), ptr("n"), ptr("t"), ptr("mask")
	var block, lane reg.Register
	if signed {
		block, lane = ptr("block"), ptr("lane")
	}
	lm := make([]reg.VecVirtual, v.parts())
	for p := range lm {
		if signed && v.bytes == 64 {
			lm[p] = v.load(at(lane, p*v.bytes))
		}
	}
	ts := v.laneTans(tp)
	Label("loop")
	var xr, xi []reg.VecVirtual
	for p := range v.parts() {
		d := p * v.bytes
		fr, fi := v.load(at(f, d)), v.load(at(f, d+v.part()))
		if signed {
			s := v.vec()
			if v.elem == 8 {
				VPBROADCASTQ(at(block, 0), s)
			} else {
				VPBROADCASTD(at(block, 0), s)
			}
			if v.bytes == 64 {
				v.xor(lm[p], s, s)
			} else {
				v.xor(at(lane, d), s, s)
			}
			v.xor(s, fr, fr)
			v.xor(s, fi, fi)
		}
		a, b := v.load(at(x, d)), v.load(at(x, d+v.part()))
		re, im := v.vec(), v.vec()
		v.mul(fr, a, re)
		v.mul(fi, a, im)
		v.fnmadd(fi, b, re)
		v.fmadd(fr, b, im)
		xr, xi = append(xr, re), append(xi, im)
	}
	for k := range 4 {
		skip := fmt.Sprintf("lane%d", k)
		BTL(Imm(uint64(k)), mask.(reg.GP).As32())
		JCC(label(skip))
		v.laneRotation(k, xr, tp, ts)
		v.laneRotation(k, xi, tp, ts)
		Label(skip)
	}
	for p := range v.parts() {
		VMOVUPS(xr[p], at(x, p*v.bytes))
		VMOVUPS(xi[p], at(x, p*v.bytes+v.part()))
	}
	ADDQ(v.blockImm(), x)
	ADDQ(v.blockImm(), f)
	if signed {
		ADDQ(Imm(uint64(v.elem)), block)
	}
	DECQ(n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}

// laneTans loads the tangents of the lane qubits where there are registers enough:
// those of qubit k and part p at k·parts + p.
func (v *isa) laneTans(tp reg.Register) (ts []reg.VecVirtual) {
	if v.bytes == 64 {
		for i := range 4 * v.parts() {
			ts = append(ts, v.load(at(tp, v.bytes*i)))
		}
	}
	return ts
}

// laneRotation rotates lane qubit k of one part of a block.
func (v *isa) laneRotation(k int, d []reg.VecVirtual, tp reg.Register, ts []reg.VecVirtual) {
	tan := func(p int) Op {
		if v.bytes == 64 {
			return ts[k*v.parts()+p]
		}
		return at(tp, v.part()*k+p*v.bytes)
	}
	if n := v.laneBits(); k >= n { // the partner is in another vector
		s := 1 << (k - n)
		for p := range d {
			if p&s == 0 {
				old := v.vec()
				VMOVAPS(d[p], old)
				v.fmadd(tan(p), d[p|s], d[p])
				v.fmadd(tan(p|s), old, d[p|s])
			}
		}
		return
	}
	for p := range d {
		sw := v.vec()
		v.swap(k, d[p], sw)
		v.fmadd(tan(p), sw, d[p])
	}
}

// swap exchanges the lanes that differ in bit k.
func (v *isa) swap(k int, src, dst reg.VecVirtual) {
	if v.elem == 8 {
		v.swap64(k, src, dst)
		return
	}
	switch {
	case k == 0:
		VPERMILPS(Imm(0b10_11_00_01), src, dst)
	case k == 1:
		VPERMILPS(Imm(0b01_00_11_10), src, dst)
	case v == avx2: // k == 2
		VPERM2F128(Imm(1), src, src, dst)
	case k == 2:
		VSHUFF32X4(Imm(0b10_11_00_01), src, src, dst)
	default:
		VSHUFF32X4(Imm(0b01_00_11_10), src, src, dst)
	}
}

func (v *isa) swap64(k int, src, dst reg.VecVirtual) {
	switch {
	case k == 0 && v == avx2d:
		VPERMILPD(Imm(0b0101), src, dst)
	case k == 0:
		VPERMILPD(Imm(0b01010101), src, dst)
	case v == avx2d: // k == 1
		VPERM2F128(Imm(1), src, src, dst)
	case k == 1:
		VSHUFF64X2(Imm(0b10_11_00_01), src, src, dst)
	default:
		VSHUFF64X2(Imm(0b01_00_11_10), src, src, dst)
	}
}
