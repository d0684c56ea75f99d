package exec

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
)

// leafSize is the number of amplitudes of a leaf; narrow states are one leaf.
const leafSize = 64

// weigh writes the weights of leaves from..to-1 into cum.
func (s *State) weigh(w *worker, from, to int) {
	w.k.Weights(s.cum[from:to], s.x[from*s.leaf:to*s.leaf])
}

func (s *State) accumulate() {
	var sum uint64
	for i, x := range s.cum {
		sum += x
		s.cum[i] = sum
	}
}

// Sample sets out[i] to the basis state, qubit q at bit q, that words[i]
// selects: the first one, by number, whose running sum of weights exceeds
// floor(word·T / 2^64), T the sum of all weights. Everything is integer, and
// out[i] depends on the state and words[i] alone. The slices have equal length.
//
// Only leaves that are hit are opened, each once per batch.
func (s *State) Sample(out, words []uint64) {
	batches := (len(words) + batchShots - 1) / batchShots
	if w := len(s.workers); len(words) >= w*minShots { // one batch per worker at least
		batches = max(batches, w)
	}
	each(s.workers, max(batches, 1), func(w *worker, u int) {
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
	shots  []shot   // in order of words
	order  []uint32 // shot numbers in order of buckets
	start  []uint32 // first place of each bucket, then the place after its last
	prefix [leafSize]uint64
}

// shot is what is left of a word when its leaf is known.
type shot struct {
	at   uint64 // within the leaf
	leaf uint32
}

func (m *sampler) run(s *State, out, words []uint64) {
	shift := max(bits.Len(uint(len(s.cum)-1))-bits.Len(maxBuckets-1), 0)
	m.find(s, words, shift)
	opened := -1
	for _, i := range m.order {
		sh := m.shots[i]
		if int(sh.leaf) != opened {
			opened = int(sh.leaf)
			m.open(s, opened)
		}
		index := opened*s.leaf/2 + search(m.prefix[:s.leaf/2], sh.at)
		out[i] = s.plan.Qubits(uint64(index)) ^ s.prog.Frame
	}
}

// find looks up the leaf of each word and sorts by leaf>>shift.
func (m *sampler) find(s *State, words []uint64, shift int) {
	m.shots, m.order = m.shots[:0], m.order[:0]
	m.start = append(m.start[:0], make([]uint32, len(s.cum)>>shift+1)...)
	total := s.cum[len(s.cum)-1]
	for _, w := range words {
		at, _ := bits.Mul64(w, total)
		g := search(s.cum, at)
		if g > 0 {
			at -= s.cum[g-1]
		}
		m.shots = append(m.shots, shot{at, uint32(g)})
		m.start[g>>shift+1]++
	}
	for b := 1; b < len(m.start); b++ {
		m.start[b] += m.start[b-1]
	}
	if cap(m.order) < len(words) {
		m.order = make([]uint32, len(words))
	}
	m.order = m.order[:len(words)]
	for i := range m.shots {
		p := &m.start[m.shots[i].leaf>>shift]
		m.order[*p] = uint32(i)
		*p++
	}
}

// open tabulates the running sums of leaf g.
func (m *sampler) open(s *State, g int) {
	p := m.prefix[:s.leaf/2]
	s.kernel.Squares(p, s.x[g*s.leaf:][:s.leaf])
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

// Outcome is Sample for one word.
func (s *State) Outcome(word uint64) uint64 {
	var out [1]uint64
	var m sampler
	m.run(s, out[:], []uint64{word})
	return out[0]
}

// weight returns the weight of the amplitude of a basis state.
func (s *State) weight(qubits uint64) uint64 {
	return kernel.Weight(s.at(s.stored(qubits)))
}
