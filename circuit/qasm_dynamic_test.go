package circuit

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"
)

// distribution follows every outcome of every measurement and returns the
// probability of each value of the clbits.
func distribution(t testing.TB, c *Circuit) map[uint64]float64 {
	c = c.Explicit()
	require.NoError(t, c.Validate())
	out := map[uint64]float64{}
	v := make([]complex128, 1<<c.Qubits)
	v[0] = 1
	follow(c, 0, v, 0, out)
	return out
}

func follow(c *Circuit, at int, v []complex128, bits uint64, out map[uint64]float64) {
	for ; at < len(c.Ops); at++ {
		op := c.Ops[at]
		if op.Cond != 0 && !holds(c.Conds[op.Cond-1], bits) {
			continue
		}
		switch op.Gate {
		case Barrier:
		case Measure, Reset:
			for b := range 2 {
				w, norm := project(v, int(op.Q[0]), b)
				if norm < 1e-14 {
					continue
				}
				next := bits
				if op.Gate == Measure {
					next = bits&^(1<<op.Clbit) | uint64(b)<<op.Clbit
				} else if b == 1 {
					applyState(w, X.Matrix(nil), opQubits(op))
				}
				follow(c, at+1, w, next, out)
			}
			return
		default:
			applyState(v, op.Gate.Matrix(op.Params[:op.Gate.Info().Params]), opQubits(op))
		}
	}
	for _, a := range v {
		out[bits] += probability(a)
	}
}

// project keeps the norm in the vector, so that branches carry their weight.
func project(v []complex128, q, b int) (w []complex128, norm float64) {
	w = make([]complex128, len(v))
	for i, a := range v {
		if i>>q&1 == b {
			w[i] = a
			norm += probability(a)
		}
	}
	return w, norm
}

func holds(d Cond, bits uint64) bool {
	for _, t := range d.Terms {
		var v uint64
		for k, b := range t.Bits {
			v |= bits >> b & 1 << k
		}
		if (v == t.Value) == t.Negate {
			return false
		}
	}
	return true
}

func TestTeleportation(t *testing.T) {
	c := mustParse(t, `include "stdgates.inc"; qubit[3] q; bit[2] m; bit out;
		def bell(qubit a, qubit b) { h a; cx a, b; }
		rx(0.4) q[0]; rz(1.1) q[0]; bell(q[1], q[2]);
		cx q[0], q[1]; h q[0]; m[0] = measure q[0]; m[1] = measure q[1];
		switch (m) { case 1 { z q[2]; } case 2 { x q[2]; } case 3 { x q[2]; z q[2]; } default { } }
		rz(-1.1) q[2]; rx(-0.4) q[2]; out = measure q[2];`)
	d := distribution(t, c)
	require.Len(t, d, 4)
	for m := range uint64(4) {
		require.InDelta(t, 0.25, d[m], 1e-12, "m = %d, out = 0", m)
	}
}

// TestIterativePhaseEstimation reads an exact binary fraction bit by bit, the
// lowest first; the newest bit weighs a quarter turn in the next round.
func TestIterativePhaseEstimation(t *testing.T) {
	for phase := range 16 {
		c := mustParse(t, fmt.Sprintf(`include "stdgates.inc"; const int n = 4; qubit q; qubit r; angle[n] c; x r; uint power = 8;
			for int i in [1:n] { reset q; h q; ctrl @ pow(power) @ p(%d*2*pi/16) q, r; inv @ p(c) q; h q; measure q -> c[n-1]; c >>= 1; power >>= 1; }`, phase))
		d := distribution(t, c)
		require.InDelta(t, 1, d[uint64(phase)], 1e-9, "phase %d: %v", phase, d)
	}
}

// TestSemiclassicalTransform compares the inverse Fourier transform with
// feedback to the coherent one.
func TestSemiclassicalTransform(t *testing.T) {
	const prepare = "include \"stdgates.inc\"; qubit[3] q; bit[3] c; u3(0.3,1,2) q[0]; u3(1.2,0.1,0.7) q[1]; u3(2.2,3,0.2) q[2]; "
	coherent := distribution(t, mustParse(t, prepare+"h q[0]; cp(-pi/2) q[0], q[1]; h q[1]; cp(-pi/4) q[0], q[2]; cp(-pi/2) q[1], q[2]; h q[2]; c = measure q;"))
	feedback := distribution(t, mustParse(t, prepare+`h q[0]; c[0] = measure q[0]; if (c[0]) p(-pi/2) q[1]; h q[1]; c[1] = measure q[1];
		if (c[0:1] == 1) p(-pi/4) q[2]; else if (c[0:1] >= 2) { p(-pi/2) q[2]; if (c[0] && true) p(-pi/4) q[2]; } h q[2]; c[2] = measure q[2];`))
	for k := range uint64(8) {
		require.InDelta(t, coherent[k], feedback[k], 1e-12)
	}
}

// TestConditionsByTruthTable checks how conditions are split, on every value of
// four measured bits.
func TestConditionsByTruthTable(t *testing.T) {
	bit := func(v, k int) bool { return v>>k&1 == 1 }
	for src, want := range map[string]func(v int) bool{
		"c[0]":                       func(v int) bool { return bit(v, 0) },
		"!c[0] && c[1]":              func(v int) bool { return !bit(v, 0) && bit(v, 1) },
		"c[0] || c[1] && !c[3]":      func(v int) bool { return bit(v, 0) || bit(v, 1) && !bit(v, 3) },
		"!(c[0] || (c[1] ^ c[2]))":   func(v int) bool { return !(bit(v, 0) || bit(v, 1) != bit(v, 2)) },
		"c[0] ^ c[1] ^ c[2] ^ c[3]":  func(v int) bool { return (v&1 ^ v>>1&1 ^ v>>2&1 ^ v>>3&1) == 1 },
		"c > 9":                      func(v int) bool { return v > 9 },
		"c <= 9 && c != 4":           func(v int) bool { return v <= 9 && v != 4 },
		"c[1:3] >= 3 || c[0:1] == 2": func(v int) bool { return v>>1 >= 3 || v&3 == 2 },
		"7 < uint[4](c)":             func(v int) bool { return 7 < v },
		"c == \"0110\"":              func(v int) bool { return v == 6 },
		"c != 16 && c >= 0":          func(v int) bool { return true },
		"int[4](c) == -1":            func(v int) bool { return v == 15 },
		"(c[0] && c[1]) == false":    func(v int) bool { return v&3 != 3 },
		"c[{3, 0}] == 2":             func(v int) bool { return bit(v, 0) && !bit(v, 3) },
		"~c[0] | bool(c[1]) & c[2]":  func(v int) bool { return !bit(v, 0) || bit(v, 1) && bit(v, 2) },
		"c":                          func(v int) bool { return v != 0 },
		"!c":                         func(v int) bool { return v == 0 },
	} {
		c := mustParse(t, "qubit[6] q; bit[4] c; h q[0:3]; c = measure q[0:3]; if ("+src+") { x q[4]; } else { x q[5]; } bit[2] r; r = measure q[4:5];")
		d := distribution(t, c)
		require.Len(t, d, 16, src)
		for v := range 16 {
			r := uint64(2)
			if want(v) {
				r = 1
			}
			require.InDelta(t, 1.0/16, d[uint64(v)|r<<4], 1e-12, "%s at %04b", src, v)
		}
	}
}

func TestRotationByMeasuredAngleIsTheSum(t *testing.T) {
	c := mustParse(t, `include "stdgates.inc"; qubit[4] q; bit m; angle[3] a; h q[0:2];
		a[0] = measure q[0]; a[1] = measure q[1]; a[2] = measure q[2]; h q[3]; p(-a) q[3]; h q[3]; m = measure q[3];`)
	d := distribution(t, c)
	for v := range uint64(8) {
		amp := (1 + cmplx.Rect(1, -2*math.Pi*float64(v)/8)) / 2
		require.InDelta(t, probability(amp)/8, d[v<<1], 1e-12) // m is clbit 0
	}
}
