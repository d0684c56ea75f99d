package stabilizer

import (
	"github.com/animicaorg/engine/backends/stabilizer/internal/kernel"
	"github.com/animicaorg/engine/circuit"
)

// Gate is one of the 24 one-qubit Cliffords. The zero value is the identity.
type Gate uint8

// Gates is the number of one-qubit Cliffords.
const Gates = 24

// axis is a signed Pauli: an axis 0, 1, 2 for X, Y, Z.
type axis struct {
	of  int
	neg bool
}

// quarter turns about the axis by k·π/2, which takes from to to and to to -from.
func (a axis) quarter(k, from, to int) axis {
	for range k {
		switch a.of {
		case from:
			a.of = to
		case to:
			a.of, a.neg = from, !a.neg
		}
	}
	return a
}

// actions are what the 24 gates do to Paulis by conjugation; gateOf has the gate
// of θ, φ, λ in quarter turns modulo 8, three bits each.
var actions, gateOf = func() (masks []kernel.Masks, of [512]Gate) {
	known := map[kernel.Masks]Gate{}
	for i := range of {
		m := action(i>>6, i>>3&7, i&7)
		g, ok := known[m]
		if !ok {
			g = Gate(len(masks))
			known[m], masks = g, append(masks, m)
		}
		of[i] = g
	}
	return masks, of
}()

func action(theta, phi, lambda int) kernel.Masks {
	image := func(of int) axis { // Rz turns X to Y, Ry turns Z to X
		a := axis{of: of}.quarter(lambda, 0, 1)
		a = a.quarter(theta, 2, 0)
		return a.quarter(phi, 0, 1)
	}
	x, y, z := image(0), image(1), image(2)
	return kernel.Masks{
		XX: mask(x.of != 2), XZ: mask(x.of != 0), ZX: mask(z.of != 2), ZZ: mask(z.of != 0),
		SX: mask(x.neg), SZ: mask(z.neg), SXZ: mask(x.neg != z.neg != y.neg),
	}
}

func mask(b bool) uint64 {
	if b {
		return ^uint64(0)
	}
	return 0
}

// GateOf returns the gate that u is up to phase, and false where u is not
// Clifford.
func GateOf(u circuit.U3Angles) (Gate, bool) {
	const rest = circuit.HalfPi - 1
	if u.Theta&rest != 0 {
		return 0, false
	}
	if (u.Phi|u.Lambda)&rest != 0 {
		if u = u.Normal(); (u.Theta|u.Phi|u.Lambda)&rest != 0 {
			return 0, false
		}
	}
	return gateOf[u.Theta/circuit.HalfPi<<6|u.Phi/circuit.HalfPi<<3|u.Lambda/circuit.HalfPi], true
}

// GatesOf is GateOf for a table; ok tells which entries are Clifford.
func GatesOf(table []circuit.U3Angles) (gates []Gate, ok []bool) {
	gates, ok = make([]Gate, len(table)), make([]bool, len(table))
	for i, u := range table {
		gates[i], ok[i] = GateOf(u)
	}
	return gates, ok
}

// Pauli reports whether g is a Pauli up to phase, X^x·Z^z.
func (g Gate) Pauli() (x, z, ok bool) {
	m := &actions[g]
	return m.SZ != 0, m.SX != 0, m.XZ == 0 && m.ZX == 0
}
