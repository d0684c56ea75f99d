package traps

import (
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
)

// A family is one way to draw the gates of trap slots on the target's skeleton.
// Pads, counts, windows, evidence, exact tests and messages are the same for all.
type family struct {
	name  string
	mix   Mix
	about string // what it is for, one line

	// limit refuses circuits that the family has no traps for; nil: none.
	limit func(s *circuit.Skeleton) error
	// rates are honest pass rates of kinds A and B; nil: stats.PassRates.
	rates func(p *guest.Plan) (pA, pB uint64)
	// gates are what a slot may hold besides the Cliffords, numbered from 24.
	gates []circuit.U3Angles
	// draw makes the gates of one trap in g.base, the measured bits that they flip
	// in flips, and for kind B mask and the returned parity. nil: kinds A and B of
	// accredit@1.
	draw func(g *Generator, window int, mask, flips []byte) byte
}

// families by number: the number stands in the high half of mix_b of a plan.
// A number and what it means never change.
var families []family

func init() {
	families = []family{
		0: {name: "accredit", mix: Accredit, about: "whole-register match and parity on random Cliffords, 3 to 1"},
		1: {name: "clifford_parity", mix: CliffordParity, about: "one parity of random Cliffords"},
		2: trapH, 3: trapXZ, 4: cst, 5: mirror, 6: iqp, 7: hiddenAngle, 8: xebSmall,
	}
	for i := range families {
		families[i].mix.Family = uint64(i)
	}
	families[1].mix.Family = 0 // both share number 0 and differ in their shares
}

// familyOf finds the family of a mix.
func familyOf(m Mix) (*family, bool) {
	for i := range families {
		if families[i].mix == m {
			return &families[i], true
		}
	}
	return nil, false
}

// Family describes one trap library for people.
type Family struct {
	Name  string // manifest name
	Mix   Mix
	About string
}

// Families lists the libraries of this package by number.
func Families() (out []Family) {
	for i := range families {
		f := &families[i]
		out = append(out, Family{f.name, f.mix, f.about})
	}
	return out
}

// NameOf is the manifest name of the library with a mix, empty for none.
func NameOf(m Mix) string {
	if f, ok := familyOf(m); ok {
		return f.name
	}
	return ""
}

// NeedsMirror reports that a library takes only circuits with two equal
// neighbouring CZ layers.
func NeedsMirror(m Mix) bool {
	f, ok := familyOf(m)
	return ok && f.name == mirror.name
}

// MixOf returns the mix of the library with a given manifest name and version;
// any version 1 of a known name has the same definition.
func MixOf(name, version string) (Mix, error) {
	if len(version) > 1 && version[:2] == "1." {
		for i := range families {
			if families[i].name == name {
				return families[i].mix, nil
			}
		}
	}
	return Mix{}, fmt.Errorf("%s %s: %w", name, version, ErrUnknownFamily)
}

// checkFamily finds the family of a mix and applies its limits.
func checkFamily(m Mix, s *circuit.Skeleton) (*family, error) {
	f, ok := familyOf(m)
	if !ok {
		return nil, domain("mix %d:%d of family %d", m.A, m.B, m.Family)
	}
	if f.limit != nil {
		if err := f.limit(s); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// parityFloor is the pass rate of families whose parity is not twirled by random
// Cliffords: every error counts as if it sat on the measured Pauli.
func parityFloor(readout uint64) func(p *guest.Plan) (pA, pB uint64) {
	return func(p *guest.Plan) (uint64, uint64) {
		w := uint64(p.Skeleton.Width)
		pA, _ := stats.PassRates(p.N1, p.N2, w, stats.Policy(p.Policy))
		return pA, stats.ParityFloor(p.N1, p.N2, min(w, readout), stats.Policy(p.Policy))
	}
}

// carry takes the signed Pauli in g.frame through the gates of g.base and the CZ
// layers to the measurement, and returns the sign. With turn the last gates are
// followed by rotations that make it a product of Z.
func (g *Generator) carry(turn bool) (neg bool) {
	s, f := &g.plan.Skeleton, g.frame
	w := s.Width
	for j := 0; ; j++ {
		for q := range f {
			c := g.base[j*w+q]
			im := cliff.act[c][f[q]]
			f[q], neg = im.p, neg != im.neg
			if turn && j == len(s.Layers) {
				g.base[j*w+q] = cliff.mul[rotOf[im.p]][c]
			}
		}
		if j == len(s.Layers) {
			return neg
		}
		for _, p := range s.Layers[j] {
			a, b := f[p.A], f[p.B]
			neg = neg != (a&b&1&(a>>1^b>>1) == 1)
		}
		s.PushFrame(j, f)
	}
}

// support marks the qubits of g.frame that are not the identity.
func (g *Generator) support(mask []byte) {
	for q, p := range g.frame {
		if p != circuit.PauliI {
			mask[q>>3] |= 1 << (q & 7)
		}
	}
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
