package stabilizer

import "github.com/animicaorg/engine/circuit"

// Gate is what a one-qubit Clifford does to Paulis by conjugation, as masks that
// are all ones or all zeros, so that 64 Paulis are mapped at once.
type Gate struct {
	xx, xz     uint64 // image of X has an X part, a Z part
	zx, zz     uint64 // image of Z
	sx, sz, sy uint64 // sign of the image of X, Z, Y
}

// axis is a signed Pauli: an axis 0, 1, 2 for X, Y, Z.
type axis struct {
	of  int
	neg bool
}

// quarter turns about the axis by k·π/2, which takes from to to and to to -from.
func (a axis) quarter(k uint64, from, to int) axis {
	for range k & 3 {
		switch a.of {
		case from:
			a.of = to
		case to:
			a.of, a.neg = from, !a.neg
		}
	}
	return a
}

// GateOf returns the action of u, and false where u is not Clifford.
func GateOf(u circuit.U3Angles) (Gate, bool) {
	if !u.IsClifford() {
		return Gate{}, false
	}
	u = u.Normal()
	image := func(of int) axis { // Rz turns X to Y, Ry turns Z to X
		a := axis{of: of}.quarter(uint64(u.Lambda/circuit.HalfPi), 0, 1)
		a = a.quarter(uint64(u.Theta/circuit.HalfPi), 2, 0)
		return a.quarter(uint64(u.Phi/circuit.HalfPi), 0, 1)
	}
	x, y, z := image(0), image(1), image(2)
	return Gate{
		xx: mask(x.of != 2), xz: mask(x.of != 0), zx: mask(z.of != 2), zz: mask(z.of != 0),
		sx: mask(x.neg), sy: mask(y.neg), sz: mask(z.neg),
	}, true
}

func mask(b bool) uint64 {
	if b {
		return ^uint64(0)
	}
	return 0
}

// GatesOf is GateOf for a table; ok tells which entries are Clifford.
func GatesOf(table []circuit.U3Angles) (gates []Gate, ok []bool) {
	gates, ok = make([]Gate, len(table)), make([]bool, len(table))
	for i, u := range table {
		gates[i], ok[i] = GateOf(u)
	}
	return gates, ok
}
