package ionq

import (
	"github.com/animicaorg/engine/circuit"
)

// The native tables. Each qubit has a frame f, which begins at 0: a turn about Z is
// no pulse on ions but the phase of the pulses that follow. It commutes with zz, and
// before the measurement it does nothing. Phases here are radians; sent are turns,
// 0 ≤ phase < 1.
//
//	u3(θ, φ, λ) on q → gpi2(-f-λ) q, gpi2(-f-λ-θ-π) q; then f += λ + θ + φ
//	cz a, b with zz  → zz(1/4 turn) a b; then f_a -= π/2, f_b -= π/2
//	cz a, b with ms  → gpi2(π/2-f_a) a, gpi2(π/2-f_b) b, ms(-f_a, -f_b; 1/4 turn) a b,
//	                   gpi2(3π/2-f_a) a, gpi2(3π/2-f_b) b; then f_a -= π/2, f_b -= π/2
//
// The first line is u3(θ, φ, λ) = Rz(φ+π)·Rx(π/2)·Rz(θ+π)·Rx(π/2)·Rz(λ), and
// gpi2(φ) = Rz(φ)·Rx(π/2)·Rz(-φ). The second is CZ = Rz(-π/2)⊗Rz(-π/2)·exp(-iπZZ/4),
// the third turns X⊗X into Z⊗Z by Ry(π/2) on both sides.

// nativeGates is the table with ms, or the one with zz.
func nativeGates(ms bool) func(l *circuit.Layered) []gate {
	return func(l *circuit.Layered) []gate {
		n := &natives{ms: ms, frame: make([]circuit.Angle, l.Skeleton.Width)}
		for j := range len(l.Skeleton.Layers) + 1 {
			for q := range n.frame {
				n.u3(q, l.U[j*len(n.frame)+q])
			}
			if j < len(l.Skeleton.Layers) {
				for _, p := range l.Skeleton.Layers[j] {
					n.cz(int(p.A), int(p.B))
				}
			}
		}
		return n.out
	}
}

type natives struct {
	ms    bool
	frame []circuit.Angle
	out   []gate
}

// turns of an angle modulo 2π, which is exact.
func turns(a circuit.Angle) float64 { return float64(a&(circuit.TwoPi-1)) / float64(circuit.TwoPi) }

func (n *natives) gpi2(q int, phase circuit.Angle) {
	p := turns(phase - n.frame[q])
	n.out = append(n.out, gate{Gate: "gpi2", Target: &q, Phase: &p})
}

func (n *natives) u3(q int, u circuit.U3Angles) {
	n.gpi2(q, -u.Lambda)
	n.gpi2(q, -u.Lambda-u.Theta-circuit.Pi)
	n.frame[q] += u.Lambda + u.Theta + u.Phi
}

func (n *natives) cz(a, b int) {
	quarter := 0.25
	g := gate{Gate: "zz", Targets: []int{a, b}, Angle: &quarter}
	if n.ms {
		n.gpi2(a, circuit.HalfPi)
		n.gpi2(b, circuit.HalfPi)
		g.Gate, g.Phases = "ms", []float64{turns(-n.frame[a]), turns(-n.frame[b])}
	}
	n.out = append(n.out, g)
	if n.ms {
		n.gpi2(a, 3*circuit.HalfPi)
		n.gpi2(b, 3*circuit.HalfPi)
	}
	n.frame[a] -= circuit.HalfPi
	n.frame[b] -= circuit.HalfPi
}
