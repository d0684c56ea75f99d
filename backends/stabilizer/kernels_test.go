package stabilizer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

func TestUse(t *testing.T) {
	ops := []circuit.Op{opU3(0, circuit.U3Angles{Theta: circuit.HalfPi, Lambda: circuit.Pi}), opCZ(0, 1)}
	var first *Affine
	for _, name := range append(Kernels(), "") {
		var c Compiler
		require.NoError(t, c.Use(name))
		a, err := c.Ops(t.Context(), 70, ops)
		require.NoError(t, err)
		if name != "" {
			require.Equal(t, name, a.Kernel())
		} else {
			require.Equal(t, Kernels()[0], a.Kernel())
		}
		if first == nil {
			first = a
		}
		require.True(t, a.Equal(first))
	}
	err := new(Compiler).Use("abacus")
	require.ErrorIs(t, err, ErrKernel)
	require.ErrorIs(t, err, backends.ErrUnsupported)
	require.Equal(t, Kernels()[0], new(Affine).Kernel())
}
