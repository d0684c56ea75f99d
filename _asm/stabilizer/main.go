// Command stabilizer writes the amd64 kernels of
// backends/stabilizer/internal/kernel. What both vector widths share is generated
// from one description.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tile is the number of shots of a plane, a byte each.
const tile = 256

func main() {
	ConstraintExpr("!purego")
	constants()
	for _, v := range []*isa{avx512, avx2} {
		v.planes(false)
		v.planes(true)
		v.rows()
		v.shortRows()
		v.gates()
		v.addRows()
	}
	multiplyAVX512()
	multiplyAVX2()
	keyStream()
	Generate()
}

// isa is one vector width.
type isa struct {
	suffix string
	bytes  int // of a vector
	vec    func() reg.VecVirtual
}

var (
	avx512 = &isa{"AVX512", 64, ZMM}
	avx2   = &isa{"AVX2", 32, YMM}
)

func text(name, signature, comment string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Comment(comment)
}

func ptr(name string) reg.Register { return Load(Param(name), GP64()) }

func at(r reg.Register, disp int) Mem { return Mem{Base: r, Disp: disp} }

func label(name string) LabelRef { return LabelRef(name) }

// load moves memory into a new register.
func (v *isa) load(m Mem) reg.VecVirtual {
	r := v.vec()
	v.move(m, r)
	return r
}

func (v *isa) move(from, to Op) { VMOVUPS(from, to) }

func (v *isa) xor(a, b Op, dst reg.VecVirtual) {
	if v == avx512 {
		VPXORQ(a, b, dst)
	} else {
		VPXOR(a, b, dst)
	}
}

func (v *isa) and(a, b Op, dst reg.VecVirtual) {
	if v == avx512 {
		VPANDQ(a, b, dst)
	} else {
		VPAND(a, b, dst)
	}
}

// affine is VGF2P8AFFINEQB with constant 0: dst = the 8×8 matrix of each quarter
// word of m times the bytes of x.
func affine(m, x, dst reg.VecVirtual) {
	Instruction(&ir.Instruction{
		Opcode: "VGF2P8AFFINEQB", Operands: []Op{Imm(0), m, x, dst},
		Inputs: []Op{m, x}, Outputs: []Op{dst}, ISA: []string{"AVX512F", "GFNI"},
	})
}

func constants() {
	// interleave the bytes of the two halves of 16 bytes
	GLOBL("interleave", RODATA|NOPTR)
	for i := range 64 {
		DATA(i, U8(i%16/2+i%2*8))
	}
}

func imm(n uint64) Constant { return U32(n) }
