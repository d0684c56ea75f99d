package statevector

import (
	"context"

	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
)

// Series simulates circuits one after the other in the same memory. Where a
// circuit has the gates of the one before but for their angles, it takes over its
// structure and plan. States are those of Simulate, bit for bit. A Series is for
// one goroutine at a time.
type Series struct {
	o        Options
	template plan.Template
	state    *State
}

// NewSeries returns a Series that runs with o, and takes o.Reuse over.
func NewSeries(o Options) *Series {
	s := &Series{o: o, state: o.Reuse}
	s.o.Reuse = nil
	return s
}

// Run simulates the unconditional unitary gates and barriers of c, with phases in
// between as FromGates has them; other operations are refused with ErrUnsupported.
// The state serves until the next call, and c must not be changed until then.
func (s *Series) Run(ctx context.Context, c *circuit.Circuit, phases ...Phase) (*State, error) {
	if len(phases) == 0 && s.template.Refill(c.Qubits, c.Ops) {
		return s.simulate(ctx, s.template.Program())
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p, err := (*plan.Program)(nil), error(nil)
	if len(phases) > 0 {
		p, err = plan.FromGates(c.Qubits, c.Ops, phases)
	} else {
		p, err = s.template.FromOps(c.Qubits, c.Ops)
	}
	if err != nil {
		return nil, refusal(err)
	}
	return s.simulate(ctx, p)
}

func (s *Series) simulate(ctx context.Context, p *plan.Program) (*State, error) {
	o := s.Options()
	st, err := Simulate(ctx, &Program{phases: p}, o)
	s.state = st
	return st, err
}

// Options are those of NewSeries, with the threads of this member of a Batch and,
// in Reuse, the last state, which thereby is given up.
func (s *Series) Options() Options {
	o := s.o
	o.Reuse, s.state = s.state, nil
	return o
}

// Keep gives s the memory of a state that was made elsewhere; nil is none.
func (s *Series) Keep(st *State) {
	if s.state != st {
		s.Close()
	}
	s.state = st
}

// Close gives the memory back.
func (s *Series) Close() {
	if s.state != nil {
		s.state.Close()
		s.state = nil
	}
}
