package exec

import (
	"math/bits"
)

// sums is an ascending list of running sums, a power of two long, and a guide to
// search it.
type sums struct {
	cum   []uint64
	guide []uint32 // where to start for at>>shift; empty: not made
	shift int
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

// find returns the first place whose sum exceeds at, which is below the total.
func (s *sums) find(at uint64) int {
	if len(s.guide) == 0 {
		return search(s.cum, at)
	}
	g := int(s.guide[at>>s.shift])
	g += int(1 &^ less(at, s.cum[g])) // half of all searches take this step: no branch
	for s.cum[g] <= at {
		g++
	}
	return g
}

// makeGuide tabulates the place of every 2^shift-th number, about as many as
// there are places. A search from there takes two steps on average.
func (s *sums) makeGuide() {
	total := s.total()
	s.shift = max(bits.Len64(total)-bits.Len(uint(len(s.cum))), 0)
	s.guide = grow(s.guide, int((total-1)>>s.shift)+1)
	g := 0
	for j := range s.guide {
		for s.cum[g] <= uint64(j)<<s.shift {
			g++
		}
		s.guide[j] = uint32(g)
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
