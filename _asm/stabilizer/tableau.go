package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gates applies n gates to a slice of 512 generators: per qubit eight words of X
// parts, eight of Z parts; sign is eight words. A gate is a word: a mask set and
// two qubits, sixteen bits each; set 0xffff is CZ. A mask set is eight words: what
// X and Z give to X, then to Z; what X, Z and both give to the sign.
func (v *isa) gates() {
	text("gates"+v.suffix, "func(xz, sign, ops *uint64, n uint64, masks *uint64)", "n gates on one slice of a tableau")
	xz, signs, ops, n, masks := ptr("xz"), ptr("sign"), ptr("ops"), ptr("n"), ptr("masks")
	parts := 64 / v.bytes
	sign := make([]reg.VecVirtual, parts)
	for i := range sign {
		sign[i] = v.load(at(signs, i*v.bytes))
	}
	Label("gate")
	g, p, q := GP64(), GP64(), GP64()
	MOVQ(at(ops, 0), g)
	ADDQ(imm(8), ops)
	MOVQ(g, p)
	MOVQ(g, q)
	SHRQ(Imm(16), p)
	SHRQ(Imm(32), q)
	MOVWQZX(p.As16(), p)
	MOVWQZX(g.As16(), g)
	SHLQ(Imm(7), p)
	ADDQ(xz, p)
	CMPQ(g, imm(0xffff))
	JEQ(label("cz"))
	SHLQ(Imm(6), g)
	ADDQ(masks, g)
	v.single(p, g, sign)
	DECQ(n)
	JNZ(label("gate"))
	JMP(label("done"))
	Label("cz")
	SHLQ(Imm(7), q)
	ADDQ(xz, q)
	for i := range parts {
		d := i * v.bytes
		a, b, zp, zq, t := v.load(at(p, d)), v.load(at(q, d)), v.load(at(p, 64+d)), v.load(at(q, 64+d)), v.vec()
		v.xor(zp, zq, t)
		v.xor(b, zp, zp)
		v.xor(a, zq, zq)
		v.and(a, t, t)
		v.and(b, t, t)
		v.xor(t, sign[i], sign[i])
		v.move(zp, at(p, 64+d))
		v.move(zq, at(q, 64+d))
	}
	DECQ(n)
	JNZ(label("gate"))
	Label("done")
	for i := range sign {
		v.move(sign[i], at(signs, i*v.bytes))
	}
	VZEROUPPER()
	RET()
}

// single applies the mask set at g to the qubit at p.
func (v *isa) single(p, g reg.Register, sign []reg.VecVirtual) {
	masked := func(k int) func(x reg.VecVirtual) reg.VecVirtual {
		if v == avx512 {
			return func(x reg.VecVirtual) reg.VecVirtual {
				r := v.vec()
				VPANDQ_BCST(at(g, 8*k), x, r)
				return r
			}
		}
		m := v.vec()
		VPBROADCASTQ(at(g, 8*k), m)
		return func(x reg.VecVirtual) reg.VecVirtual {
			r := v.vec()
			VPAND(m, x, r)
			return r
		}
	}
	var f [7]func(reg.VecVirtual) reg.VecVirtual
	for k := range f {
		f[k] = masked(k)
	}
	for i := range sign {
		d := i * v.bytes
		a, b := v.load(at(p, d)), v.load(at(p, 64+d))
		both := v.vec()
		v.and(a, b, both)
		x, z := f[0](a), f[2](a)
		v.xor(f[1](b), x, x)
		v.xor(f[3](b), z, z)
		v.move(x, at(p, d))
		v.move(z, at(p, 64+d))
		for k, of := range []reg.VecVirtual{a, b, both} {
			v.xor(f[4+k](of), sign[i], sign[i])
		}
	}
}

// addRows adds to each of n rows of stride bytes the row of the table that the
// byte at column selects: table row index[byte].
func (v *isa) addRows() {
	text("addRows"+v.suffix, "func(rows *uint64, n, stride, column uint64, index *uint16, table *uint64)", "table look-ups of the method of four Russians")
	rows, n, stride, column := ptr("rows"), ptr("n"), ptr("stride"), ptr("column")
	index, table := ptr("index"), ptr("table")
	Label("row")
	t, k := GP64(), GP64()
	MOVBQZX(Mem{Base: rows, Index: column, Scale: 1}, t)
	MOVWQZX(Mem{Base: index, Index: t, Scale: 2}, t)
	IMULQ(stride, t)
	ADDQ(table, t)
	XORQ(k, k)
	Label("vector")
	for d := 0; d < 64; d += v.bytes {
		x := v.load(Mem{Base: t, Index: k, Scale: 1, Disp: d})
		v.xor(Mem{Base: rows, Index: k, Scale: 1, Disp: d}, x, x)
		v.move(x, Mem{Base: rows, Index: k, Scale: 1, Disp: d})
	}
	ADDQ(imm(64), k)
	CMPQ(k, stride)
	JB(label("vector"))
	ADDQ(stride, rows)
	DECQ(n)
	JNZ(label("row"))
	VZEROUPPER()
	RET()
}
