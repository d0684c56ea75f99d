// Package stabilizer simulates Clifford circuits of u3 and CZ on |0…0⟩ with all
// qubits measured at the end, up to circuit.MaxQubits qubits.
//
// The outcomes of such a circuit are uniform over an affine space over GF(2):
// ref XOR any combination of k basis vectors (Gottesman, "The Heisenberg
// representation of quantum computers", 1998; Aaronson and Gottesman, Phys. Rev.
// A 70, 052328, 2004). Compile finds it once; a shot is then k random bits.
//
// It promises that ref and basis are the one reduced form stated at Affine, and
// that shot i depends on them and on the shot's own words alone, so results are
// the same for any chunk of shots and any kernel (SPEC.md). It does no noise, and
// no circuit that is not Clifford: those are refused. Measurement, reset and
// branches on the way are turned into final measurements by package sim.
package stabilizer

// NumericVersion names the contract of Affine and of the use of random words. It
// is that of the state vector; the contract is the same in versions 0 and 1.
const NumericVersion = 1
