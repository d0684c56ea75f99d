package exec

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
)

// leafSize is the number of amplitudes of a leaf; narrow states are one leaf.
const leafSize = 64

// weigh writes the weights of leaves from..to-1 of one chunk into cum.
func (s *State) weigh(w *worker, from, to int) {
	w.k.Weights(s.cum[from:to], s.leaves(from, to))
}

// leaves returns leaves from..to-1 of one chunk.
func (s *State) leaves(from, to int) []float32 {
	return s.x[stateOffset(uint64(from*s.leaf/2))/4:][:(to-from)*s.leaf]
}

func (s *State) accumulate() {
	var sum uint64
	for i, x := range s.cum {
		sum += x
		s.cum[i] = sum
	}
	s.guide = s.guide[:0]
}

// Sample sets out[i] to the basis state, qubit q at bit q, that words[i]
// selects: the first one, by number, whose running sum of weights exceeds
// floor(word·T / 2^64), T the sum of all weights. Everything is integer, and
// out[i] depends on the state and words[i] alone. The slices have equal length.
//
// Only leaves that are hit are opened, each once per batch.
func (s *State) Sample(out, words []uint64) {
	if len(words) >= len(s.cum)/8 && len(s.guide) == 0 {
		s.makeGuide()
	}
	batches := (len(words) + batchShots - 1) / batchShots
	if n := len(s.workers); len(words) >= n*minShots { // one batch per worker at least
		batches = max(batches, n)
	}
	each(s.workers, batches, func(w *worker, u int) {
		from, to := u*len(words)/batches, (u+1)*len(words)/batches
		w.sampler.run(s, out[from:to], words[from:to])
	})
}

// Shots that a worker sorts at once, and below which it works alone.
const (
	batchShots = 1 << 17
	minShots   = 1 << 11
)

// maxBuckets bounds the buckets of the sort.
const maxBuckets = 1 << 14

// sampler is the scratch memory of a batch.
type sampler struct {
	leaf   []uint32 // per word
	start  []uint32 // first place of each bucket
	sorted []shot
	prefix [leafSize]uint64
}

// shot is a word whose leaf is known.
type shot struct {
	at      uint64 // what is left of the running sum within the leaf
	i, leaf uint32 // number of the word, leaf
}

func (m *sampler) run(s *State, out, words []uint64) {
	m.sort(s, words)
	opened := uint32(1<<32 - 1)
	var base uint64
	for _, sh := range m.sorted {
		if sh.leaf != opened {
			opened, base = sh.leaf, uint64(sh.leaf)*uint64(s.leaf/2)
			m.open(s, int(opened))
		}
		index := base + uint64(search(m.prefix[:s.leaf/2], sh.at))
		out[sh.i] = s.plan.Qubits(index) ^ s.prog.Frame
	}
}

// sort looks up the leaf of each word and sorts the words by it, or by its upper
// bits where there are too many leaves.
func (m *sampler) sort(s *State, words []uint64) {
	shift := max(bits.Len(uint(len(s.cum)-1))-bits.Len(maxBuckets-1), 0)
	m.leaf = grow(m.leaf, len(words))
	m.start = grow(m.start, (len(s.cum)-1)>>shift+2)
	m.sorted = grow(m.sorted, len(words))
	clear(m.start)
	total := s.cum[len(s.cum)-1]
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		g := s.find(at)
		m.leaf[i] = uint32(g)
		m.start[g>>shift+1]++
	}
	for b := 1; b < len(m.start); b++ {
		m.start[b] += m.start[b-1]
	}
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		g := m.leaf[i]
		if g > 0 {
			at -= s.cum[g-1]
		}
		p := &m.start[g>>shift]
		m.sorted[*p] = shot{at, uint32(i), g}
		*p++
	}
}

// grow returns n elements with undefined contents.
func grow[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}

// find returns the first leaf whose running sum exceeds at.
func (s *State) find(at uint64) int {
	if len(s.guide) == 0 {
		return search(s.cum, at)
	}
	g := int(s.guide[at>>s.guideShift])
	for s.cum[g] <= at {
		g++
	}
	return g
}

// makeGuide tabulates the leaf of every 2^guideShift-th number, about as many as
// there are leaves. A search from there takes two steps on average.
func (s *State) makeGuide() {
	total := s.cum[len(s.cum)-1]
	s.guideShift = max(bits.Len64(total)-bits.Len(uint(len(s.cum))), 0)
	s.guide = grow(s.guide, int((total-1)>>s.guideShift)+1)
	g := 0
	for j := range s.guide {
		for s.cum[g] <= uint64(j)<<s.guideShift {
			g++
		}
		s.guide[j] = uint32(g)
	}
}

// open tabulates the running sums of leaf g.
func (m *sampler) open(s *State, g int) {
	p := m.prefix[:s.leaf/2]
	s.kernel.Squares(p, s.leaves(g, g+1))
	var sum uint64
	for i, x := range p {
		sum += x
		p[i] = sum
	}
}

// search returns the first place of an ascending list, a power of two long,
// whose number exceeds at, which is below the last one. It does not branch.
func search(sums []uint64, at uint64) int {
	pos := 0
	for step := len(sums) / 2; step > 0; step /= 2 {
		_, below := bits.Sub64(at, sums[pos+step-1], 0)
		pos += step & (int(below) - 1)
	}
	return pos
}

// Outcome is Sample for one word; many goroutines may call it.
func (s *State) Outcome(word uint64) uint64 {
	at, _ := bits.Mul64(word, s.cum[len(s.cum)-1])
	g := search(s.cum, at)
	if g > 0 {
		at -= s.cum[g-1]
	}
	var m sampler
	m.open(s, g)
	index := uint64(g*s.leaf/2 + search(m.prefix[:s.leaf/2], at))
	return s.plan.Qubits(index) ^ s.prog.Frame
}

// weight returns the weight of the amplitude of a basis state.
func (s *State) weight(qubits uint64) uint64 {
	o := s.stored(qubits)
	return kernel.Weight(s.x[o], s.x[o+kernel.Lanes])
}
