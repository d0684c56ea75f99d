package plan

import "math/bits"

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

// Step is one diagonal and one rotation per qubit of Rots. The diagonal holds
// the phases of Rots, the CZs with both qubits in the chunk and, for Cross, CZs
// whose other qubit only selects a sign.
type Step struct {
	Rots  []At // ascending qubits
	CZs   []int32
	Cross []Cross
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

// Cost constants, in vector operations per vector of the state. They follow
// measurements on two machines and are frozen with the numeric version.
const (
	costTile  = 24 // a pass: out of and into memory
	costChunk = 24 // a sub: out of and into the second-level cache
	costDiag  = 4  // a step: two operations, table and loop
	costLane  = 4  // rotations of the lanes, however many
)

// costBlock[k] is the cost of rotating k qubits that are not lanes, in sweeps
// of up to four.
var costBlock = [ChunkMax - Lanes + 1]int{0, 3, 3, 4, 5, 7, 8, 9, 10}

// New plans p.
func New(p *Program) *Plan {
	pl := &Plan{Width: max(p.Width, Lanes)}
	if pl.Width > ChunkMax { // neighbours on both sides share a chunk with the lanes
		pl.FirstLane = (pl.Width - Lanes) / 2
	}
	s := &scheduler{p: p, lanes: (1<<Lanes - 1) << pl.FirstLane, next: make([]int32, pl.Width)}
	for q, r := range p.Rots {
		if len(r) > 0 {
			s.next[q] = 1
			s.left += len(r) - 1
		}
	}
	for s.left > 0 {
		pl.Passes = append(pl.Passes, s.pass(pl))
	}
	return pl
}

// scheduler walks through a program. The counts of all qubits are its whole
// state: a CZ is done when one of its qubits has rotated past it.
type scheduler struct {
	p     *Program
	lanes uint64  // set of the lane qubits
	next  []int32 // count per qubit
	left  int     // rotations to come
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
		out |= 1 << q
	}
	return out
}

func (s *scheduler) advance(rot uint64) {
	for m := rot; m != 0; m &= m - 1 {
		s.next[bits.TrailingZeros64(m)]++
	}
	s.left -= bits.OnesCount64(rot)
}

func (s *scheduler) stepCost(rot uint64) int {
	c := costDiag + costBlock[bits.OnesCount64(rot&^s.lanes)]
	if rot&s.lanes != 0 {
		c += costLane
	}
	return c
}

// trial is what a choice would do.
type trial struct{ gain, cost int }

// better compares gain per cost; the first of equals wins.
func (t trial) better(u trial) bool { return t.gain*u.cost > u.gain*t.cost }
