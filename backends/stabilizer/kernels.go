package stabilizer

import (
	"fmt"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer/internal/kernel"
)

// ErrKernel: this machine has no such kernel. Errors that wrap it wrap
// backends.ErrUnsupported too.
var ErrKernel = kernel.ErrUnavailable

// Kernels names the kernels that this machine can run, the fastest first: of
// avx512, avx2, neon and generic. All give the same bits. AVX-512 without GFNI and
// VAES is no kernel here, though it is one of package statevector.
func Kernels() []string {
	var names []string
	for _, k := range kernel.All() {
		names = append(names, k.Name())
	}
	return names
}

// Use makes c run on a kernel, one of Kernels or "" for the first of them, from the
// next circuit on. Others are refused with ErrUnsupported.
func (c *Compiler) Use(name string) error {
	k, err := kernel.Find(name)
	if err != nil {
		return fmt.Errorf("stabilizer: %w: %w", err, backends.ErrUnsupported)
	}
	c.t.k = k
	return nil
}

// Kernel names the kernel of the tableau, and of Shots where there are any.
func (a *Affine) Kernel() string { return a.routines().Name() }

// routines is the kernel that made a.
func (a *Affine) routines() kernel.Kernel {
	if a.k == nil {
		return kernel.Best()
	}
	return a.k
}
