package statevector

import (
	"context"
	"errors"
	"fmt"
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

// FromOps turns unconditional u3, CZ and barrier operations in any order into a
// program. Other operations are refused with ErrUnsupported. The operations must
// not be changed later.
func FromOps(width int, ops []circuit.Op) (*Program, error) {
	p, err := plan.FromOps(width, ops)
	if err != nil {
		return nil, refusal(err)
	}
	return programOf(p, ops), nil
}

// programOf is the program of ops, which p was made from.
func programOf(p *plan.Program, ops []circuit.Op) *Program {
	return &Program{phases: p, gates: func(b *builder) {
		for i := range ops {
			switch op := &ops[i]; op.Gate {
			case circuit.U3:
				b.u3(int(op.Q[0]), circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]})
			case circuit.CZ:
				b.cz(int(op.Q[0]), int(op.Q[1]))
			}
		}
	}}
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
