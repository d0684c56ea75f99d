// Command statevector writes the amd64 kernels of
// backends/statevector/internal/kernel. Each function is generated once per
// vector width from one description, so that the sequence of operations on an
// amplitude is the same by construction.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A block is 16 real parts, then 16 imaginary parts.
const blockLanes = 16

// Bytes of a block of binary32.
const (
	partBytes  = 4 * blockLanes
	blockBytes = 2 * partBytes
)

func main() {
	ConstraintExpr("!purego")
	constants()
	signs()
	spreadSigns()
	angles()
	prefetch()
	for _, v := range []*isa{avx512, avx2} {
		v.diagonals()
		for k := 1; k <= v.maxRotate; k++ {
			v.rotate(k)
		}
		for k := 1; k <= v.maxFused; k++ {
			v.fused(k)
		}
		v.exchanges()
		v.rows("gather", true)
		v.rows("scatter", false)
		v.outer()
		v.weights()
		v.probe()
	}
	for k := range 4 {
		avx512.product(k)
	}
	spread()
	running()
	sinCos()
	tangents()
	draws()
	for _, v := range []*isa{avx512d, avx2d} {
		v.diagonals()
		for k := 1; k <= v.maxRotate; k++ {
			v.rotate(k)
		}
		for k := 1; k <= v.maxFused; k++ {
			v.fused(k)
		}
		v.exchanges()
		v.outer()
	}
	Generate()
}

// isa is one vector width.
type isa struct {
	suffix    string
	bytes     int // of a vector
	maxRotate int // qubits that one sweep rotates
	maxFused  int // the same with a diagonal
	vec       func() reg.VecVirtual
	elem      int // bytes of a number
}

var (
	avx512  = &isa{"AVX512", 64, 4, 3, ZMM, 4}
	avx2    = &isa{"AVX2", 32, 3, 0, YMM, 4}
	avx512d = &isa{"D512", 64, 4, 2, ZMM, 8}
	avx2d   = &isa{"D256", 32, 3, 0, YMM, 8}
)

// part and block are bytes of 16 numbers and of a block.
func (v *isa) part() int  { return blockLanes * v.elem }
func (v *isa) block() int { return 2 * v.part() }

// parts is the number of vectors in 16 lanes.
func (v *isa) parts() int { return v.part() / v.bytes }

// laneBits is the number of lane qubits that lie within a vector.
func (v *isa) laneBits() (n int) {
	for 1<<(n+1) <= v.bytes/v.elem {
		n++
	}
	return n
}

// The operations on numbers of either size. Arguments are in the order of the
// instructions.

func (v *isa) mul(a, b, dst Op) {
	if v.elem == 8 {
		VMULPD(a, b, dst)
	} else {
		VMULPS(a, b, dst)
	}
}

func (v *isa) fmadd(a, b, dst Op) {
	if v.elem == 8 {
		VFMADD231PD(a, b, dst)
	} else {
		VFMADD231PS(a, b, dst)
	}
}

func (v *isa) fnmadd(a, b, dst Op) {
	if v.elem == 8 {
		VFNMADD231PD(a, b, dst)
	} else {
		VFNMADD231PS(a, b, dst)
	}
}

func (v *isa) broadcast(m Op, dst reg.VecVirtual) {
	if v.elem == 8 {
		VBROADCASTSD(m, dst)
	} else {
		VBROADCASTSS(m, dst)
	}
}

// number and word are the Go types of a number and of a sign word.
func (v *isa) number() string {
	if v.elem == 8 {
		return "float64"
	}
	return "float32"
}

func (v *isa) word() string {
	if v.elem == 8 {
		return "uint64"
	}
	return "uint32"
}

func (v *isa) text(name, signature string) {
	TEXT(name+v.suffix, NOSPLIT, signature)
	Pragma("noescape")
}

func ptr(name string) reg.Register { return Load(Param(name), GP64()) }

func at(r reg.Register, disp int) Mem { return Mem{Base: r, Disp: disp} }

func label(name string) LabelRef { return LabelRef(name) }

// load puts memory into a new register.
func (v *isa) load(m Mem) reg.VecVirtual {
	r := v.vec()
	VMOVUPS(m, r)
	return r
}

func (v *isa) xor(a Op, b, dst reg.VecVirtual) {
	if v.bytes == 64 {
		VPXORD(a, b, dst)
	} else {
		VPXOR(a, b, dst)
	}
}

func (v *isa) comment(format string, args ...any) { Comment(fmt.Sprintf(format, args...)) }

// blockImm is the size of a block as an operand of ADDQ.
func (v *isa) blockImm() Op {
	if v.elem == 8 {
		return U32(v.block())
	}
	return Imm(uint64(v.block()))
}
