package statevector

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"sync"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
)

// Program is a circuit made ready for Simulate. It may serve several runs at
// once.
type Program struct {
	phases *plan.Program // as numeric version 1 executes it

	mu    sync.Mutex
	gates func(b *builder) // the gates once more, for layers
	made  *layers          // as numeric version 0 executes it; nil: not made
	plan  *plan.Plan       // nil: not made
}

// Width is the number of qubits.
func (p *Program) Width() int { return p.phases.Width }

// Steps is the number of rotation layers, gates placed as early as they can be.
func (p *Program) Steps() int { return len(p.layers().steps) }

// layers returns the form of numeric version 0.
func (p *Program) layers() *layers {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == nil {
		b := newBuilder(p.Width())
		p.gates(b)
		p.made, p.gates = b.done(), nil
	}
	return p.made
}

// order returns the plan of numeric version 1, which is that of an earlier run
// where the structure is the same.
func (p *Program) order(ctx context.Context, earlier *plan.Plan) (*plan.Plan, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := error(nil)
	switch {
	case p.plan != nil:
	case earlier != nil && earlier.Fits(p.phases):
		p.plan = earlier
	default:
		p.plan, err = plan.NewContext(ctx, p.phases)
	}
	return p.plan, err
}

// FromLayered turns a layered circuit into a program. Its measurement map is not
// looked at: samples are rows by qubit. The circuit must not be changed later.
func FromLayered(l *circuit.Layered) (*Program, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	return FromSkeleton(&l.Skeleton, l.U)
}

// FromSkeleton is FromLayered for a skeleton that has been validated and one
// triple per location.
func FromSkeleton(s *circuit.Skeleton, u []circuit.U3Angles) (*Program, error) {
	p, err := plan.FromSkeleton(s, u)
	if err != nil {
		return nil, refusal(err)
	}
	return &Program{phases: p, gates: func(b *builder) {
		for j := 0; ; j++ {
			for q := range s.Width {
				b.u3(q, u[j*s.Width+q])
			}
			if j == len(s.Layers) {
				return
			}
			for _, p := range s.Layers[j] {
				b.cz(int(p.A), int(p.B))
			}
		}
	}}, nil
}

// FromOps turns unconditional gates and barriers in any order into a program.
// Other operations are refused with ErrUnsupported. The operations must not be
// changed later. Gates need not be lowered: phases of several qubits and swaps
// take less time as they are.
func FromOps(width int, ops []circuit.Op) (*Program, error) { return FromGates(width, ops, nil) }

// Phase multiplies the basis states in which all of Qubits, bit q for qubit q, are
// 1 by e^{i·Angle}: Z under any number of controls is the phase π. It stands
// before operation Before of a list, or at its end.
type Phase = plan.Phase

// FromGates is FromOps with phases in between, ascending in Before.
func FromGates(width int, ops []circuit.Op, phases []Phase) (*Program, error) {
	p, err := plan.FromGates(width, ops, phases)
	if err != nil {
		return nil, refusal(err)
	}
	return &Program{phases: p, gates: func(b *builder) {
		rest := phases
		for i := range ops {
			rest = b.before(i, rest)
			b.op(&ops[i])
		}
		b.before(len(ops), rest)
	}}, nil
}

// before appends the phases that stand before operation i.
func (b *builder) before(i int, phases []Phase) []Phase {
	for ; len(phases) > 0 && phases[0].Before <= i; phases = phases[1:] {
		var q []int
		for m := phases[0].Qubits; m != 0; m &= m - 1 {
			q = append(q, bits.TrailingZeros64(m))
		}
		for _, op := range circuit.ControlledPhase(phases[0].Angle, q) {
			b.op(&op)
		}
	}
	return phases
}

// op appends a gate in its lowered form.
func (b *builder) op(op *circuit.Op) {
	switch op.Gate {
	case circuit.U3:
		b.u3(int(op.Q[0]), circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]})
	case circuit.CZ:
		b.cz(int(op.Q[0]), int(op.Q[1]))
	case circuit.Barrier:
	default:
		for _, low := range op.Lower() {
			b.op(&low)
		}
	}
}

// refusal puts a refusal of package plan into the words of backends.
func refusal(err error) error {
	switch {
	case errors.Is(err, plan.ErrWidth):
		return fmt.Errorf("%w: %w", err, backends.ErrTooLarge)
	case errors.Is(err, plan.ErrOp):
		return fmt.Errorf("%w: %w", err, backends.ErrUnsupported)
	}
	return err
}
