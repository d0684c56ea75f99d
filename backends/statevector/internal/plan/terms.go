package plan

import (
	"math/bits"
	"slices"

	"github.com/animicaorg/engine/circuit"
)

// Term multiplies the amplitudes whose qubits of Mask read Value by e^{i·Angle},
// while the counts of these qubits, ascending, are K. Mask has two qubits or
// more; with two, Value is Mask. A CZ of a circuit is a CZ, not a Term.
type Term struct {
	Mask, Value uint64
	Angle       circuit.Angle
	K           []int32
}

// sameNote reports whether two terms differ in their angle at most.
func (t *Term) sameNote(mask, value uint64, next func(q int) int32) bool {
	if t.Mask != mask || t.Value != value {
		return false
	}
	i := 0
	for m := mask; m != 0; m &= m - 1 {
		if t.K[i] != next(bits.TrailingZeros64(m)) {
			return false
		}
		i++
	}
	return true
}

// pattern is the key under which equal terms meet.
type pattern struct{ mask, value uint64 }

// phase multiplies the states whose qubits of mask read value by e^{ia}. Qubits
// are those of the program, before its frame.
func (b *builder) phase(mask, value uint64, a circuit.Angle) {
	value ^= b.p.Frame & mask
	for m := mask; m != 0; m &= m - 1 {
		q := bits.TrailingZeros64(m)
		if len(b.p.Rots[q]) > 0 {
			continue
		}
		if bit := uint64(1) << q; value&bit != 0 { // the qubit is |0⟩
			return
		} else {
			mask &^= bit
		}
	}
	switch bits.OnesCount64(mask) {
	case 0:
		b.p.Phase += a
	case 1:
		b.single(bits.TrailingZeros64(mask), value != 0, a)
	case 2:
		x, y := bits.TrailingZeros64(mask), bits.Len64(mask)-1
		vx, vy := value>>x&1, value>>y&1
		switch { // [x=u][y=v] as a polynomial in x, y
		case vx == 1 && vy == 1:
		case vx == 1:
			b.single(x, true, a)
			a = -a
		case vy == 1:
			b.single(y, true, a)
			a = -a
		default:
			b.p.Phase += a
			b.single(x, true, -a)
			b.single(y, true, -a)
		}
		b.note(mask, mask, a)
	default:
		b.note(mask, value, a)
	}
}

// single is diag(1, e^{ia}), or diag(e^{ia}, 1) where one is false, behind the frame.
func (b *builder) single(q int, one bool, a circuit.Angle) {
	if !one {
		b.p.Phase += a
		a = -a
	}
	b.alpha[q] += a
}

// note adds a term at the present counts.
func (b *builder) note(mask, value uint64, a circuit.Angle) {
	next := func(q int) int32 { return int32(len(b.p.Rots[q])) }
	key := pattern{mask, value}
	if i, ok := b.terms[key]; ok && b.p.Terms[i].sameNote(mask, value, next) {
		b.p.Terms[i].Angle += a
		return
	}
	if b.terms == nil {
		b.terms = map[pattern]int{}
	}
	b.terms[key] = len(b.p.Terms)
	n := bits.OnesCount64(mask)
	if cap(b.slab)-len(b.slab) < n {
		b.slab = make([]int32, 0, max(1024, n))
	}
	k := b.slab[len(b.slab) : len(b.slab)+n : len(b.slab)+n]
	b.slab = b.slab[:len(b.slab)+n]
	for i, m := 0, mask; m != 0; i, m = i+1, m&(m-1) {
		q := bits.TrailingZeros64(m)
		k[i] = next(q)
		b.noted[q] = k[i]
	}
	b.p.Terms = append(b.p.Terms, Term{mask, value, a, k})
}

// settleTerms drops terms without effect, separates those that no rotation
// follows and links the rest.
func (p *Program) settleTerms() {
	if len(p.Terms) == 0 {
		return
	}
	kept := p.Terms[:0]
	p.termLinks = make([]termLinks, p.Width)
	var ends [MaxWidth]int
	all := 0
	for i := range p.Terms {
		for m := p.Terms[i].Mask; m != 0; m &= m - 1 {
			ends[bits.TrailingZeros64(m)]++
			all++
		}
	}
	room := make([]int32, all)
	for q, first := range p.perCount() {
		p.termLinks[q] = termLinks{at: room[:0:ends[q]], first: first}
		room = room[ends[q]:]
	}
	for _, t := range p.Terms {
		if t.Angle&(circuit.TwoPi-1) == 0 {
			continue
		}
		last, i := true, 0
		for m := t.Mask; m != 0; m &= m - 1 {
			last = last && int(t.K[i]) == len(p.Rots[bits.TrailingZeros64(m)])
			i++
		}
		if last {
			p.Last.Terms = append(p.Last.Terms, t)
			continue
		}
		i = 0
		for m := t.Mask; m != 0; m &= m - 1 {
			l := &p.termLinks[bits.TrailingZeros64(m)]
			l.fill(t.K[i])
			l.at = append(l.at, int32(len(kept)))
			i++
		}
		kept = append(kept, t)
	}
	p.Terms = kept
	for q := range p.termLinks {
		p.termLinks[q].fill(int32(len(p.Rots[q])) + 1)
	}
}

// termLinks lists the terms of one qubit; those at count k are
// at[first[k]:first[k+1]].
type termLinks struct{ at, first []int32 }

func (t *termLinks) fill(k int32) {
	for int32(len(t.first)) <= k {
		t.first = append(t.first, int32(len(t.at)))
	}
}

// termsOf returns the terms of q at count k, by number.
func (p *Program) termsOf(q int, k int32) []int32 {
	if len(p.Terms) == 0 {
		return nil
	}
	t := &p.termLinks[q]
	return t.at[t.first[k]:t.first[k+1]]
}

// reached reports whether all qubits of t but those that have rotated past it
// have come to its counts.
func (t *Term) reached(next []int32) bool {
	i := 0
	for m := t.Mask; m != 0; m &= m - 1 {
		if next[bits.TrailingZeros64(m)] < t.K[i] {
			return false
		}
		i++
	}
	return true
}

// exact reports whether all qubits of t are at its counts: it may be done now,
// and no rotation has done it.
func (t *Term) exact(next []int32) bool {
	i := 0
	for m := t.Mask; m != 0; m &= m - 1 {
		if next[bits.TrailingZeros64(m)] != t.K[i] {
			return false
		}
		i++
	}
	return true
}

// sameStructure compares all but angles.
func sameStructure(t, u Term) bool {
	return t.Mask == u.Mask && t.Value == u.Value && slices.Equal(t.K, u.K)
}

// terms writes down the terms of a step: those of rotating qubits, and, where one
// of these is a pair that leaves the chunk, all pairs that leave it and may be
// done now, because one table serves them all.
func (s *scheduler) terms(chunk, rot uint64) []int32 {
	var out []int32
	leaves := false
	for m := rot; m != 0; m &= m - 1 {
		q := bits.TrailingZeros64(m)
		for _, id := range s.p.termsOf(q, s.next[q]) {
			if s.take(id) {
				out = append(out, id)
				leaves = leaves || s.p.Terms[id].leaves(chunk)
			}
		}
	}
	for m := chunk; leaves && m != 0; m &= m - 1 {
		q := bits.TrailingZeros64(m)
		if q >= s.p.Width {
			break
		}
		for _, id := range s.p.termsOf(q, s.next[q]) {
			if t := &s.p.Terms[id]; t.leaves(chunk) && t.exact(s.next) && s.take(id) {
				out = append(out, id)
			}
		}
	}
	slices.Sort(out)
	return out
}

// take marks a term as done, if it is not.
func (s *scheduler) take(id int32) bool {
	w, bit := &s.done[id/64], uint64(1)<<(id%64)
	if *w&bit != 0 {
		return false
	}
	*w |= bit
	return true
}

// leaves reports whether t is a pair with one qubit in the chunk.
func (t *Term) leaves(chunk uint64) bool {
	return t.Mask&chunk != 0 && t.Mask&^chunk != 0 && bits.OnesCount64(t.Mask) == 2
}
