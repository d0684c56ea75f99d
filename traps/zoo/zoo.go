// Package zoo is a model of every cheating strategy that the documents speak of:
// how often each trap of a job passes, or a Pauli-frame simulation of the traps
// where that depends on the circuit. It runs many thousand jobs through the
// judge's own statistics (window evidence and final tests of package stats, on a
// plan of package traps) and counts how many are found out. It also says which
// share of faked slots a given number of traps finds.
//
// It promises that a count is a function of (shape, policy, strategy, number of
// jobs, seed) alone, whatever the number of goroutines, and that the bounds on a
// miss are upper bounds: sums of package stats, rounded outward.
//
// It does not promise anything about a real device. The model of an honest one
// passes exactly as often as its policy expects (of secondary families as often as
// independent errors let it, which is more), each trap on its own, and a
// strategy fakes slots without knowing which of them are traps unless it says so.
// Package backends/cheat holds the same strategies as backends.
package zoo

import (
	"fmt"
	"sync"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
)

// Shots and RatioPPM are the job of the guide, which the zoo is about.
const (
	Shots    = 4096
	RatioPPM = 100_000
)

// Setup is one shape of job under one policy.
type Setup struct {
	Width, Depth int
	Plan         *guest.Plan
	mix          traps.Mix
	fresh        *stats.EProcess
	exact        func() float64 // ExactRate, 0 where there is none; summed when first asked for
}

// New plans jobs of the brickwork circuit animica.quantum.trapset.v1: width
// qubits, depth layers that are one-qubit gates and CZ in turn.
func New(width, depth int, shots, ratioPPM uint64, policy stats.Policy) (*Setup, error) {
	return NewOf(traps.Accredit, width, depth, shots, ratioPPM, policy)
}

// NewOf is New for another trap library. Where that takes only circuits that read
// the same from both ends, the second half of the CZ layers mirrors the first.
func NewOf(mix traps.Mix, width, depth int, shots, ratioPPM uint64, policy stats.Policy) (*Setup, error) {
	if width < 1 || depth < 1 || width > traps.MaxLocations || depth > traps.MaxLocations || width*(depth/2+1) > traps.MaxLocations {
		return nil, fmt.Errorf("zoo: width %d and depth %d: both at least 1, and width·(depth/2+1) at most %d: %w", width, depth, traps.MaxLocations, traps.ErrDomain)
	}
	l := &circuit.Layered{Skeleton: Brickwork(width, depth), Clbits: width, Measure: make([]int, width)}
	if traps.NeedsMirror(mix) {
		for c := range l.Layers[:len(l.Layers)/2] {
			l.Layers[len(l.Layers)-1-c] = l.Layers[c]
		}
	}
	l.U = make([]circuit.U3Angles, l.Locations())
	for q := range l.Measure {
		l.Measure[q] = q
	}
	p, err := traps.Plan(l, guest.Header{Shots: shots, RatioPPM: ratioPPM}, guest.Policy(policy), mix)
	if err != nil {
		return nil, err
	}
	s := &Setup{Width: width, Depth: depth, Plan: p, mix: mix, fresh: stats.NewEProcess(p.PA, p.PB, p.Policy.AlphaE, uint64(len(p.WindowTraps)))}
	s.exact = sync.OnceValue(func() float64 {
		rate, _ := ExactRate(mix, &p.Skeleton, policy)
		return rate
	})
	return s, nil
}

// Exact is the exact honest pass rate of a family of one kind, 0 where it is not
// summed (ExactRate).
func (s *Setup) Exact() float64 { return s.exact() }

// Main reports that the traps are those of accredit, which frames and reference
// rows are about.
func (s *Setup) Main() bool { return s.mix == traps.Accredit }

// Brickwork is the skeleton of the trapset circuit: CZ layer c joins q and q+1
// for q = c mod 2, c mod 2 + 2, and so on.
func Brickwork(width, depth int) circuit.Skeleton {
	s := circuit.Skeleton{Width: width, Layers: make([][]circuit.Pair, depth/2)}
	for c := range s.Layers {
		s.Layers[c] = []circuit.Pair{}
		for q := c % 2; q+1 < width; q += 2 {
			s.Layers[c] = append(s.Layers[c], circuit.Pair{A: uint16(q), B: uint16(q + 1)})
		}
	}
	return s
}

// Size names the shape, such as 20x120.
func (s *Setup) Size() string { return fmt.Sprintf("%dx%d", s.Width, s.Depth) }
