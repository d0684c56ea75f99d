package seed

import "slices"

// Shuffle returns a uniform permutation of 0..n-1: Fisher-Yates from the top,
// i = n-1..1 swapped with Uniform(i+1).
func (s *Stream) Shuffle(n int) []uint32 {
	p := identity(n)
	for i := len(p) - 1; i > 0; i-- {
		j := s.Uniform(uint64(i) + 1)
		p[i], p[j] = p[j], p[i]
	}
	return p
}

// Choose returns k of the numbers 0..n-1 in rising order, every subset equally
// likely: the first k steps of a forward Fisher-Yates, j = i + Uniform(n-i),
// then sorted. A k above n counts as n.
func (s *Stream) Choose(k, n int) []uint32 {
	p := identity(n)
	k = min(max(k, 0), len(p))
	for i := range k {
		j := uint64(i) + s.Uniform(uint64(len(p)-i))
		p[i], p[j] = p[j], p[i]
	}
	p = p[:k:k]
	slices.Sort(p)
	return p
}

// identity returns 0..n-1; a negative n counts as 0.
func identity(n int) []uint32 {
	p := make([]uint32, max(n, 0))
	for i := range p {
		p[i] = uint32(i)
	}
	return p
}
