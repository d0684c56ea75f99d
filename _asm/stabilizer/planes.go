package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose swaps, in each 16-byte lane of four registers, byte i of number j
// with byte j of number i: eight numbers of eight bytes, two a register. It is its
// own inverse.
func (v *isa) transpose(r []reg.VecVirtual, mask reg.VecVirtual) {
	for _, x := range r {
		VPSHUFB(mask, x, x)
	}
	a, b, c, d := v.vec(), v.vec(), v.vec(), v.vec()
	VPUNPCKLWD(r[1], r[0], a)
	VPUNPCKHWD(r[1], r[0], b)
	VPUNPCKLWD(r[3], r[2], c)
	VPUNPCKHWD(r[3], r[2], d)
	VPUNPCKLDQ(c, a, r[0])
	VPUNPCKHDQ(c, a, r[1])
	VPUNPCKLDQ(d, b, r[2])
	VPUNPCKHDQ(d, b, r[3])
}

// join exchanges halves between the two transposed quartets: register i and i+4
// to planes 2i and 2i+1. It is its own inverse up to the order of registers.
func (v *isa) join(r []reg.VecVirtual) (even, odd []reg.VecVirtual) {
	for i := range 4 {
		lo, hi := v.vec(), v.vec()
		VPUNPCKLQDQ(r[i+4], r[i], lo)
		VPUNPCKHQDQ(r[i+4], r[i], hi)
		even, odd = append(even, lo), append(odd, hi)
	}
	return even, odd
}

// planes splits tile shots of one word into eight planes of tile bytes, and
// widePlanes the first used of w words into 8·used planes. The order of shots
// inside a plane is that of the registers; rows undoes it.
func (v *isa) planes(wide bool) {
	var stride, three, used reg.Register
	if wide {
		text("widePlanes"+v.suffix, "func(in *byte, words *uint64, w, used uint64)", "bytes of 256 shots to planes")
	} else {
		text("planes"+v.suffix, "func(in *byte, words *uint64)", "bytes of 256 shots to planes")
	}
	in, words := ptr("in"), ptr("words")
	mask := v.load(interleaveMask())
	if wide {
		stride, three, used = ptr("w"), GP64(), ptr("used")
		SHLQ(Imm(3), stride)
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
		Label("word")
	}
	from, to, group := GP64(), GP64(), GP64()
	MOVQ(words, from)
	MOVQ(in, to)
	MOVQ(imm(uint64(tile/v.bytes)), group)
	Label("group")
	r := make([]reg.VecVirtual, 8)
	for i := range r {
		if wide {
			r[i] = v.strided(from, stride, three)
		} else {
			r[i] = v.load(at(from, i*v.bytes))
		}
	}
	if !wide {
		ADDQ(imm(uint64(8*v.bytes)), from)
	}
	v.transpose(r[:4], mask)
	v.transpose(r[4:], mask)
	even, odd := v.join(r)
	for i := range 4 {
		v.move(even[i], at(to, 2*i*tile))
		v.move(odd[i], at(to, (2*i+1)*tile))
	}
	ADDQ(imm(uint64(v.bytes)), to)
	DECQ(group)
	JNZ(label("group"))
	if wide {
		ADDQ(imm(8), words)
		ADDQ(imm(8*tile), in)
		DECQ(used)
		JNZ(label("word"))
	}
	VZEROUPPER()
	RET()
}

func interleaveMask() Mem { return NewDataAddr(Symbol{Name: "interleave", Static: true}, 0) }

// strided loads one word of each of v.bytes/8 shots and advances p.
func (v *isa) strided(p, stride, three reg.Register) reg.VecVirtual {
	quad := func() reg.VecVirtual {
		a, b, y := XMM(), XMM(), YMM()
		VMOVQ(at(p, 0), a)
		VPINSRQ(Imm(1), Mem{Base: p, Index: stride, Scale: 1}, a, a)
		VMOVQ(Mem{Base: p, Index: stride, Scale: 2}, b)
		VPINSRQ(Imm(1), Mem{Base: p, Index: three, Scale: 1}, b, b)
		VINSERTI128(Imm(1), b, a.AsY(), y)
		LEAQ(Mem{Base: p, Index: stride, Scale: 4}, p)
		return y
	}
	a := quad()
	if v == avx2 {
		return a
	}
	b, z := quad(), ZMM()
	VINSERTI64X4(Imm(1), b, a.AsZ(), z)
	return z
}

// back loads eight planes at from and gives the shots' words, two a lane.
func (v *isa) back(from reg.Register, mask reg.VecVirtual) []reg.VecVirtual {
	r := make([]reg.VecVirtual, 8)
	for i := range 4 {
		a, b := v.load(at(from, 2*i*tile)), v.load(at(from, (2*i+1)*tile))
		r[i], r[i+4] = v.vec(), v.vec()
		VPUNPCKLQDQ(b, a, r[i])
		VPUNPCKHQDQ(b, a, r[i+4])
	}
	v.transpose(r[:4], mask)
	v.transpose(r[4:], mask)
	return r
}

// lanes calls f for each 16 bytes of r in order.
func (v *isa) lanes(r reg.VecVirtual, f func(x reg.Register)) {
	for i := range v.bytes / 16 {
		switch {
		case i == 0:
			f(r.AsX())
		case v == avx2:
			x := XMM()
			VEXTRACTI128(Imm(uint64(i)), r, x)
			f(x)
		default:
			x := XMM()
			VEXTRACTI64X2(Imm(uint64(i)), r, x)
			f(x)
		}
	}
}

// rows turns 8·w planes of out back into tile rows of rb bytes at dst. It writes
// up to seven bytes behind the last row.
func (v *isa) rows() {
	text("rows"+v.suffix, "func(dst, out *byte, w, rb uint64)", "planes to rows; the last word of a row first, as its spill is overwritten")
	dst, out, w, rb := ptr("dst"), ptr("out"), ptr("w"), ptr("rb")
	mask := v.load(interleaveMask())
	group, last := GP64(), GP64()
	MOVQ(imm(uint64(tile/v.bytes)), group)
	MOVQ(w, last)
	DECQ(last)
	Label("group")
	to, from, left := GP64(), GP64(), GP64()
	MOVQ(last, left)
	LEAQ(Mem{Base: dst, Index: last, Scale: 8}, to)
	MOVQ(last, from)
	SHLQ(Imm(11), from) // 8 planes of 256 bytes
	ADDQ(out, from)
	Label("word")
	p := GP64()
	MOVQ(to, p)
	for _, r := range v.back(from, mask) {
		v.lanes(r, func(x reg.Register) {
			VMOVQ(x, at(p, 0))
			VPEXTRQ(Imm(1), x, Mem{Base: p, Index: rb, Scale: 1})
			LEAQ(Mem{Base: p, Index: rb, Scale: 2}, p)
		})
	}
	SUBQ(imm(8), to)
	SUBQ(imm(8*tile), from)
	DECQ(left)
	JGE(label("word"))
	step := GP64()
	MOVQ(rb, step)
	IMUL3Q(imm(uint64(v.bytes)), step, step)
	ADDQ(step, dst)
	ADDQ(imm(uint64(v.bytes)), out)
	DECQ(group)
	JNZ(label("group"))
	VZEROUPPER()
	RET()
}

// shortRows is rows for w = 1; compact moves the rb lowest bytes of both words of
// a lane to its start. It writes up to fourteen bytes behind the last row.
func (v *isa) shortRows() {
	text("shortRows"+v.suffix, "func(dst, out *byte, rb uint64, compact *byte)", "eight planes to rows of up to eight bytes")
	dst, out, rb, compact := ptr("dst"), ptr("out"), ptr("rb"), ptr("compact")
	mask := v.load(interleaveMask())
	pick := v.vec()
	if v == avx512 {
		VBROADCASTI32X4(at(compact, 0), pick)
	} else {
		VBROADCASTI128(at(compact, 0), pick)
	}
	group := GP64()
	MOVQ(imm(uint64(tile/v.bytes)), group)
	ADDQ(rb, rb)
	Label("group")
	for _, r := range v.back(out, mask) {
		VPSHUFB(pick, r, r)
		v.lanes(r, func(x reg.Register) {
			VMOVUPS(x, at(dst, 0))
			ADDQ(rb, dst)
		})
	}
	ADDQ(imm(uint64(v.bytes)), out)
	DECQ(group)
	JNZ(label("group"))
	VZEROUPPER()
	RET()
}
