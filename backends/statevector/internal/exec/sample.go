package exec

import (
	"math/bits"
	"sort"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// unit52 turns weights, multiples of 2^-52, into whole numbers.
const unit52 = 1 << 52

// weigh writes the weights of leaves from..to-1 into cum.
func (s *State) weigh(w *worker, from, to int) {
	var buf [64]float64
	out := buf[:to-from]
	s.kernel.Weights(out, s.x[from*s.leaf:to*s.leaf])
	for i, x := range out {
		s.cum[from+i] = uint64(x * unit52)
	}
}

func (s *State) accumulate() {
	var sum uint64
	for i, x := range s.cum {
		sum += x
		s.cum[i] = sum
	}
}

// Outcome returns the basis state, qubit q at bit q, that one random word
// selects: the first one, by number, whose running sum of weights exceeds
// floor(word·T / 2^64), T the sum of all weights. Everything is integer.
func (s *State) Outcome(word uint64) uint64 {
	at, _ := bits.Mul64(word, s.cum[len(s.cum)-1])
	g := sort.Search(len(s.cum)-1, func(g int) bool { return s.cum[g] > at })
	if g > 0 {
		at -= s.cum[g-1]
	}
	return s.plan.Qubits(s.pick(g, at)) ^ s.prog.Frame
}

// pick returns the number of the amplitude of leaf g that holds at.
func (s *State) pick(g int, at uint64) uint64 {
	x := s.x[g*s.leaf:][:s.leaf]
	var sum uint64
	for i := range len(x) / 2 {
		o := i>>plan.Lanes*kernel.Block + i&(kernel.Lanes-1)
		sum += uint64(kernel.Probability(x[o], x[o+kernel.Lanes]) * unit52)
		if sum > at {
			return uint64(g*s.leaf/2 + i)
		}
	}
	return uint64((g+1)*s.leaf/2 - 1) // unreachable: at is below the leaf's weight
}

// Sample sets out[i] to the outcome of words[i].
func (s *State) Sample(out, words []uint64) {
	for i, w := range words {
		out[i] = s.Outcome(w)
	}
}
