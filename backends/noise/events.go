package noise

import (
	"sort"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/seed"
)

// layout is which words of a shot decide what. Shot i owns words [i·k, (i+1)·k):
//
//	outcome    the final sample: backends.ShotWords(qubits) words
//	mid        one per measure and reset in mid-circuit, in order
//	flips      one per measurement whose readout errs, in order
//	positions  where errors happen, one each and one per segment
//	choices    which error, one each
//
// Words that no event needs are never computed.
type layout struct {
	mid, flips, positions, choices int // first words
	k                              uint64
	survive                        []float64 // per site: chance that no site of its segment up to it has an event
	segment                        []int     // first sites of segments, and the number of sites
}

// minSurvive ends a segment: a word of 53 bits resolves sites well down to it.
const minSurvive = 0x1p-16

func (p *program) lay(mid, flips int) {
	l := &p.layout
	s := 1.0
	l.segment = []int{0}
	for i := range p.sites {
		s = float64(s * (1 - p.sites[i].p))
		if l.survive = append(l.survive, s); s < minSurvive || i == len(p.sites)-1 {
			l.segment, s = append(l.segment, i+1), 1
		}
	}
	l.mid = backends.ShotWords(p.qubits)
	l.flips = l.mid + mid
	l.positions = l.flips + flips
	l.choices = l.positions + len(p.sites) + len(l.segment) - 1
	l.k = uint64(l.choices + len(p.sites))
}

// event is a site, and above it in the low 4 bits which error; for damping the
// choice is not drawn here but decided by the word at the state.
type event uint32

func (e event) site() int   { return int(e >> 4) }
func (e event) choice() int { return int(e & 15) }

// draw appends the events of a shot, ascending. It jumps from event to event: the
// chance that the next one lies behind site i is survive[i]/survive[here].
func (p *program) draw(w *seed.ShotWords, shot uint64, out []event) []event {
	l, base := &p.layout, shot*p.k
	word, n := uint64(l.positions), 0
	for g := range len(l.segment) - 1 {
		at, end, alive := l.segment[g], l.segment[g+1], 1.0
		for at < end {
			target := float64(alive * (1 - unit(w.At(base+word)))) // in (0, alive]
			word++
			i := at + sort.Search(end-at, func(i int) bool { return l.survive[at+i] < target })
			if i == end {
				break
			}
			out = append(out, p.choose(i, w.At(base+uint64(l.choices+n))))
			n++
			at, alive = i+1, l.survive[i]
		}
	}
	return out
}

// choose makes the event of a site.
func (p *program) choose(i int, word uint64) event {
	e := event(i) << 4
	switch p.sites[i].kind {
	case pauli1:
		e |= event(unit(word)*3) + 1
	case pauli2:
		e |= event(unit(word)*15) + 1
	case dephase:
		e |= event(3)
	case damp:
	}
	return e
}

// paulis gives the Paulis of an event by choice: 1 X, 2 Y, 3 Z on the first
// qubit, four times that on the second.
func (s *site) paulis(choice int) (a, b int) {
	if s.kind == pauli2 {
		return choice & 3, choice >> 2
	}
	return choice, 0
}
