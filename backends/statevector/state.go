package statevector

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/backends"
)

// Options of a run. None of them but Precision changes a result.
type Options struct {
	Precision   Precision
	Threads     int    // goroutines; 0 means one per CPU
	MemoryBytes uint64 // most that the state may hold; 0 means no bound
	// Progress is called from the calling goroutine after each layer.
	Progress func(done, total int)
	// Reuse gives up an earlier state, whose memory the new one takes over where
	// it fits. The old state must not be used again.
	Reuse *State
}

// State is the outcome of a run.
type State struct {
	p   *Program
	prc Precision
	v32 *vector[float32] // set for Complex64
	v64 *vector[float64] // set for Complex128
}

// Simulate runs a program. It returns ctx's error within 50 ms of cancellation
// and ErrTooLarge where memory does not suffice.
func Simulate(ctx context.Context, p *Program, o Options) (*State, error) {
	if err := Admit(p.width, o.Precision, o.MemoryBytes); err != nil {
		return nil, err
	}
	s := &State{p: p, prc: o.Precision}
	var old State
	if o.Reuse != nil {
		old, *o.Reuse = *o.Reuse, State{}
	}
	var err error
	switch o.Precision {
	case Complex64:
		s.v32, err = simulate(ctx, p, o, old.v32)
	case Complex128:
		s.v64, err = simulate(ctx, p, o, old.v64)
	default:
		err = fmt.Errorf("precision %d: %w", o.Precision, backends.ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func simulate[T float](ctx context.Context, p *Program, o Options, old *vector[T]) (*vector[T], error) {
	v := newVector(p.width, old)
	r := newRun(ctx, v, o.Threads)
	total := max(len(p.steps), 1)
	for i := range total {
		err := error(nil)
		if i == 0 {
			err = r.start(p)
		} else {
			err = r.step(&p.steps[i])
		}
		if err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(i+1, total)
		}
	}
	return v, r.accumulate()
}

// newVector returns a vector with undefined contents.
func newVector[T float](width int, old *vector[T]) *vector[T] {
	n := 1 << width
	blocks := max(n>>blockBits, 1)
	if old != nil && cap(old.re) >= n {
		old.width, old.re, old.im, old.cum = width, old.re[:n], old.im[:n], old.cum[:blocks]
		return old
	}
	return &vector[T]{width: width, re: make([]T, n), im: make([]T, n), cum: make([]float64, blocks)}
}

// Width is the number of qubits.
func (s *State) Width() int { return s.p.width }

// Precision is the amplitude type.
func (s *State) Precision() Precision { return s.prc }
