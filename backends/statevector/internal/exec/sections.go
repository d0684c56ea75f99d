package exec

import "math/bits"

// sectionWidth is the width of a section: all its running sums, 128 KiB, and a
// guide to them stay in a second-level cache.
const sectionWidth = 14

// Shots that are sorted at once: their scratch memory is 10 bytes each.
const sectionShots = 1 << 20

// sections is the scratch memory of sampleSections.
type sections struct {
	tops  sums     // of whole sections
	which []uint16 // per word: its section
	at    []uint64 // what is left within the section, in order of sections; then the outcome
	start [][]uint32
}

// sampleSections draws with all running sums, a section at a time: words are
// sorted by section, in their order, then searched, then put back.
func (s *State) sampleSections(out, words []uint64) {
	m := &s.sections
	n := 1 << (s.plan.Width - sectionWidth)
	if len(m.tops.cum) == 0 {
		m.tops.size(n)
		per := len(s.leaves.cum) / n
		for i := range m.tops.cum {
			m.tops.cum[i] = s.leaves.cum[(i+1)*per-1]
		}
		m.tops.makeGuide(64 * n)
	}
	for from := 0; from < len(words); from += sectionShots {
		to := min(from+sectionShots, len(words))
		s.sampleSorted(out[from:to], words[from:to], n)
	}
}

func (s *State) sampleSorted(out, words []uint64, n int) {
	m := &s.sections
	m.which, m.at = grow(m.which, len(words)), grow(m.at, len(words))
	parts := len(s.workers)
	for len(m.start) < parts+1 {
		m.start = append(m.start, nil)
	}
	part := func(u int) (from, to int) { return u * len(words) / parts, (u + 1) * len(words) / parts }
	s.share(parts, func(_ *worker, u int) {
		from, to := part(u)
		m.start[u] = grow(m.start[u], n)
		m.count(words[from:to], m.which[from:to], m.start[u])
	})
	m.start[parts] = grow(m.start[parts], n+1)
	first := m.order(parts, n)
	s.share(parts, func(_ *worker, u int) {
		from, to := part(u)
		m.sort(words[from:to], m.which[from:to], m.start[u])
	})
	q := s.numbers()
	s.share(n, func(w *worker, g int) {
		if at := m.at[first[g]:first[g+1]]; len(at) > 0 {
			w.section.size(1 << sectionWidth)
			s.running(&w.section, g<<sectionWidth)
			w.section.makeGuide(min(2*len(w.section.cum), 2*len(at)))
			w.k.Locate(at, at, w.section.table(), 0)
			base := s.plan.Qubits(uint64(g)<<sectionWidth) ^ s.prog.Frame
			for i, x := range at {
				at[i] = q.of(x) ^ base
			}
		}
	})
	s.share(parts, func(_ *worker, u int) {
		from, to := part(u)
		m.restore(out[from:to], m.which[from:to], m.start[u])
	})
}

// count finds the section of each word and how many there are of each.
func (m *sections) count(words []uint64, which []uint16, counts []uint32) {
	clear(counts)
	total := m.tops.total()
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		g := m.tops.near(at)
		which[i] = uint16(g)
		counts[g]++
	}
}

// order turns counts into places: all parts of section 0, then of section 1, ….
// It returns the first place of each section, and the end.
func (m *sections) order(parts, n int) []uint32 {
	first, at := m.start[parts], uint32(0)
	for g := range n {
		first[g] = at
		for _, counts := range m.start[:parts] {
			at, counts[g] = at+counts[g], at
		}
	}
	first[n] = at
	return first
}

// sort puts what is left of each word into the places of its section, which are
// left as they were.
func (m *sections) sort(words []uint64, which []uint16, start []uint32) {
	total, cum := m.tops.total(), m.tops.cum
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		g := which[i]
		if g > 0 {
			at -= cum[g-1]
		}
		m.at[start[g]] = at
		start[g]++
	}
}

// restore puts the outcomes back into the order of the words. It goes
// backwards, which undoes the steps of start.
func (m *sections) restore(out []uint64, which []uint16, start []uint32) {
	for i := len(which) - 1; i >= 0; i-- {
		g := which[i]
		start[g]--
		out[i] = m.at[start[g]]
	}
}
