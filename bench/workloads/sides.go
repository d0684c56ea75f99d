package workloads

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends/sim"
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
	case peers.Noise:
		return newNoiseSide(w, c[0], threads)
	case peers.Clifford:
		return &affineSide{circuit: c[0], shots: w.shots, threads: threads}, nil
	}
	return nil, fmt.Errorf("%s: no engine side for %q", w.ID, method)
}

// stateSide runs circuits on state vectors, as statevector.Batch has it: a batch
// of narrow ones with one circuit per thread. States and rows keep their memory,
// as in a job.
type stateSide struct {
	w        *Workload
	circuits []*circuit.Circuit
	batch    *statevector.Batch
	rows     [][]byte
}

func newStateSide(w *Workload, c []*circuit.Circuit, threads int) *stateSide {
	return &stateSide{w, c, statevector.NewBatch(statevector.Options{Precision: w.precision, Threads: threads}), make([][]byte, len(c))}
}

func (s *stateSide) settle() { runtime.GC() }

// close gives the states' memory back at once.
func (s *stateSide) close() { s.batch.Close() }

func (s *stateSide) run(ctx context.Context) error {
	return s.batch.Each(ctx, len(s.circuits), s.circuits[0].Qubits, func(m *statevector.Series, i int) error {
		st, err := m.Run(ctx, s.circuits[i], s.w.phases...)
		if err != nil {
			return err
		}
		if s.rows[i] == nil {
			s.rows[i] = make([]byte, s.w.shots*guest.RowBytes(st.Width()))
		}
		return st.SampleInto(s.rows[i], key, 0)
	})
}

// affineSide runs a Clifford circuit the way "engine sim" does: method auto, from
// the parsed circuit. Rows keep their memory, as states do.
type affineSide struct {
	circuit        *circuit.Circuit
	shots, threads int
	rows           []byte
}

func (s *affineSide) settle() { runtime.GC() }

func (s *affineSide) run(ctx context.Context) error {
	r, err := sim.Sim(ctx, s.circuit, sim.SimOptions{Shots: s.shots, Key: key, Threads: s.threads, ReuseRows: s.rows})
	if err != nil {
		return err
	}
	if r.Method != sim.Stabilizer {
		return fmt.Errorf("method %s: %s", r.Method, r.Reason)
	}
	s.rows = r.Rows
	return nil
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
