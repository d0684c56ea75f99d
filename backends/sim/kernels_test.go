package sim

import (
	"crypto/sha3"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
)

// TestKernelIsForced: every method runs on the kernel asked for, says so, and gives
// the same rows; where it has only the generic one it says that.
func TestKernelIsForced(t *testing.T) {
	const head = "qreg q[3]; creg c[3]; "
	for name, c := range map[string]struct {
		src     string
		method  Method
		want    Method
		kernels []string // that it has
		only    string   // what runs whatever is asked for
	}{
		"stabilizer":   {head + "h q[0]; cx q[0], q[1]; cx q[1], q[2]; measure q->c;", Auto, Stabilizer, stabilizer.Kernels(), ""},
		"deferred":     {head + "h q[0]; measure q[0]->c[0]; cx q[0], q[1]; measure q[1]->c[1];", Stabilizer, Stabilizer, stabilizer.Kernels(), ""},
		"statevector":  {head + "h q[0]; t q[0]; h q[0]; cx q[0], q[1]; measure q->c;", Auto, StateVector, statevector.Kernels(), ""},
		"blocks":       {"qreg q[30]; creg c[30]; rx(1) q[0]; cx q[0], q[1]; h q[5]; cx q[5], q[6]; rx(2) q[9]; measure q->c;", Auto, Blocks, stabilizer.Kernels(), ""},
		"trajectories": {head + "rx(1) q[0]; measure q[0]->c[0]; cx q[0], q[1]; measure q[1]->c[1];", Auto, StateVector, statevector.Kernels(), "generic"},
		"density":      {head + "rx(1) q[0]; measure q->c;", Density, Density, statevector.Kernels(), "generic"},
	} {
		t.Run(name, func(t *testing.T) {
			var rows [][32]byte
			for _, k := range c.kernels {
				r, err := Sim(t.Context(), parse(t, c.src), SimOptions{Shots: 500, Key: [16]byte{3}, Method: c.method, Kernel: k})
				require.NoError(t, err, k)
				require.Equal(t, c.want, r.Method)
				want := k
				if c.only != "" {
					want = c.only
				}
				require.Equal(t, want, r.Kernel)
				rows = append(rows, sha3.Sum256(r.Rows))
			}
			for i, r := range rows {
				require.Equal(t, rows[0], r, c.kernels[i])
			}
			_, err := Sim(t.Context(), parse(t, c.src), SimOptions{Shots: 1, Method: c.method, Kernel: "abacus"})
			require.ErrorIs(t, err, backends.ErrUnsupported)
			require.ErrorContains(t, err, `kernel "abacus"`)
		})
	}
}
