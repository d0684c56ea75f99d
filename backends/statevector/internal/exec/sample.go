package exec

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
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
// Where there are many words for the state's size, all running sums are made, a
// section at a time; else only leaves that are hit are opened, each once per
// batch.
func (s *State) Sample(out, words []uint64) {
	if len(words)*dense >= 1<<s.plan.Width && s.plan.Width <= sectionWidth+16 {
		if s.plan.Width <= narrowWidth {
			s.sampleNarrow(out, words)
		} else {
			s.sampleSections(out, words)
		}
		return
	}
	if len(words) >= len(s.leaves.cum)/8 && len(s.leaves.guide) == 0 {
		s.leaves.makeGuide(len(s.leaves.cum))
	}
	batches := (len(words) + batchShots - 1) / batchShots
	if n := len(s.workers); len(words) >= n*minShots { // one batch per worker at least
		batches = max(batches, n)
	}
	s.share(batches, func(w *worker, u int) {
		from, to := u*len(words)/batches, (u+1)*len(words)/batches
		w.sampler.run(s, out[from:to], words[from:to])
	})
}

const (
	// Shots that a worker sorts at once, and below which it works alone.
	batchShots = 1 << 18
	minShots   = 1 << 11
	// dense is the number of amplitudes per shot up to which it pays to sum all.
	dense = 16
)

// share runs f for units 0..n-1 on the workers.
func (s *State) share(n int, f func(w *worker, u int)) {
	if n <= 1 || len(s.workers) == 1 {
		for u := range n {
			f(s.workers[0], u)
		}
		return
	}
	t := newTeam(s.workers[:min(len(s.workers), n)])
	t.each(n, f)
	t.dismiss()
}

// sampleNarrow searches the running sums of all amplitudes.
func (s *State) sampleNarrow(out, words []uint64) {
	s.sumAll(len(words))
	t := s.all.table()
	batches := s.batches(len(words))
	s.share(batches, func(_ *worker, u int) {
		from, to := u*len(words)/batches, (u+1)*len(words)/batches
		if s.plan.FirstLane == 0 {
			s.kernel.Draw(out[from:to], words[from:to], t, s.prog.Frame)
			return
		}
		s.kernel.Draw(out[from:to], words[from:to], t, 0)
		s.finish(out[from:to])
	})
}

// SampleRows is Sample into rows of two bytes, little-endian, for up to 16 qubits.
// It reports false where Sample must be called.
func (s *State) SampleRows(rows []byte, words []uint64) bool {
	if s.plan.FirstLane != 0 || s.plan.Width > narrowWidth || len(words)*dense < 1<<s.plan.Width {
		return false
	}
	s.sumAll(len(words))
	t := s.all.table()
	batches := s.batches(len(words))
	s.share(batches, func(_ *worker, u int) {
		from, to := u*len(words)/batches, (u+1)*len(words)/batches
		s.kernel.DrawRows(rows[2*from:2*to], words[from:to], t, s.prog.Frame)
	})
	return true
}

// batches is how many workers draw n words from a narrow state.
func (s *State) batches(n int) int { return max(min(len(s.workers), n/batchNarrow), 1) }

// sumAll makes the running sums of a narrow state and a guide for n words.
func (s *State) sumAll(n int) {
	if len(s.all.cum) == 0 {
		s.all.size(1 << s.plan.Width)
		s.running(&s.all, 0)
	}
	if wanted := min(len(s.all.cum), 2*n); 4*len(s.all.guide) < wanted {
		s.all.makeGuide(wanted)
	}
}

// narrowWidth is the widest state of which all running sums are kept, in up to
// 1 MiB with a guide.
const narrowWidth = 15

// batchNarrow is the least number of shots of a narrow state that another worker
// is asked for.
const batchNarrow = 1 << 14

// finish turns numbers of amplitudes into basis states.
func (s *State) finish(out []uint64) {
	frame, q := s.prog.Frame, s.numbers()
	for i, x := range out {
		out[i] = q.of(x) ^ frame
	}
}

// numbers is plan.Qubits with its shifts at hand.
type numbers struct {
	lane, above uint
	below       uint64
}

func (s *State) numbers() numbers {
	f := uint(s.plan.FirstLane)
	return numbers{f, f + plan.Lanes, 1<<f - 1}
}

func (q *numbers) of(x uint64) uint64 {
	r := x >> plan.Lanes
	return r>>(q.lane&63)<<(q.above&63) | x&(kernel.Lanes-1)<<(q.lane&63) | r&q.below
}

// running fills list with the running sums of amplitudes first, first+1, ….
func (s *State) running(list *sums, first int) {
	var sum uint64
	for at := 0; at < len(list.cum); {
		n := min(len(list.cum)-at, 1<<plan.ChunkMax)
		w := list.cum[at:][:n]
		s.kernel.Running(w, s.x[stateOffset(uint64(first+at))/4:][:2*n], sum)
		sum = w[n-1]
		at += n
	}
}

// maxBuckets bounds the buckets of the sort.
const maxBuckets = 1 << 14

// sampler is the scratch memory of a batch.
type sampler struct {
	leaf    []uint32 // per word
	start   []uint32 // first place of each bucket
	sorted  []shot
	prefix  [leafSize]uint64
	section sums // running sums of one
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
	total, t := leaves.total(), leaves.table()
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		g := 0
		if len(t.Guide) > 0 {
			g = t.Find(at)
		} else {
			g = search(leaves.cum, at)
		}
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
	s.kernel.Running(p, s.leafData(g, g+1), 0)
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
