// Package noise simulates circuits on a device that a calibration snapshot
// describes: Pauli errors, amplitude and phase damping after gates, and readout
// that flips bits.
//
// Two methods answer the same question. Trajectories draw the errors of each shot
// and simulate the circuit with them; shots with equal errors share one state, and
// the shots without any are one state sampled many times. The exact density matrix
// (up to 12 qubits) is the definition that trajectories are tested against.
//
// It promises that rows are a function of circuit, snapshot, key and precision:
// shot i depends on its own words of the key's stream alone, whatever the threads,
// the memory and the other shots. It reads no clock and no file, and it does not
// ask whether a snapshot is a truthful description of a device.
package noise

import (
	"fmt"

	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
)

// NumericVersion names the arithmetic of this package: the order of words of a
// shot, how they select errors, and the simulation by layers and gate by gate. The
// arithmetic of states that another engine computes is named behind it.
const NumericVersion = 1

// numeric names the arithmetic of one result.
func numeric(m Method, p statevector.Precision) string {
	switch m {
	case Frames:
		return fmt.Sprintf("noise/%d+%s", NumericVersion, p.Numeric())
	case Clifford:
		return fmt.Sprintf("noise/%d+numeric/%d", NumericVersion, stabilizer.NumericVersion)
	case Density:
		return fmt.Sprintf("noise/%d-density", NumericVersion)
	}
	if p == statevector.Complex128 {
		return fmt.Sprintf("noise/%d-complex128", NumericVersion)
	}
	return fmt.Sprintf("noise/%d", NumericVersion)
}
