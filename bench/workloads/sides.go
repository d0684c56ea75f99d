package workloads

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/circuit"
)

// side is the engine's half of a workload. run is one repetition: from the
// parsed circuits to packed outcomes.
type side interface {
	run(ctx context.Context) error
	// settle is called between rounds, untimed.
	settle()
}

// key draws the shots of every repetition.
var key = [16]byte{'b', 'e', 'n', 'c', 'h'}

// newSide prepares the engine's half.
func newSide(w *Workload, c []*circuit.Circuit, threads int) (side, error) {
	method := w.kind
	if w.ID == "W3" {
		method = peers.Clifford // as the automatic choice has it
	}
	switch method {
	case peers.State:
		return newStateSide(w, c, threads), nil
	case peers.Clifford:
		return &affineSide{c[0], w.shots}, nil
	}
	return nil, fmt.Errorf("%s: no engine side for %q", w.ID, method)
}

// stateSide runs circuits on state vectors: one circuit on all threads, or a
// batch with one circuit per thread. States keep their memory, as in a job.
type stateSide struct {
	w        *Workload
	circuits []*circuit.Circuit
	threads  int
	states   []*statevector.State // per goroutine
	rows     [][]byte
}

func newStateSide(w *Workload, c []*circuit.Circuit, threads int) *stateSide {
	s := &stateSide{w: w, circuits: c, threads: threads, rows: make([][]byte, len(c))}
	s.states = make([]*statevector.State, min(threads, len(c)))
	return s
}

func (s *stateSide) settle() { runtime.GC() }

func (s *stateSide) run(ctx context.Context) error {
	if len(s.circuits) == 1 {
		return s.one(ctx, 0, 0, s.threads)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(s.states))
	for g := range s.states {
		wg.Go(func() {
			for i := g; i < len(s.circuits) && errs[g] == nil; i += len(s.states) {
				errs[g] = s.one(ctx, g, i, 1)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// one runs circuit i in the memory of goroutine g.
func (s *stateSide) one(ctx context.Context, g, i, threads int) error {
	c := s.circuits[i]
	if err := c.Validate(); err != nil {
		return err
	}
	p, err := statevector.FromGates(c.Qubits, c.Ops, s.w.phases)
	if err != nil {
		return err
	}
	s.states[g], err = statevector.Simulate(ctx, p, statevector.Options{Precision: s.w.precision, Threads: threads, Reuse: s.states[g]})
	if err != nil {
		return err
	}
	s.rows[i], err = s.states[g].Sample(key, 0, s.w.shots)
	return err
}

// affineSide runs a Clifford circuit on one thread.
type affineSide struct {
	circuit *circuit.Circuit
	shots   int
}

func (s *affineSide) settle() { runtime.GC() }

func (s *affineSide) run(ctx context.Context) error {
	a, err := s.space(ctx)
	if err != nil {
		return err
	}
	_, err = a.Sample(ctx, key, 0, s.shots)
	return err
}

func (s *affineSide) space(ctx context.Context) (*stabilizer.Affine, error) {
	low, err := s.circuit.Lower()
	if err != nil {
		return nil, err
	}
	return stabilizer.CompileOps(ctx, low.Qubits, low.Ops)
}

// contains reports whether a row is a possible outcome of a. The leading bit of
// each basis vector is in no other vector.
func contains(a *stabilizer.Affine, row []byte) bool {
	x := slices.Clone(a.Ref)
	for q := range a.Width {
		x[q/64] ^= uint64(row[q/8]>>(q%8)&1) << (q % 64)
	}
	for _, b := range a.Basis {
		if lead := highest(b); x[lead/64]>>(lead%64)&1 == 1 {
			for i, v := range b {
				x[i] ^= v
			}
		}
	}
	return highest(x) < 0
}
