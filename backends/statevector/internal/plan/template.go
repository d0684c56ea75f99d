package plan

import "github.com/animicaorg/engine/circuit"

// Template converts circuits one after the other. Where one has the gates of the
// one before, but for angles, only angles are worked out again, in the same
// memory: everything else of a program follows from its gates. The zero value is
// ready. A program of a template ends with the next call.
type Template struct {
	p      *Program
	shapes []shape
}

// shape is an operation without its angles, and what is known of it.
type shape struct {
	q    [circuit.MaxOpQubits]uint16
	gate circuit.Gate
	nq   uint8
	// Of u3, whether its qubit has rotations before it and after it; of CZ, whether
	// its first and its second qubit have.
	live, then bool
	rot        *Rot // the rotation that it leaves, or nil
}

// fits reports whether an operation is one of this shape.
func (s *shape) fits(op *circuit.Op) bool {
	if op.Gate != s.gate || op.NQ != s.nq || op.Q != s.q || op.Cond != 0 {
		return false
	}
	return op.Gate != circuit.U3 || rotates(op) == (s.rot != nil)
}

// rotates reports whether a u3 leaves a rotation.
func rotates(op *circuit.Op) bool { return op.Params[0]&(circuit.Pi-1) != 0 }

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
	counts := make([]int, width)
	for i := range ops {
		op := &ops[i]
		s := shape{q: op.Q, gate: op.Gate, nq: op.NQ}
		a, b := op.Q[0], op.Q[1]
		switch op.Gate {
		case circuit.CZ:
			s.live, s.then = counts[a] > 0, counts[b] > 0
		case circuit.U3:
			s.live = counts[a] > 0
			if rotates(op) {
				s.rot = &p.Rots[a][counts[a]]
				counts[a]++
			}
			s.then = counts[a] > 0
		case circuit.Barrier:
		default:
			return p, nil // and the next one is converted as a whole
		}
		t.shapes = append(t.shapes, s)
	}
	t.p = p
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
	alpha := p.Last.Alpha
	clear(alpha)
	f := framed{}
	for i := range ops {
		op, s := &ops[i], &t.shapes[i]
		if !s.fits(op) {
			return false
		}
		switch op.Gate {
		case circuit.U3:
			q := op.Q[0]
			alpha[q] = f.u3(q, &op.Params, alpha[q], s)
		case circuit.CZ:
			f.cz(op.Q[0], op.Q[1], alpha, s)
		}
	}
	p.Frame, p.Phase = 0, f.phase
	for q, m := range f.flips[:width] {
		p.Frame |= uint64(m&1) << q
	}
	return true
}

// framed is the frame and the phase so far, the frame by qubits, which so do not
// wait for each other. Its methods do not branch on angles,
// half of which would be guessed wrongly.
type framed struct {
	phase circuit.Angle
	flips [MaxWidth]circuit.Angle // per qubit: all ones behind an X
}

// behind is all ones behind an X on q.
func (f *framed) behind(q uint16) circuit.Angle { return f.flips[q] }

// u3 is builder.u3: it returns the phase of q, alpha before, behind the gate.
func (f *framed) u3(q uint16, u *[circuit.MaxOpParams]circuit.Angle, alpha circuit.Angle, s *shape) circuit.Angle {
	m := f.behind(q)
	f.phase += u[2] & m
	if s.live {
		alpha += u[2] ^ m - m
	}
	turns, rest := (u[0] ^ m - m).SplitHalfTurns()
	if s.rot != nil {
		*s.rot = Rot{Rest: rest, Alpha: alpha}
		alpha = 0
	}
	f.phase += circuit.Angle(turns>>1) * circuit.Pi // Ry(2π) = -1
	m ^= -circuit.Angle(turns & 1)                  // Ry(π) = X·Z
	f.flips[q] = m
	f.phase += u[1] & m
	if !s.then {
		return 0 // on |0⟩
	}
	return alpha + circuit.Angle(turns&1)*circuit.Pi + (u[1] ^ m - m)
}

// cz is builder.cz without the bookkeeping of CZs.
func (f *framed) cz(x, y uint16, alpha []circuit.Angle, s *shape) {
	fx, fy := f.behind(x)&circuit.Pi, f.behind(y)&circuit.Pi
	if s.live {
		alpha[x] += fy
	}
	if s.then {
		alpha[y] += fx
	}
	f.phase += fx & fy
}
