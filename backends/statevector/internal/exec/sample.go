package exec

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
)

// leafSize is the number of amplitudes of a leaf; narrow states are one leaf.
const leafSize = 64

// weigh writes the weights of leaves from..to-1 of one chunk.
func (s *State) weigh(w *worker, from, to int) {
	w.k.Weights(s.leaves.cum[from:to], s.leafData(from, to))
}

// leafData returns leaves from..to-1 of one chunk.
func (s *State) leafData(from, to int) []float32 {
	return s.x[stateOffset(uint64(from*s.leaf/2))/4:][:(to-from)*s.leaf]
}

// Sample sets out[i] to the basis state, qubit q at bit q, that words[i]
// selects: the first one, by number, whose running sum of weights exceeds
// floor(word·T / 2^64), T the sum of all weights. Everything is integer, and
// out[i] depends on the state and words[i] alone. The slices have equal length.
//
// Of a wide state only leaves that are hit are opened, each once per batch.
func (s *State) Sample(out, words []uint64) {
	narrow := s.plan.Width <= narrowWidth && len(words) >= 1<<s.plan.Width/4
	if narrow && len(s.all.cum) == 0 {
		s.openAll()
	}
	if len(words) >= len(s.leaves.cum)/8 && len(s.leaves.guide) == 0 {
		s.leaves.makeGuide()
	}
	batches := (len(words) + batchShots - 1) / batchShots
	if n := len(s.workers); len(words) >= n*minShots { // one batch per worker at least
		batches = max(batches, n)
	}
	team := newTeam(s.workers[:min(len(s.workers), max(batches, 1))])
	defer team.dismiss()
	team.each(batches, func(w *worker, u int) {
		from, to := u*len(words)/batches, (u+1)*len(words)/batches
		if narrow {
			s.sampleAll(out[from:to], words[from:to])
		} else {
			w.sampler.run(s, out[from:to], words[from:to])
		}
	})
}

// Shots that a worker sorts at once, and below which it works alone.
const (
	batchShots = 1 << 18
	minShots   = 1 << 11
)

// narrowWidth is the widest state of which all running sums are tabulated, in up
// to 768 KiB.
const narrowWidth = 16

// openAll makes the running sums of all amplitudes.
func (s *State) openAll() {
	s.all.cum = grow(s.all.cum, 1<<s.plan.Width)
	for g := range s.leaves.cum {
		s.kernel.Squares(s.all.cum[g*s.leaf/2:], s.leafData(g, g+1))
	}
	s.all.accumulate()
	s.all.makeGuide()
}

func (s *State) sampleAll(out, words []uint64) {
	total := s.all.total()
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		out[i] = s.plan.Qubits(uint64(s.all.find(at))) ^ s.prog.Frame
	}
}

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
	m.sort(&s.leaves, words)
	opened := uint32(1<<32 - 1)
	var base uint64
	for _, sh := range m.sorted {
		if sh.leaf != opened {
			opened, base = sh.leaf, uint64(sh.leaf)*uint64(s.leaf/2)
			m.open(s, int(opened))
		}
		out[sh.i] = s.plan.Qubits(base+uint64(place(&m.prefix, sh.at))) ^ s.prog.Frame
	}
}

// sort looks up the leaf of each word and sorts the words by it, or by its upper
// bits where there are too many leaves.
func (m *sampler) sort(leaves *sums, words []uint64) {
	shift := max(bits.Len(uint(len(leaves.cum)-1))-bits.Len(maxBuckets-1), 0)
	m.leaf = grow(m.leaf, len(words))
	m.start = grow(m.start, (len(leaves.cum)-1)>>shift+2)
	m.sorted = grow(m.sorted, len(words))
	clear(m.start)
	total := leaves.total()
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		g := leaves.find(at)
		m.leaf[i] = uint32(g)
		m.start[g>>shift+1]++
	}
	for b := 1; b < len(m.start); b++ {
		m.start[b] += m.start[b-1]
	}
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		g := m.leaf[i]
		p := &m.start[g>>shift]
		m.sorted[*p] = shot{at - leaves.before(int(g)), uint32(i), g}
		*p++
	}
}

// open tabulates the running sums of leaf g.
func (m *sampler) open(s *State, g int) {
	p := m.prefix[:s.leaf/2]
	s.kernel.Squares(p, s.leafData(g, g+1))
	var sum uint64
	for i, x := range p {
		sum += x
		p[i] = sum
	}
	for i := len(p); i < leafSize; i++ {
		m.prefix[i] = 1<<64 - 1
	}
}

// place is search for a leaf, written out.
func place(p *[leafSize]uint64, at uint64) int {
	i := 32 &^ less(at, p[31])
	i += 16 &^ less(at, p[(i+15)&63])
	i += 8 &^ less(at, p[(i+7)&63])
	i += 4 &^ less(at, p[(i+3)&63])
	i += 2 &^ less(at, p[(i+1)&63])
	i += 1 &^ less(at, p[i&63])
	return int(i)
}

// Outcome is Sample for one word; many goroutines may call it.
func (s *State) Outcome(word uint64) uint64 {
	at, _ := bits.Mul64(word, s.leaves.total())
	g := search(s.leaves.cum, at)
	var m sampler
	m.open(s, g)
	index := g*s.leaf/2 + place(&m.prefix, at-s.leaves.before(g))
	return s.plan.Qubits(uint64(index)) ^ s.prog.Frame
}

// weight returns the weight of the amplitude of a basis state.
func (s *State) weight(qubits uint64) uint64 {
	o := s.stored(qubits)
	return kernel.Weight(s.x[o], s.x[o+kernel.Lanes])
}
