package plan

import (
	"context"
	"math/bits"
	"slices"
)

// Plan is the order of execution: passes over the state, each a list of subs
// that run on every tile, each a list of steps that run on every chunk of the
// tile. Before the first pass every qubit that has rotations is in the state
// after its rotation 0.
//
// Qubits are numbered as in the circuit. Where an amplitude lies in memory is
// told by positions: bit Position(q) of its number is qubit q. Positions 0 to
// Lanes-1 are the lanes of a vector.
type Plan struct {
	Width     int // positions: Program.Width, at least Lanes
	FirstLane int // the lanes are the qubits FirstLane..FirstLane+Lanes-1
	Passes    []Pass

	counts []int  // rotations per qubit of the program, its CZs and its terms:
	czs    []CZ   // what the plan was made from
	terms  []Term // their angles do not matter
	pairs  []Exchange
}

// Fits reports whether the plan is the one that New would make for p: programs
// of equal structure, rotations per qubit, CZs, terms and exchanges, share one whatever
// their angles.
func (pl *Plan) Fits(p *Program) bool {
	return slices.Equal(pl.czs, p.CZs) && slices.EqualFunc(pl.terms, p.Terms, sameStructure) && slices.EqualFunc(pl.pairs, p.Pairs, samePair) &&
		slices.EqualFunc(pl.counts, p.Rots, func(n int, r []Rot) bool { return n == len(r) })
}

// Pass advances tiles of 2^len(Local) amplitudes.
type Pass struct {
	Local []uint8 // positions, ascending, lanes included
	Subs  []Sub
}

// Sub advances chunks of 2^len(Local) amplitudes inside a tile.
type Sub struct {
	Local []uint8 // positions, ascending, lanes included, a subset of the pass's
	Steps []Step
}

// Step is one diagonal and one rotation per qubit of Rots; where that is part of an
// exchange, the other qubit's is in Rots too and its number in Pairs. The diagonal holds
// the phases of Rots, the CZs with both qubits in the chunk and, for Cross, CZs
// whose other qubit only selects a sign, and terms by number, in the chunk or not.
type Step struct {
	Rots  []At // ascending qubits
	CZs   []int32
	Cross []Cross
	Terms []int32 // ascending
	Pairs []int32 // exchanges, ascending first qubits; they follow all rotations
}

// At is rotation K of qubit Q.
type At struct {
	Q uint8
	K int32
}

// Cross is a CZ between a qubit of the chunk and one outside of it.
type Cross struct{ In, Out uint8 }

// Position returns the bit of an amplitude's number that is qubit q.
func (p *Plan) Position(q int) int {
	switch l := q - p.FirstLane; {
	case l < 0:
		return q + Lanes
	case l < Lanes:
		return l
	}
	return q
}

// Qubits turns the number of an amplitude into the bits of its qubits, qubit q
// at bit q. Index is its inverse.
func (p *Plan) Qubits(index uint64) uint64 {
	f := p.FirstLane
	rest := index >> Lanes
	return rest>>f<<(f+Lanes) | index&(1<<Lanes-1)<<f | rest&(1<<f-1)
}

// Index returns the number of the amplitude of the given qubits.
func (p *Plan) Index(qubits uint64) uint64 {
	f := p.FirstLane
	return (qubits>>(f+Lanes)<<f|qubits&(1<<f-1))<<Lanes | qubits>>f&(1<<Lanes-1)
}

// New plans p. Up to smallWidth one tuning is known to be good; beyond, the
// better of two is taken.
func New(p *Program) *Plan {
	pl, _ := NewContext(context.Background(), p) // no other error
	return pl
}

// NewContext is New; it returns ctx's error within the time of one pass.
func NewContext(ctx context.Context, p *Program) (*Plan, error) {
	best, cost := newTuned(ctx, p, &tunings[0])
	if best.Width > smallWidth {
		if pl, c := newTuned(ctx, p, &tunings[1]); c < cost {
			best = pl
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return best, nil
}

func newTuned(ctx context.Context, p *Program, t *tuning) (*Plan, int) {
	pl := &Plan{Width: max(p.Width, Lanes), czs: p.CZs, terms: p.Terms, pairs: p.Pairs}
	for _, r := range p.Rots {
		pl.counts = append(pl.counts, len(r))
	}
	if pl.Width > ChunkMax { // neighbours on both sides share a chunk with the lanes
		pl.FirstLane = (pl.Width - Lanes) / 2
	}
	s := &scheduler{p: p, t: t, lanes: (1<<Lanes - 1) << pl.FirstLane, next: make([]int32, pl.Width), done: make([]uint64, (len(p.Terms)+63)/64)}
	for q, r := range p.Rots {
		if len(r) > 0 {
			s.next[q] = 1
			s.left += len(r) - 1
		}
	}
	for s.left > 0 && ctx.Err() == nil {
		pl.Passes = append(pl.Passes, s.pass(pl))
	}
	return pl, s.cost
}

// scheduler walks through a program. The counts of all qubits are its whole
// state: a CZ is done when one of its qubits has rotated past it.
type scheduler struct {
	p     *Program
	t     *tuning
	lanes uint64   // set of the lane qubits
	next  []int32  // count per qubit
	left  int      // rotations to come
	cost  int      // estimate of what is written down
	done  []uint64 // terms that are written down, a bit each
}

// ready returns the qubits of local whose next rotation has all its CZs done or
// possible now.
func (s *scheduler) ready(local uint64) uint64 {
	var out uint64
qubits:
	for m := local; m != 0; m &= m - 1 {
		q := bits.TrailingZeros64(m)
		if q >= s.p.Width || int(s.next[q]) >= len(s.p.Rots[q]) {
			continue
		}
		for _, l := range s.p.ends(q, s.next[q]) {
			if s.next[l.x] < l.kx {
				continue qubits
			}
		}
		for _, id := range s.p.termsOf(q, s.next[q]) {
			if !s.p.Terms[id].reached(s.next) {
				continue qubits
			}
		}
		out |= 1 << q
	}
	return s.paired(out)
}

func (s *scheduler) advance(rot uint64) {
	for m := rot; m != 0; m &= m - 1 {
		s.next[bits.TrailingZeros64(m)]++
	}
	s.left -= bits.OnesCount64(rot)
}
