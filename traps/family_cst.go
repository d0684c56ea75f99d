package traps

import (
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

const labelCST = "cst"

// cst measures stabilizer products of random Clifford circuits: the traps of a
// window share one circuit, each takes a random product of the stabilizers of its
// state (direct fidelity estimation on stabilizer states, Flammia and Liu, PRL
// 106, 230501, 2011).
var cst = family{name: "cst", mix: Mix{B: 1}, about: "random products of the stabilizers of one random Clifford state per window", rates: parityFloor(1 << 32),
	draw: func(g *Generator, window int, mask, _ []byte) byte {
		st := seed.NewStream(g.sched.root, labelCST, uint64(window))
		for l := range g.base {
			v, p := st.Uniform(numVs), st.Uniform(numDraw)
			g.base[l] = uint8(4*v + p)
		}
		for all := circuit.PauliI; all == circuit.PauliI; {
			for q := range g.frame {
				g.frame[q] = circuit.PauliZ * circuit.Pauli(g.stream.Uniform(2))
				all |= g.frame[q]
			}
		}
		neg := g.carry(true)
		g.support(mask)
		return bit(neg)
	}}
