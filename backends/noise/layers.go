package noise

import (
	"math/bits"

	"github.com/animicaorg/engine/circuit"
)

// layered is a circuit with Pauli noise as alternating diagonals and layers of real
// rotations on a state behind a frame of X (the form of package statevector):
//
//	X^frame · R_m·D_m ⋯ R_0·D_0|0…0⟩
//
// Errors leave all tables as they are. An X that is pushed to the left flips an index
// of later tables and the signs of later rotations; what it and Z change inside
// the diagonal where they happen is one phase per qubit.
type layered struct {
	width  int
	layers []layer
	frame  uint64
	at     [][2]int // per site: the layer of each of its qubits
}

// layer is D, then R.
type layer struct {
	ops    []diagonalOp // in order
	tan    []float32    // per qubit: tan(θ/2), |θ| ≤ π/2
	re, im []float32    // D times the cosines of R
}

// diagonalOp is diag(1, e^{iα}) on a, a CZ on a and b, or a place for an error.
type diagonalOp struct {
	a, b  int // b is -1 but for a CZ
	alpha circuit.Angle
	site  int // -1, or the site whose Pauli on part acts on a
	part  int
}

// maxLayered bounds tables: 2^14 complex64 a layer.
const (
	maxLayeredWidth = 14
	maxTables       = 1 << 23 // amplitudes in all tables, 64 MiB
)

// newLayered returns nil where the tables would be too large.
func newLayered(p *program) *layered {
	if p.qubits > maxLayeredWidth {
		return nil
	}
	l := &layered{width: p.qubits, at: make([][2]int, len(p.sites))}
	next := make([]int, p.qubits)
	for i := range p.steps {
		st := &p.steps[i]
		switch {
		case st.op == nil:
			s := &p.sites[st.site]
			for part := range 2 {
				if part == 1 && s.kind != pauli2 {
					break
				}
				q := s.q[part]
				l.at[st.site][part] = next[q]
				l.add(next[q], diagonalOp{a: q, b: -1, site: st.site, part: part})
			}
		case st.op.Gate == circuit.U3:
			l.u3(next, int(st.op.Q[0]), st.op)
		default:
			a, b := int(st.op.Q[0]), int(st.op.Q[1])
			s := max(next[a], next[b])
			next[a], next[b] = s, s
			l.add(s, diagonalOp{a: a, b: b, site: -1})
			l.turn(s, b, circuit.Angle(l.frame>>a&1)*circuit.Pi)
			l.turn(s, a, circuit.Angle(l.frame>>b&1)*circuit.Pi)
		}
		if len(l.layers)<<l.width > maxTables {
			return nil
		}
	}
	l.add(0, diagonalOp{b: -1, site: -1})
	for i := range l.layers {
		l.layers[i].table(l.width)
	}
	return l
}

func (l *layered) add(s int, op diagonalOp) {
	for len(l.layers) <= s {
		l.layers = append(l.layers, layer{tan: make([]float32, l.width)})
	}
	l.layers[s].ops = append(l.layers[s].ops, op)
}

// turn adds a phase as it stands behind the frame.
func (l *layered) turn(s, q int, a circuit.Angle) {
	if a != 0 {
		l.add(s, diagonalOp{a: q, b: -1, alpha: a, site: -1})
	}
}

func (l *layered) u3(next []int, q int, op *circuit.Op) {
	sign := func(a circuit.Angle) circuit.Angle {
		if l.frame>>q&1 == 1 {
			return -a
		}
		return a
	}
	l.turn(next[q], q, sign(op.Params[2]))
	turns, rest := sign(op.Params[0]).SplitHalfTurns()
	if rest != 0 {
		l.add(next[q], diagonalOp{b: -1, site: -1})
		t, _ := rest.TanCosHalf()
		l.layers[next[q]].tan[q] = float32(t)
		next[q]++
	}
	if turns%2 == 1 { // Ry(π) = X·Z
		l.turn(next[q], q, circuit.Pi)
		l.frame ^= 1 << q
	}
	l.turn(next[q], q, sign(op.Params[1]))
}

// phases adds up the phases of D behind the frame x, with errors, and returns the
// frame behind it.
func (ly *layer) phases(alpha []circuit.Angle, x uint64, errors []placed) uint64 {
	for _, op := range ly.ops {
		switch {
		case op.site >= 0:
			for _, e := range errors {
				if e.site == op.site && e.part == op.part {
					if e.choice != 3 {
						x ^= 1 << op.a
					}
					if e.choice != 1 {
						alpha[op.a] += circuit.Pi
					}
				}
			}
		case op.b >= 0:
			alpha[op.b] += circuit.Angle(x>>op.a&1) * circuit.Pi
			alpha[op.a] += circuit.Angle(x>>op.b&1) * circuit.Pi
		case x>>op.a&1 == 1:
			alpha[op.a] -= op.alpha
		default:
			alpha[op.a] += op.alpha
		}
	}
	return x
}

// table multiplies phases by doubling, qubits ascending, in float64.
func (ly *layer) table(width int) {
	alpha, below := make([]circuit.Angle, width), make([]uint, width)
	ly.phases(alpha, 0, nil)
	for _, op := range ly.ops {
		if op.b >= 0 {
			below[max(op.a, op.b)] ^= 1 << min(op.a, op.b)
		}
	}
	scale := 1.0
	for _, t := range ly.tan { // cos = 1/√(1 + tan²), of the tangent that is used
		scale *= cosOf(float64(t))
	}
	re, im := make([]float64, 1<<width), make([]float64, 1<<width)
	re[0] = scale
	for q := range width {
		s, c := alpha[q].SinCos()
		for i := range 1 << q {
			x, y := float64(re[i]*c)-float64(im[i]*s), float64(re[i]*s)+float64(im[i]*c)
			if bits.OnesCount(uint(i)&below[q])&1 == 1 {
				x, y = -x, -y
			}
			re[i|1<<q], im[i|1<<q] = x, y
		}
	}
	ly.re, ly.im = make([]float32, 1<<width), make([]float32, 1<<width)
	for i := range re {
		ly.re[i], ly.im[i] = float32(re[i]), float32(im[i])
	}
}
