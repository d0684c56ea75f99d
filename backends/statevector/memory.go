package statevector

import (
	"fmt"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector/internal/exec"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// maxWidth bounds the state whatever the memory: 128 GiB of complex64.
const maxWidth = plan.MaxWidth

// Bytes is what a state of the given width holds while it is run and sampled:
// the amplitudes and running sums of probabilities, which from 20 qubits on are 3 %
// (complex64) or 1 % (complex128) above the amplitudes. It does not depend on
// threads: each holds up to 8 MiB of scratch besides, less with few shots. A width
// above 34 gives the largest uint64.
func Bytes(width int, p Precision) uint64 {
	if width > maxWidth {
		return ^uint64(0)
	}
	width = max(width, 0)
	if p == Complex64 {
		return exec.Bytes(width, 0)
	}
	return exec.BytesDouble(width, 0)
}

// FitWidth is the largest width whose Bytes do not exceed memory; memory 0 is no
// bound. It is 0 where not even one qubit fits.
func FitWidth(memory uint64, p Precision) int {
	w := maxWidth
	for memory > 0 && w > 0 && Bytes(w, p) > memory {
		w--
	}
	return w
}

// Admit refuses a width that does not fit, and names the width that would.
func Admit(width int, p Precision, memory uint64) error {
	fit := FitWidth(memory, p)
	switch {
	case width <= fit:
		return nil
	case width > maxWidth && fit == maxWidth:
		return fmt.Errorf("%d qubits: a state vector holds up to %d qubits: %w", width, maxWidth, backends.ErrTooLarge)
	case width > maxWidth:
		return fmt.Errorf("%d qubits: %d bytes of memory are allowed, which fit %d qubits of %s: %w", width, memory, fit, p, backends.ErrTooLarge)
	}
	return fmt.Errorf("%d qubits of %s need %d bytes, %d are allowed, which fit %d qubits: %w", width, p, Bytes(width, p), memory, fit, backends.ErrTooLarge)
}
