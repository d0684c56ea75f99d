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
	sig := "func(x, f *float32, n uint64, t *float32, mask uint64"
	if signed {
		sig += ", block, lane *uint32"
	}
	v.text(name, sig+")")
	v.comment("x = x·f for n blocks, then lane rotations; signs: %v", signed)
	x, f, n, tp, mask := ptr("x"), ptr("f"), ptr("n"), ptr("t"), ptr("mask")
	var block, lane reg.Register
	if signed {
		block, lane = ptr("block"), ptr("lane")
	}
	lm := make([]reg.VecVirtual, v.parts())
	if signed && v == avx512 {
		lm[0] = v.load(at(lane, 0))
	}
	var ts []reg.VecVirtual
	if v == avx512 {
		for k := range 4 {
			ts = append(ts, v.load(at(tp, partBytes*k)))
		}
	}
	Label("loop")
	var xr, xi []reg.VecVirtual
	for p := range v.parts() {
		d := p * v.bytes
		fr, fi := v.load(at(f, d)), v.load(at(f, d+partBytes))
		if signed {
			s := v.vec()
			if v == avx512 {
				VPBROADCASTD(at(block, 0), s)
				v.xor(lm[0], s, s)
			} else {
				VPBROADCASTD(at(block, 0), s)
				v.xor(at(lane, d), s, s)
			}
			v.xor(s, fr, fr)
			v.xor(s, fi, fi)
		}
		a, b := v.load(at(x, d)), v.load(at(x, d+partBytes))
		re, im := v.vec(), v.vec()
		VMULPS(fr, a, re)
		VMULPS(fi, a, im)
		VFNMADD231PS(fi, b, re)
		VFMADD231PS(fr, b, im)
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
		VMOVUPS(xi[p], at(x, p*v.bytes+partBytes))
	}
	ADDQ(Imm(blockBytes), x)
	ADDQ(Imm(blockBytes), f)
	if signed {
		ADDQ(Imm(4), block)
	}
	DECQ(n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}

// laneRotation rotates lane qubit k of one part of a block.
func (v *isa) laneRotation(k int, d []reg.VecVirtual, tp reg.Register, ts []reg.VecVirtual) {
	if v == avx2 && k == 3 { // the partner is in the other vector
		old := v.vec()
		VMOVAPS(d[0], old)
		VFMADD231PS(at(tp, partBytes*k), d[1], d[0])
		VFMADD231PS(at(tp, partBytes*k+v.bytes), old, d[1])
		return
	}
	for p := range d {
		sw := v.vec()
		v.swap(k, d[p], sw)
		if v == avx512 {
			VFMADD231PS(ts[k], sw, d[p])
		} else {
			VFMADD231PS(at(tp, partBytes*k+p*v.bytes), sw, d[p])
		}
	}
}

// swap exchanges the lanes that differ in bit k.
func (v *isa) swap(k int, src, dst reg.VecVirtual) {
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
