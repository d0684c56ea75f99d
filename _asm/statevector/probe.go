package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// probeChains is the number of independent chains of the probe.
const probeChains = 12

// probe writes n rounds of probeChains independent fused multiply-adds on 16
// numbers: the machine's limit, for benchmarks.
func (v *isa) probe() {
	v.text("probe", "func(n uint64)")
	v.comment("n rounds of 12 fused multiply-adds")
	n := ptr("n")
	acc := make([]reg.VecVirtual, probeChains)
	for i := range acc {
		acc[i] = v.vec()
		v.xor(acc[i], acc[i], acc[i])
	}
	Label("loop")
	for range v.parts() {
		for _, a := range acc {
			VFMADD231PS(a, a, a)
		}
	}
	SUBQ(Imm(1), n)
	JNZ(label("loop"))
	VZEROUPPER()
	RET()
}
