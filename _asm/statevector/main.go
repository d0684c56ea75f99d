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

// Bytes of a block: 16 real parts, then 16 imaginary parts.
const (
	partBytes  = 64
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
	Generate()
}

// isa is one vector width.
type isa struct {
	suffix    string
	bytes     int // of a vector
	maxRotate int // qubits that one sweep rotates
	maxFused  int // the same with a diagonal
	vec       func() reg.VecVirtual
}

var (
	avx512 = &isa{"AVX512", 64, 4, 3, ZMM}
	avx2   = &isa{"AVX2", 32, 3, 0, YMM}
)

// parts is the number of vectors in 16 lanes.
func (v *isa) parts() int { return partBytes / v.bytes }

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
	if v == avx512 {
		VPXORD(a, b, dst)
	} else {
		VPXOR(a, b, dst)
	}
}

func (v *isa) comment(format string, args ...any) { Comment(fmt.Sprintf(format, args...)) }
