// Package sim is the built-in simulator: one backend over the state-vector and
// the stabilizer engine.
//
// Method choice is a function of the circuit alone (decision C4): a Clifford
// circuit goes to the stabilizer engine, any other to the state vector, whatever
// the memory or the machine. Clifford means that measurements, resets and Paulis
// conditional on one bit may come anywhere: they are deferred. A single circuit of
// more than 24 qubits whose gates connect it in parts is run part by part.
//
// For batches it promises that slots which are one circuit up to Paulis between
// layers share one state (decision C2), without being told which slots are: each
// slot is rewritten to a canonical circuit and a final frame, equal canonical
// circuits are run once, and a slot's outcome is the sample that its own words
// select, XOR the X part of its frame. At most one state vector is in memory at a
// time. Outcomes do not depend on threads, memory or chunks.
//
// It does not check that a request is honest. Noise is added where a caller of Sim
// gives a model, never to batches.
package sim

import (
	"context"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Name is the backend's name.
const Name = "simulator"

// Simulator implements backends.Backend. The zero value is ready.
type Simulator struct{}

var _ backends.Backend = (*Simulator)(nil)

// New returns the simulator.
func New() *Simulator { return new(Simulator) }

// Name implements backends.Backend.
func (*Simulator) Name() string { return Name }

// Capabilities implements backends.Backend. MaxWidth is 0: memory decides, and
// Clifford circuits may have as many qubits as a circuit can.
func (*Simulator) Capabilities(context.Context) (backends.Capabilities, error) {
	return backends.Capabilities{
		MaxShots: guest.MaxShots, Simulator: true, NumericVersion: statevector.NumericVersion,
		Device: transcript.SimulatorDevice(statevector.Complex64.Numeric()),
	}, nil
}

// Close implements backends.Backend; there is nothing to release.
func (*Simulator) Close() error { return nil }
