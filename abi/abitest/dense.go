package abitest

import (
	"math"
	"math/cmplx"

	"github.com/animicaorg/engine/circuit"
)

// dense is a state vector for comparing small circuits; qubit 0 is the lowest
// bit of an index. It is a definition to check against, not a simulator.
type dense []complex128

func newDense(w int) dense {
	v := make(dense, 1<<w)
	v[0] = 1
	return v
}

func radians(a circuit.Angle) float64 { return float64(a) / (1 << 62) * math.Pi }

// u3 applies Rz(φ)·Ry(θ)·Rz(λ) up to phase.
func (v dense) u3(q int, u circuit.U3Angles) {
	c, s := math.Cos(radians(u.Theta)/2), math.Sin(radians(u.Theta)/2)
	p, l := radians(u.Phi), radians(u.Lambda)
	m01, m10, m11 := -cmplx.Rect(s, l), cmplx.Rect(s, p), cmplx.Rect(c, p+l)
	for i := range v {
		if k := i | 1<<q; k != i {
			v[i], v[k] = complex(c, 0)*v[i]+m01*v[k], m10*v[i]+m11*v[k]
		}
	}
}

func (v dense) cz(a, b int) {
	for i := range v {
		if (i>>a)&(i>>b)&1 == 1 {
			v[i] = -v[i]
		}
	}
}

// results sums probabilities by what lands in the clbits; clbit[q] below 0 means
// that qubit q is not measured.
func (v dense) results(clbit []int) map[int]float64 {
	out := map[int]float64{}
	for i, a := range v {
		k := 0
		for q, c := range clbit {
			if c >= 0 {
				k |= i >> q & 1 << c
			}
		}
		out[k] += real(a)*real(a) + imag(a)*imag(a)
	}
	return out
}

// circuitResults runs a lowered circuit whose measurements are final.
func circuitResults(c *circuit.Circuit) map[int]float64 {
	v, clbit, measured := newDense(c.Qubits), make([]int, c.Qubits), false
	for q := range clbit {
		clbit[q] = circuit.NoClbit
	}
	for _, op := range c.Ops {
		switch op.Gate {
		case circuit.U3:
			v.u3(int(op.Q[0]), circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]})
		case circuit.CZ:
			v.cz(int(op.Q[0]), int(op.Q[1]))
		case circuit.Measure:
			clbit[op.Q[0]], measured = int(op.Clbit), true
		}
	}
	if !measured {
		for q := range clbit {
			clbit[q] = q
		}
	}
	return v.results(clbit)
}

func layeredResults(l *circuit.Layered) map[int]float64 {
	v := newDense(l.Width)
	for i, u := range l.U {
		if j, q := i/l.Width, i%l.Width; q == 0 && j > 0 {
			for _, p := range l.Layers[j-1] {
				v.cz(int(p.A), int(p.B))
			}
		}
		v.u3(i%l.Width, u)
	}
	return v.results(l.Measure)
}
