// Package layer applies the layers of a circuit to many small states: a layer is a
// diagonal, given as a table, then real rotations y0 = x0 - t·x1, y1 = x1 + t·x0.
// It is for callers that order states and layers themselves, such as simulations
// with noise, where many states share the layers; package statevector simulates one
// circuit.
//
// It promises the same bits with every kernel of the machine, the generic one being
// the definition, and that a draw depends on nothing but amplitudes and word. It
// does not split work over goroutines and does not look at norms: amplitudes must
// stay below √2 for their weights to be right.
package layer

import (
	"fmt"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
)

// MaxWidth is the most qubits of a state. A layer sweeps over all of it, qubits in
// groups; package statevector does better with states that leave the caches.
const MaxWidth = 20

// lanes is how many qubits a block of kernel.Lanes amplitudes has.
const lanes = 4

// Kernel is the arithmetic of one instruction set.
type Kernel struct{ k kernel.Kernel }

// Find returns a kernel by its name in statevector.Kernels, "" for the fastest, or
// ErrUnsupported.
func Find(name string) (Kernel, error) {
	k, err := kernel.Find(name)
	if err != nil {
		return Kernel{}, fmt.Errorf("%w: %w", err, backends.ErrUnsupported)
	}
	return Kernel{k}, nil
}

// Bytes is what a state of a width holds. A state has at least four qubits; those
// above its width stay at 0.
func Bytes(width int) uint64 { return 8 << max(width, lanes) }
