package plan

import "github.com/animicaorg/engine/circuit"

// Template converts circuits one after the other. Where one has the gates of the
// one before, but for angles, only angles are worked out again, in the same
// memory: everything else of a program follows from its gates. The zero value is
// ready. A program of a template ends with the next call.
type Template struct {
	p      *Program
	shapes []shape
	counts []int32 // rotations per qubit so far
}

// shape is an operation without its angles.
type shape struct {
	q    [circuit.MaxOpQubits]uint16
	gate circuit.Gate
	nq   uint8
	rot  bool // it leaves a rotation
}

// shapeOf reports false for what a template does not take in.
func shapeOf(op *circuit.Op) (shape, bool) {
	s := shape{op.Q, op.Gate, op.NQ, false}
	switch op.Gate {
	case circuit.U3:
		s.rot = op.Params[0]&(circuit.Pi-1) != 0
	case circuit.CZ, circuit.Barrier:
	default:
		return s, false
	}
	return s, op.Cond == 0
}

// FromOps is FromOps of this package.
func (t *Template) FromOps(width int, ops []circuit.Op) (*Program, error) {
	if t.Refill(width, ops) {
		return t.p, nil
	}
	t.p, t.shapes = nil, t.shapes[:0]
	p, err := FromOps(width, ops)
	if err != nil {
		return nil, err
	}
	for i := range ops {
		s, ok := shapeOf(&ops[i])
		if !ok {
			return p, nil // and the next one is converted as a whole
		}
		t.shapes = append(t.shapes, s)
	}
	t.p, t.counts = p, make([]int32, width)
	return p, nil
}

// Program is the last one converted.
func (t *Template) Program() *Program { return t.p }

// Refill puts the angles of ops into the last program, or reports that they are
// not its gates. Then what Program says is undefined, and the next call finds what
// it needs all the same.
func (t *Template) Refill(width int, ops []circuit.Op) bool {
	p := t.p
	if p == nil || p.Width != width || len(ops) != len(t.shapes) {
		return false
	}
	clear(t.counts)
	alpha := p.Last.Alpha
	clear(alpha)
	p.Frame, p.Phase = 0, 0
	for i := range ops {
		op := &ops[i]
		if s, ok := shapeOf(op); !ok || s != t.shapes[i] {
			return false
		}
		switch op.Gate {
		case circuit.U3:
			t.u3(p, int(op.Q[0]), &op.Params)
		case circuit.CZ:
			t.cz(p, int(op.Q[0]), int(op.Q[1]))
		}
	}
	return true
}

// u3 is builder.u3 where it is known how many rotations follow.
func (t *Template) u3(p *Program, q int, u *[circuit.MaxOpParams]circuit.Angle) {
	theta, phi, lambda := u[0], u[1], u[2]
	alpha, n := p.Last.Alpha[q], t.counts[q]
	if p.Frame>>q&1 == 1 {
		p.Phase += lambda
		theta, lambda = -theta, -lambda
	}
	if n > 0 {
		alpha += lambda
	}
	turns, rest := theta.SplitHalfTurns()
	if rest != 0 {
		p.Rots[q][n] = Rot{rest, alpha}
		n++
		t.counts[q], alpha = n, 0
	}
	if turns >= 2 { // Ry(2π) = -1
		p.Phase += circuit.Pi
	}
	if turns%2 == 1 { // Ry(π) = X·Z
		alpha += circuit.Pi
		p.Frame ^= 1 << q
	}
	if p.Frame>>q&1 == 1 {
		p.Phase += phi
		phi = -phi
	}
	if alpha += phi; n == 0 {
		alpha = 0 // on |0⟩
	}
	p.Last.Alpha[q] = alpha
}

// cz is builder.cz without the bookkeeping of CZs.
func (t *Template) cz(p *Program, x, y int) {
	fx, fy := circuit.Angle(p.Frame>>x&1), circuit.Angle(p.Frame>>y&1)
	if fx|fy == 0 {
		return
	}
	if t.counts[y] > 0 {
		p.Last.Alpha[y] += fx * circuit.Pi
	}
	if t.counts[x] > 0 {
		p.Last.Alpha[x] += fy * circuit.Pi
	}
	p.Phase += fx & fy * circuit.Pi
}
