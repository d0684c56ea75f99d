// Package traps is the native definition of the trap libraries (accredit@1,
// clifford_parity@1 and the secondary families of Families): the plan of a job,
// its slots, and the judgement of what a device measured. SPEC.md states every byte; the WebAssembly modules under
// plugins/traps compute the same functions and must agree byte for byte.
//
// It promises integer arithmetic only, that a slot is a function of (circuit,
// plan, root, slot number) whatever the order or grouping of calls, and that no
// input makes it panic. It does no I/O, reads no clock and starts no goroutine.
//
// It does not promise that a driver cannot tell traps from targets: a driver
// that compares slots can. The pads hide what an outcome means, nothing more;
// see SPEC.md, "What traps do not do".
package traps

import (
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
)

// Bounds of the definition: with them a job's tables fit the 16 MiB of memory
// that the WebAssembly modules have, and those have the same bounds.
const (
	MaxLocations = 1 << 14 // (layers+1)·width of a circuit
	MaxTraps     = 1 << 21 // traps of a job
)

// ErrDomain is wrapped by every refusal: the input is well-formed, but outside
// what a trap library is defined for.
var ErrDomain = errors.New("outside the domain of the trap library")

func domain(format string, args ...any) error {
	return fmt.Errorf("traps: %s: %w", fmt.Sprintf(format, args...), ErrDomain)
}

// Mix is the share of the two kinds: of every A+B consecutive numbers of the
// shuffled trap order, the first A are kind A (whole-register match) and the
// rest kind B (parity). Family is the number of the library that draws them; 0 is
// accredit and clifford_parity. A plan holds A, and B + Family·2^32.
type Mix struct{ A, B, Family uint64 }

// The mixes of the two main libraries.
var (
	Accredit       = Mix{A: 3, B: 1}
	CliffordParity = Mix{A: 0, B: 1}
)

// mixOf reads the mix of a plan.
func mixOf(p *guest.Plan) Mix { return Mix{p.MixA, p.MixB & 0xffffffff, p.MixB >> 32} }

// isB reports the kind of the trap with shuffled number x.
func (m Mix) isB(x uint32) bool { return uint64(x)%(m.A+m.B) >= m.A }

// counts returns how many of T traps are of kind A and B.
func (m Mix) counts(t uint64) (nA, nB uint64) {
	n := m.A + m.B
	nB = t / n * m.B
	if r := t % n; r > m.A {
		nB += r - m.A
	}
	return t - nB, nB
}

func sameSkeleton(a, b *circuit.Skeleton) bool {
	if a.Width != b.Width || len(a.Layers) != len(b.Layers) {
		return false
	}
	for j := range a.Layers {
		if len(a.Layers[j]) != len(b.Layers[j]) {
			return false
		}
		for k, p := range a.Layers[j] {
			if p != b.Layers[j][k] {
				return false
			}
		}
	}
	return true
}

// checkCircuit applies the limits that Plan and Generate share.
func checkCircuit(l *circuit.Layered) error {
	if err := l.Validate(); err != nil {
		return domain("circuit: %v", err)
	}
	if n := l.Locations(); n > MaxLocations {
		return domain("%d locations (width %d, %d CZ layers) above %d: use a shallower circuit", n, l.Width, len(l.Layers), MaxLocations)
	}
	return nil
}

// checkPlan applies what Generate and Judge rely on and ParsePlan does not
// already promise of a plan that was read from bytes.
func checkPlan(p *guest.Plan) error {
	m := mixOf(p)
	if _, ok := familyOf(m); !ok {
		return domain("mix %d:%d", p.MixA, p.MixB)
	}
	lay := stats.NewLayout(p.Shots, p.RatioPPM)
	if p.Shots < 1 || p.Shots > guest.MaxShots || p.RatioPPM > stats.Million || p.Traps != lay.Traps || uint64(len(p.WindowTraps)) != lay.Windows {
		return domain("plan: %d shots at %d ppm with %d traps in %d windows", p.Shots, p.RatioPPM, p.Traps, len(p.WindowTraps))
	}
	if err := checkPolicy(p.Policy); err != nil {
		return err
	}
	if p.Traps > MaxTraps {
		return domain("%d traps above %d: choose a smaller ratio or fewer shots", p.Traps, MaxTraps)
	}
	if nA, nB := m.counts(p.Traps); nA != p.NA || nB != p.NB {
		return domain("plan: %d + %d traps, want %d + %d", p.NA, p.NB, nA, nB)
	}
	for j, t := range p.WindowTraps {
		if uint64(t) != lay.TrapsIn(uint64(j)) {
			return domain("plan: window %d has %d traps", j, t)
		}
	}
	return nil
}

// checkPolicy refuses what the record's form refuses, and levels of t_min that
// package stats is not defined for.
func checkPolicy(p guest.Policy) error {
	if _, err := guest.ParsePolicy(p.Append(nil)); err != nil {
		return domain("%v", err)
	}
	if want := stats.ExactPolicy(); p.TMinAlpha != want.TMinAlpha || p.TMinBeta != want.TMinBeta {
		return domain("policy: tmin_alpha %d and tmin_beta %d ppb, want %d and %d", p.TMinAlpha, p.TMinBeta, want.TMinAlpha, want.TMinBeta)
	}
	return nil
}
