package exec

import (
	"math"
	"math/bits"
	"sort"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
)

// weigh fills the running sums of the weights of leaves.
func (r *doubleRun) weigh() {
	s := r.s
	n := 1 << s.plan.Width / s.leaf
	s.cum = grow(s.cum, n)
	const group = 64
	r.each((n+group-1)/group, func(_ *doubleWorker, u int) {
		for g := u * group; g < min((u+1)*group, n); g++ {
			s.cum[g] = 0
			s.each(g, func(w uint64) bool { s.cum[g] += w; return true })
		}
	})
	sum := uint64(0)
	for g, w := range s.cum {
		sum += w
		s.cum[g] = sum
	}
}

// each calls f with the weights of leaf g, by number, until it returns false.
func (s *Double) each(g int, f func(w uint64) bool) {
	x := s.x[stateOffset(uint64(g*s.leaf))/4:][:2*s.leaf]
	for o := 0; o < len(x); o += kernel.Block {
		for l := o; l < o+kernel.Lanes; l++ {
			if !f(weight64(x[l], x[l+kernel.Lanes])) {
				return
			}
		}
	}
}

// Outcome is the basis state, qubit q at bit q, that a word selects: the first, by
// number, whose running sum of weights exceeds floor(word·T / 2^64).
func (s *Double) Outcome(word uint64) uint64 {
	at, _ := bits.Mul64(word, s.cum[len(s.cum)-1])
	g := sort.Search(len(s.cum), func(g int) bool { return s.cum[g] > at })
	if g > 0 {
		at -= s.cum[g-1]
	}
	i, sum := 0, uint64(0)
	s.each(g, func(w uint64) bool {
		if sum += w; sum > at {
			return false
		}
		i++
		return true
	})
	return s.plan.Qubits(uint64(g*s.leaf+i)) ^ s.prog.Frame
}

// Sample sets out[i] to Outcome(words[i]).
func (s *Double) Sample(out, words []uint64) {
	for i, w := range words {
		out[i] = s.Outcome(w)
	}
}

// Probability returns the weight of a basis state as a multiple of 2^-51.
func (s *Double) Probability(qubits uint64) float64 {
	re, im := s.Stored(qubits)
	return float64(re*re) + float64(im*im)
}

// Total is the sum of all weights.
func (s *Double) Total() float64 {
	return math.Ldexp(float64(s.cum[len(s.cum)-1]), -kernel.WeightBits)
}
