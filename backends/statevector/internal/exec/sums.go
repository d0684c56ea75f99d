package exec

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
)

// sums is an ascending list of running sums, a power of two long, and a guide to
// search it.
type sums struct {
	cum   []uint64 // with kernel.Beyond more elements at its end
	guide []uint32 // how many sums are at most j<<shift; empty: not made
	shift int
}

// size makes room for n sums.
func (s *sums) size(n int) {
	s.cum = grow(s.cum, n+kernel.Beyond)[:n]
	for i := range kernel.Beyond {
		s.cum[:n+kernel.Beyond][n+i] = 1<<64 - 1
	}
	s.guide = s.guide[:0]
}

// accumulate turns weights into running sums.
func (s *sums) accumulate() {
	var sum uint64
	for i, x := range s.cum {
		sum += x
		s.cum[i] = sum
	}
	s.guide = s.guide[:0]
}

func (s *sums) total() uint64 { return s.cum[len(s.cum)-1] }

// before returns the sum of what comes before place g.
func (s *sums) before(g int) uint64 {
	if g == 0 {
		return 0
	}
	return s.cum[g-1]
}

// table is what a kernel searches.
func (s *sums) table() *kernel.Sums {
	return &kernel.Sums{Cum: s.cum[:len(s.cum)+kernel.Beyond], Guide: s.guide, Shift: uint(s.shift)}
}

// near returns the place of at, below the last sum, where a guide finer than the
// sums nearly always has it.
func (s *sums) near(at uint64) int {
	g := int(s.guide[at>>(uint(s.shift)&63)])
	for s.cum[g] <= at {
		g++
	}
	return g
}

// makeGuide tabulates the first place of every 2^shift-th number, for about as
// many numbers as wanted.
func (s *sums) makeGuide(wanted int) {
	total := s.total()
	s.shift = max(bits.Len64(total)-bits.Len(uint(max(wanted, 1))), 0)
	n := int((total-1)>>s.shift) + 1
	s.guide = grow(s.guide, n+1)
	clear(s.guide)
	up := uint64(1)<<s.shift - 1
	guide := s.guide
	for i, c := range s.cum { // ascending: of equal places the last one stays
		guide[(c+up)>>(uint(s.shift)&63)] = uint32(i + 1)
	}
	most := uint32(0)
	for j, g := range guide {
		most = max(most, g)
		guide[j] = most
	}
	s.guide = guide[:n]
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

// less is all ones where a < b, else 0.
func less(a, b uint64) uint64 {
	_, borrow := bits.Sub64(a, b, 0)
	return -borrow
}

// grow returns n elements with undefined contents.
func grow[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}
