package exec

import (
	"math/bits"
)

// sums is an ascending list of running sums, a power of two long, and a guide to
// search it.
type sums struct {
	cum   []uint64 // with beyond more elements at its end
	guide []uint32 // how many sums are at most j<<shift; empty: not made
	shift int
}

// beyond is the number of places that a search may look at past the last one.
const beyond = 2

// size makes room for n sums.
func (s *sums) size(n int) {
	s.cum = grow(s.cum, n+beyond)[:n]
	for i := range beyond {
		s.cum[:n+beyond][n+i] = 1<<64 - 1
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

// finder is what a search needs, in registers.
type finder struct {
	cum   []uint64
	guide []uint32
	shift uint
}

func (s *sums) finder() finder {
	return finder{s.cum[:len(s.cum)+beyond], s.guide, uint(s.shift)}
}

// find returns the first place whose sum exceeds at, which is below the total.
// Nearly all searches end within two steps, which do not branch.
func (f *finder) find(at uint64) int {
	g := int(f.guide[at>>(f.shift&63)])
	c := f.cum[g:]
	_, below := bits.Sub64(at, c[0], 0)
	_, below2 := bits.Sub64(at, c[1], 0)
	g += 2 - int(below+below2)
	for f.cum[g] <= at {
		g++
	}
	return g
}

// near is find where nearly all searches end at once.
func (f *finder) near(at uint64) int {
	g := int(f.guide[at>>(f.shift&63)])
	for f.cum[g] <= at {
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
