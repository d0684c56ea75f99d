package sim

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/circuit"
)

// reasons say why a noise method was taken.
var reasons = map[noise.Method]string{
	noise.Layers:       "measurement at the end: shots share layers, and states until they part",
	noise.Frames:       "Pauli noise only and measurement at the end: one state per pattern of errors",
	noise.Clifford:     "all gates are Clifford, all noise is Pauli",
	noise.Trajectories: "operations in mid-circuit, or damping of a wide or long circuit: gate by gate, shots share states until they part",
	noise.Density:      "chosen by the caller",
}

// noisy runs a circuit with explicit measurements under a noise model. Method
// stabilizer is refused where it cannot be exact; auto takes it where it can.
func noisy(ctx context.Context, c *circuit.Circuit, o SimOptions) (*SimResult, error) {
	s, err := noise.New(c, o.Noise)
	if err != nil {
		return nil, err
	}
	r := &SimResult{Method: StateVector, Clbits: c.Clbits, Shots: o.Shots}
	no := noise.Options{Key: o.Key, Precision: o.Precision, Threads: o.Threads, MemoryBytes: o.MemoryBytes, Kernel: o.Kernel, Progress: o.Progress}
	m := s.Method(o.Method == StateVector, o.Precision)
	switch o.Method {
	case Density:
		m, r.Method = noise.Density, Density
		if r.Probabilities, r.Expectations, err = s.Exact(ctx, o.Expect, no); err == nil {
			r.Rows, err = s.SampleProbabilities(r.Probabilities, o.Shots, no)
		}
	case Auto, "", StateVector, Stabilizer:
		if m == noise.Clifford {
			r.Method = Stabilizer
		} else if o.Method == Stabilizer {
			return nil, fmt.Errorf("method stabilizer: %s: %w", reasons[m], backends.ErrUnsupported)
		}
		r.Rows, err = s.Sample(ctx, m, o.Shots, no)
	default:
		return nil, fmt.Errorf("method %q, want auto, statevector, stabilizer or density: %w", o.Method, backends.ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	r.Reason, r.Numeric, r.Kernel = reasons[m], noise.Numeric(m, o.Precision), noise.KernelOf(m, o.Kernel, o.Precision)
	return r, nil
}
