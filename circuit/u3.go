package circuit

import "cmp"

// U3Angles is one one-qubit unitary up to global phase:
// u3(θ,φ,λ) = Rz(φ)·Ry(θ)·Rz(λ).
type U3Angles struct {
	Theta, Phi, Lambda Angle
}

// Pauli is a one-qubit Pauli operator up to phase: bit 0 is its X part, bit 1
// its Z part.
type Pauli uint8

// The four Paulis.
const (
	PauliI Pauli = 0
	PauliX Pauli = 1
	PauliZ Pauli = 2
	PauliY Pauli = 3
)

// PauliDraw maps a uniform draw 0..3 to {I, X, Y, Z}, the order in which random
// streams name Paulis (reference traps §9).
var PauliDraw = [4]Pauli{PauliI, PauliX, PauliY, PauliZ}

// pauliOrder lists Paulis by ascending (x, z), the tie order of decision C2.
var pauliOrder = [4]Pauli{PauliI, PauliZ, PauliX, PauliY}

// Normal returns the unique representative up to global phase: θ in [0, π],
// φ and λ in [0, 2π), φ = 0 where θ is 0 or π.
func (u U3Angles) Normal() U3Angles {
	t, p, l := u.Theta.mod2Pi(), u.Phi, u.Lambda // Ry(θ+2π) = -Ry(θ)
	if t > Pi {
		t, p, l = TwoPi-t, p+Pi, l+Pi // Ry(-θ) = Rz(π)·Ry(θ)·Rz(-π)
	}
	switch t {
	case 0:
		p, l = 0, p+l
	case Pi:
		p, l = 0, l-p // Rz(φ)·Ry(π) = Ry(π)·Rz(-φ)
	}
	return U3Angles{t, p.mod2Pi(), l.mod2Pi()}
}

// IsNormal reports whether u is its own normal form.
func (u U3Angles) IsNormal() bool { return u == u.Normal() }

// Compare orders triples by (θ, φ, λ) as integers.
func (u U3Angles) Compare(v U3Angles) int {
	if c := cmp.Compare(u.Theta, v.Theta); c != 0 {
		return c
	}
	if c := cmp.Compare(u.Phi, v.Phi); c != 0 {
		return c
	}
	return cmp.Compare(u.Lambda, v.Lambda)
}

// Left returns the normal form of P·u.
func (u U3Angles) Left(p Pauli) U3Angles {
	if p&PauliX != 0 { // X·Rz(φ)·Ry(θ) = Rz(-φ)·Ry(π-θ)·Rz(π)
		u = U3Angles{Pi - u.Theta, -u.Phi, u.Lambda + Pi}
	}
	if p&PauliZ != 0 {
		u.Phi += Pi
	}
	return u.Normal()
}

// Right returns the normal form of u·P.
func (u U3Angles) Right(p Pauli) U3Angles {
	if p&PauliX != 0 { // Ry(θ)·Rz(λ)·X = Rz(π)·Ry(π-θ)·Rz(-λ)
		u = U3Angles{Pi - u.Theta, u.Phi + Pi, -u.Lambda}
	}
	if p&PauliZ != 0 {
		u.Lambda += Pi
	}
	return u.Normal()
}

// PauliCanonical returns the smallest normal form among L·u over the four
// Paulis L, and that L; on ties the smallest (x, z) wins. So u equals L times
// the canonical triple, up to phase.
func (u U3Angles) PauliCanonical() (U3Angles, Pauli) {
	best, by := u.Normal(), PauliI
	for _, p := range pauliOrder[1:] {
		if v := u.Left(p); v.Compare(best) < 0 {
			best, by = v, p
		}
	}
	return best, by
}

// IsClifford reports whether u maps Paulis to Paulis: all angles of its normal
// form are multiples of π/2 (φ and λ need not be when θ is 0 or π and only
// their sum or difference counts; the normal form has folded that already).
func (u U3Angles) IsClifford() bool {
	n := u.Normal()
	return (n.Theta|n.Phi|n.Lambda)&(HalfPi-1) == 0
}
