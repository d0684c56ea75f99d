package kernel

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnavailable: this machine or build has no such kernel.
var ErrUnavailable = errors.New("kernel is not available")

// All returns the kernels that this machine can run, fastest first. Generic is
// the last one.
func All() []Kernel { return append(machine(), Generic) }

var best = All()[0]

// Best returns the fastest kernel of this machine.
func Best() Kernel { return best }

// Find returns a kernel by name; "" and "auto" mean Best.
func Find(name string) (Kernel, error) {
	if name == "" || name == "auto" {
		return best, nil
	}
	var names []string
	for _, k := range All() {
		if k.Name() == name {
			return k, nil
		}
		names = append(names, k.Name())
	}
	return nil, fmt.Errorf("kernel %q; this machine has %s: %w", name, strings.Join(names, ", "), ErrUnavailable)
}
