package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rotate writes the rotation of k qubits that are not lanes: for each qubit,
// ascending, and each pair, y0 = x0 - t·x1 and y1 = x1 + t·x0, both fused.
//
// stride holds the k distances of a pair in bytes, ascending; the loop visits
// the blocks that have none of these bits in their offset.
func (v *isa) rotate(k int) {
	v.text(fmt.Sprintf("rotate%d", k), fmt.Sprintf("func(x *%[1]s, bytes uint64, stride *uint64, t *%[1]s)", v.number()))
	v.comment("rotates %d qubits that are not lanes", k)
	x, end := ptr("x"), ptr("bytes")
	stride, tp := ptr("stride"), ptr("t")
	ts := make([]reg.VecVirtual, k)
	for i := range ts {
		ts[i] = v.vec()
		v.broadcast(at(tp, v.elem*i), ts[i])
	}
	s := make([]reg.GPVirtual, k)
	mask, clear := GP64(), GP64()
	XORQ(mask, mask)
	for i := range s {
		s[i] = GP64()
		MOVQ(at(stride, 8*i), s[i])
		ORQ(s[i], mask)
	}
	MOVQ(mask, clear)
	NOTQ(clear)
	var s01 reg.GPVirtual
	if k >= 2 {
		s01 = GP64()
		LEAQ(Mem{Base: s[0], Index: s[1], Scale: 1}, s01)
	}
	off := GP64()
	XORQ(off, off)
	Label("loop")
	addr := v.corners(x, off, s, s01)
	for p := 0; p < v.block(); p += v.bytes {
		v.butterflies(addr, p, ts)
	}
	ORQ(mask, off)
	ADDQ(v.blockImm(), off)
	ANDQ(clear, off)
	CMPQ(off, end)
	JB(label("loop"))
	VZEROUPPER()
	RET()
}

// corners gives the addresses of the 2^k blocks that differ in the rotated
// qubits; bit i of the index is qubit i.
func (v *isa) corners(x reg.Register, off reg.GPVirtual, s []reg.GPVirtual, s01 reg.GPVirtual) []Mem {
	base := make([]reg.GPVirtual, 1<<max(len(s)-2, 0))
	for i := range base {
		base[i] = GP64()
		switch i {
		case 0:
			LEAQ(Mem{Base: x, Index: off, Scale: 1}, base[0])
		case 1:
			LEAQ(Mem{Base: base[0], Index: s[2], Scale: 1}, base[1])
		default:
			LEAQ(Mem{Base: base[i-2], Index: s[3], Scale: 1}, base[i])
		}
	}
	index := make([]reg.Register, 4)
	if len(s) >= 1 {
		index[1] = s[0]
	}
	if len(s) >= 2 {
		index[2], index[3] = s[1], s01
	}
	addr := make([]Mem, 1<<len(s))
	for i := range addr {
		addr[i] = Mem{Base: base[i>>2]}
		if r := index[i&3]; r != nil {
			addr[i].Index, addr[i].Scale = r, 1
		}
	}
	return addr
}

// butterflies rotates one part of the blocks at addr. The first qubit takes the
// old value of x0 from memory, the others from a copy.
func (v *isa) butterflies(addr []Mem, disp int, ts []reg.VecVirtual) {
	d := make([]reg.VecVirtual, len(addr))
	for i, m := range addr {
		d[i] = v.load(m.Offset(disp))
	}
	for i := 0; i < len(d); i += 2 {
		v.fnmadd(ts[0], d[i+1], d[i])
		v.fmadd(addr[i].Offset(disp), ts[0], d[i+1])
	}
	v.butterfly(d, ts, 1)
	for i, m := range addr {
		VMOVUPS(d[i], m.Offset(disp))
	}
}

// butterfly rotates registers whose index bit k is qubit k, with tangent ts[k],
// from qubit from on.
func (v *isa) butterfly(d, ts []reg.VecVirtual, from int) {
	for k, t := range ts {
		if k < from {
			continue
		}
		for i := range d {
			if i>>k&1 == 1 {
				continue
			}
			a, b, old := d[i], d[i|1<<k], v.vec()
			VMOVAPS(a, old)
			v.fnmadd(t, b, a)
			v.fmadd(t, old, b)
		}
	}
}
