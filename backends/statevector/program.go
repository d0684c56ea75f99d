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
	phases *plan.Program

	mu   sync.Mutex
	plan *plan.Plan // nil: not made
}

// Width is the number of qubits.
func (p *Program) Width() int { return p.phases.Width }

// NumericExchange is added to the numeric version of programs in which gates on two
// qubits are taken together as exchanges.
const NumericExchange = "-exchange"

// Numeric names the arithmetic of a run.
func (p *Program) Numeric(prec Precision) string {
	if p.phases.Fused {
		return prec.Numeric() + NumericExchange
	}
	return prec.Numeric()
}

// order returns the plan, which is that of an earlier run
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
	return &Program{phases: p}, nil
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
	return &Program{phases: p}, nil
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
