package noise

import (
	"context"
	"slices"
	"sync"

	"github.com/animicaorg/engine/backends/statevector/layer"
	"github.com/animicaorg/engine/circuit"
)

// layered is a circuit with Pauli noise as alternating diagonals and layers of real
// rotations on a state behind a frame of X (the form of package statevector):
//
//	X^frame · R_m·D_m ⋯ R_0·D_0|0…0⟩
//
// An error inside D permutes the state and adds a phase per qubit (type fault), so
// that all shots share all tables and rotations.
type layered struct {
	width  int
	stages []stage // the last one has no rotations: outcomes do not depend on its phases
	damped bool    // some site is damping: the last stage counts
	frame  uint64
	at     [][2]int // per site: the stage of each of its qubits

	mu     sync.Mutex
	kernel layer.Kernel // of the steps, once they are made
	made   bool
}

// stage is D, then R.
type stage struct {
	ops    []diagonalOp // in order
	effect              // of D without errors
	tan    []float32    // per qubit: tan(θ/2), |θ| ≤ π/2
	step   *layer.Step  // for the kernel of layered; nil for the last stage
}

// effect is what D does beside its CZs: a phase and a pair of real factors per qubit
// (nil: none), behind the frame x.
type effect struct {
	alpha []circuit.Angle
	gain  [][2]float64
	x     uint64
}

// diagonalOp is diag(1, e^{iα}) on a, a CZ on a and b, or a place for an error.
type diagonalOp struct {
	a, b  int // b is -1 but for a CZ
	alpha circuit.Angle
	site  int // -1, or the site whose Pauli on part acts on a
	part  int
	keep  float64 // of damping: √(1-γ)
	one   uint64  // of damping: the stored value of a that stands for 1
}

// Bounds of tables. Wider states are better run one after the other by passes that
// keep to the caches.
const (
	maxLayeredWidth = 18
	maxTables       = 1 << 23 // amplitudes in all tables, 64 MiB
	maxGamma        = 0.75    // of damping, by whose factors errors divide
	minNorm         = 0x1p-16 // least norm squared that a state without events may have
)

// newLayered returns nil where the tables would be too large.
func newLayered(p *program) *layered {
	if p.qubits > maxLayeredWidth {
		return nil
	}
	l := &layered{width: p.qubits, at: make([][2]int, len(p.sites))}
	norm := 1.0
	for i := range p.sites {
		if s := &p.sites[i]; s.kind == damp {
			l.damped = true
			if norm = float64(norm * (1 - s.p)); s.p > maxGamma || norm < minNorm {
				return nil
			}
		}
	}
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
				op := diagonalOp{a: q, b: -1, site: st.site, part: part}
				if s.kind == damp {
					op.keep, op.one = s.keep, 1^l.frame>>q&1
				}
				l.add(next[q], op)
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
		if len(l.stages)<<l.width > maxTables {
			return nil
		}
	}
	l.add(slices.Max(next), diagonalOp{b: -1, site: -1})
	for i := range l.stages {
		st := &l.stages[i]
		st.effect = l.effectOf(st.ops, 0, nil)
	}
	return l
}

// prepare makes the tables for a kernel, unless it has been done.
func (l *layered) prepare(ctx context.Context, k layer.Kernel, threads int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made && l.kernel == k {
		return nil
	}
	l.kernel = k
	err := parallel(ctx, threads, l.end(), func(_, i int) error {
		st := &l.stages[i]
		st.step = layer.NewStep(k, st.diagonal(), st.tan)
		return nil
	})
	l.made = err == nil
	return err
}

// end is how many stages are applied to states.
func (l *layered) end() int {
	if l.damped {
		return len(l.stages)
	}
	return len(l.stages) - 1
}

func (l *layered) add(s int, op diagonalOp) {
	for len(l.stages) <= s {
		l.stages = append(l.stages, stage{tan: make([]float32, l.width)})
	}
	l.stages[s].ops = append(l.stages[s].ops, op)
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
		l.stages[next[q]].tan[q] = float32(t)
		next[q]++
	}
	if turns%2 == 1 { // Ry(π) = X·Z
		l.turn(next[q], q, circuit.Pi)
		l.frame ^= 1 << q
	}
	l.turn(next[q], q, sign(op.Params[1]))
}

// effectOf adds up operations of D behind the frame x, with errors; its frame is
// that behind them.
func (l *layered) effectOf(ops []diagonalOp, x uint64, errors []placed) effect {
	e := effect{alpha: make([]circuit.Angle, l.width), x: x}
	if l.damped {
		e.gain = make([][2]float64, l.width)
		for q := range e.gain {
			e.gain[q] = [2]float64{1, 1}
		}
	}
	for i := range ops {
		op := &ops[i]
		switch {
		case op.site >= 0:
			e.site(op, errors)
		case op.b >= 0:
			e.alpha[op.b] += circuit.Angle(e.x>>op.a&1) * circuit.Pi
			e.alpha[op.a] += circuit.Angle(e.x>>op.b&1) * circuit.Pi
		case e.x>>op.a&1 == 1:
			e.alpha[op.a] -= op.alpha
		default:
			e.alpha[op.a] += op.alpha
		}
	}
	return e
}

// site does the error at a site, or nothing there, which is not nothing for damping.
func (e *effect) site(op *diagonalOp, errors []placed) {
	choice := 0
	for _, x := range errors {
		if x.site == op.site && x.part == op.part {
			choice = x.choice
		}
	}
	one := op.one ^ e.x>>op.a&1
	switch {
	case choice == fall:
		e.gain[op.a][1^one] = 0
		e.x ^= 1 << op.a
	case op.keep > 0:
		e.gain[op.a][one] *= op.keep
	case choice > 0:
		if choice != 3 {
			e.x ^= 1 << op.a
		}
		if choice != 1 {
			e.alpha[op.a] += circuit.Pi
		}
	}
}

// diagonal is D without errors.
func (st *stage) diagonal() *layer.Diagonal {
	d := &layer.Diagonal{Alpha: st.alpha, Gain: st.gain, CZ: make([]uint32, len(st.tan))}
	for _, op := range st.ops {
		if op.b >= 0 {
			d.CZ[max(op.a, op.b)] ^= 1 << min(op.a, op.b)
		}
	}
	return d
}
