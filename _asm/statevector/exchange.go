package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// exchanges writes the rotations of two qubits together. In all of them y0 is
// fma(-s, x1, c·x0) and y1 is fma(s, x0, c·x1), real and imaginary parts alike.
func (v *isa) exchanges() {
	v.exchangeBlocks()
	v.exchangeMixed()
	v.exchangeLanes()
}

// exchangeBlocks: both qubits number blocks. The blocks at o0 and o1 behind one whose
// offset has no bit of mask are x0 and x1.
func (v *isa) exchangeBlocks() {
	v.text("exchangeBlocks", fmt.Sprintf("func(x *%[1]s, bytes, mask, o0, o1 uint64, cos, sin *%[1]s)", v.number()))
	v.comment("exchanges two qubits that are not lanes")
	x, end, mask := ptr("x"), ptr("bytes"), ptr("mask")
	p0, p1 := ptr("o0"), ptr("o1")
	c, s := v.vec(), v.vec()
	v.broadcast(at(ptr("cos"), 0), c)
	v.broadcast(at(ptr("sin"), 0), s)
	clear := GP64()
	MOVQ(mask, clear)
	NOTQ(clear)
	ADDQ(x, p0)
	ADDQ(x, p1)
	off := GP64()
	XORQ(off, off)
	Label("loop")
	for d := 0; d < v.block(); d += v.bytes {
		m0, m1 := Mem{Base: p0, Index: off, Scale: 1, Disp: d}, Mem{Base: p1, Index: off, Scale: 1, Disp: d}
		a, b := v.load(m0), v.load(m1)
		y0, y1 := v.vec(), v.vec()
		v.mul(c, a, y0)
		v.mul(c, b, y1)
		v.fnmadd(s, b, y0)
		v.fmadd(s, a, y1)
		VMOVUPS(y0, m0)
		VMOVUPS(y1, m1)
	}
	ORQ(mask, off)
	ADDQ(v.blockImm(), off)
	ANDQ(clear, off)
	CMPQ(off, end)
	JB(label("loop"))
	VZEROUPPER()
	RET()
}

// across is where the partners of a lane lie: within a vector by a permutation of
// 32-bit words, and in another vector of the part by exclusive or with an offset.
type across struct {
	perm reg.VecVirtual
	off  []reg.GPVirtual // per vector: offset of the partners' one, empty where there is one vector
}

func (v *isa) across() across {
	a := across{perm: v.load(at(ptr("perm"), 0))}
	if v.parts() > 1 {
		cross := ptr("cross")
		for p := range v.parts() {
			r := GP64()
			MOVQ(U32(p*v.bytes), r)
			XORQ(cross, r)
			a.off = append(a.off, r)
		}
	}
	return a
}

// partner is the place of the partners of vector p behind base.
func (a *across) partner(base reg.Register, p, disp int) Mem {
	if len(a.off) == 0 {
		return at(base, disp)
	}
	return Mem{Base: base, Index: a.off[p], Scale: 1, Disp: disp}
}

// choose writes to dst lane by lane a where the mask at m is set, else b.
func (v *isa) choose(m Mem, a, b, dst reg.VecVirtual) {
	if v.bytes < 64 {
		mask := v.load(m)
		if v.elem == 8 {
			VBLENDVPD(mask, a, b, dst)
		} else {
			VBLENDVPS(mask, a, b, dst)
		}
		return
	}
	k := v.lanesOf(m)
	if v.elem == 8 {
		VBLENDMPD(a, b, k, dst)
	} else {
		VBLENDMPS(a, b, k, dst)
	}
}

// lanesOf reads a mask of 512 bits into a mask register.
func (v *isa) lanesOf(m Mem) reg.Register {
	k := K()
	if v.elem == 8 {
		VPMOVQ2M(v.load(m), k)
	} else {
		VPMOVD2M(v.load(m), k)
	}
	return k
}

// sines gives the sine for a vector of a part: negative where signs says, which is
// where x0 is.
func (v *isa) sines() func(p int) reg.VecVirtual {
	s, signs := v.vec(), ptr("signs")
	v.broadcast(at(ptr("sin"), 0), s)
	signed := func(p int) reg.VecVirtual {
		out := v.vec()
		v.xor(at(signs, p*v.bytes), s, out)
		return out
	}
	if v.bytes < 64 { // too few registers to keep them
		return signed
	}
	var kept []reg.VecVirtual
	for p := range v.parts() {
		kept = append(kept, signed(p))
	}
	return func(p int) reg.VecVirtual { return kept[p] }
}

// exchangeMixed: one qubit is a lane, the other numbers blocks. The active lanes of a
// block are those in the mask, those of its partner, stride bytes on, the others:
// together they are one vector of x0 and x1, which a permutation exchanges.
func (v *isa) exchangeMixed() {
	v.text("exchangeMixed", fmt.Sprintf("func(x *%[1]s, bytes, stride uint64, perm *uint32, cross uint64, mask, signs *%[2]s, cos, sin *%[1]s)", v.number(), v.word()))
	v.comment("exchanges a lane and a qubit that is none")
	x, end, stride, mask := ptr("x"), ptr("bytes"), ptr("stride"), ptr("mask")
	c := v.vec()
	v.broadcast(at(ptr("cos"), 0), c)
	sine := v.sines()
	a := v.across()
	var kept, far []reg.Register // masks of vectors, of their partners
	if v.bytes == 64 {
		for p := range v.parts() {
			kept = append(kept, v.lanesOf(at(mask, p*v.bytes)))
			far = append(far, v.lanesOf(a.partner(mask, p, 0)))
		}
	}
	pick := func(p int, other bool, y, z, dst reg.VecVirtual) {
		switch {
		case v.bytes == 64 && v.elem == 8:
			VBLENDMPD(y, z, map[bool][]reg.Register{false: kept, true: far}[other][p], dst)
		case v.bytes == 64:
			VBLENDMPS(y, z, map[bool][]reg.Register{false: kept, true: far}[other][p], dst)
		case other:
			v.choose(a.partner(mask, p, 0), y, z, dst)
		default:
			v.choose(at(mask, p*v.bytes), y, z, dst)
		}
	}
	off := GP64()
	XORQ(off, off)
	Label("loop")
	row0, row1 := GP64(), GP64()
	LEAQ(Mem{Base: x, Index: off, Scale: 1}, row0)
	LEAQ(Mem{Base: row0, Index: stride, Scale: 1}, row1)
	for part := 0; part < v.block(); part += v.part() {
		var ys []reg.VecVirtual
		for p := range v.parts() {
			d := part + p*v.bytes
			near, there, y := v.vec(), v.vec(), v.vec()
			pick(p, false, v.load(at(row0, d)), v.load(at(row1, d)), near)
			if len(a.off) == 0 {
				VMOVAPS(near, there)
			} else {
				pick(p, true, v.load(a.partner(row0, p, part)), v.load(a.partner(row1, p, part)), there)
			}
			VPERMPS(there, a.perm, there)
			v.mul(c, near, y)
			v.fmadd(sine(p), there, y)
			ys = append(ys, y)
		}
		for p, y := range ys {
			d := part + p*v.bytes
			n0, n1 := v.vec(), v.vec()
			pick(p, false, y, v.load(at(row0, d)), n0)
			pick(p, false, v.load(at(row1, d)), y, n1)
			VMOVUPS(n0, at(row0, d))
			VMOVUPS(n1, at(row1, d))
		}
	}
	ORQ(stride, off)
	ADDQ(v.blockImm(), off)
	ANDNQ(off, stride, off)
	CMPQ(off, end)
	JB(label("loop"))
	VZEROUPPER()
	RET()
}

// exchangeLanes: both qubits are lanes. Lanes in the mask are x0 and x1.
func (v *isa) exchangeLanes() {
	v.text("exchangeLanes", fmt.Sprintf("func(x *%[1]s, n uint64, perm *uint32, cross uint64, mask, signs *%[2]s, cos, sin *%[1]s)", v.number(), v.word()))
	v.comment("exchanges two lanes")
	x, n, mask := ptr("x"), ptr("n"), ptr("mask")
	c := v.vec()
	v.broadcast(at(ptr("cos"), 0), c)
	sine := v.sines()
	a := v.across()
	var ks []reg.Register
	for p := range v.parts() {
		if v.bytes == 64 {
			ks = append(ks, v.lanesOf(at(mask, p*v.bytes)))
		}
	}
	Label("loop")
	for part := 0; part < v.block(); part += v.part() {
		var ys []reg.VecVirtual
		for p := range v.parts() {
			d := part + p*v.bytes
			old, there, y := v.load(at(x, d)), v.vec(), v.vec()
			VPERMPS(a.partner(x, p, part), a.perm, there)
			v.mul(c, old, y)
			v.fmadd(sine(p), there, y)
			switch {
			case v.bytes < 64:
				v.choose(at(mask, p*v.bytes), y, old, y)
			case v.elem == 8:
				VBLENDMPD(y, old, ks[p], y)
			default:
				VBLENDMPS(y, old, ks[p], y)
			}
			ys = append(ys, y)
		}
		for p, y := range ys {
			VMOVUPS(y, at(x, part+p*v.bytes))
		}
	}
	ADDQ(v.blockImm(), x)
	DECQ(n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}
