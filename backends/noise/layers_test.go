package noise

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestManyErrors: most shots have several errors, of all Pauli kinds, on gates with
// half turns and with any angles.
func TestManyErrors(t *testing.T) {
	src, _ := published(t)
	for _, m := range []string{`{"format":"noise/v1","gates":[{"gate":"2q","pair_depolarizing":0.2},{"gate":"any","depolarizing":0.05,"phase_damping":0.1}],"qubits":[{"readout_0to1":0.1}]}`} {
		s := simulation(t, src, m)
		prob, err := s.Probabilities(t.Context(), Options{})
		require.NoError(t, err)
		near(t, prob, sample(t, s, Layers, 20_000, Options{}))
		near(t, prob, sample(t, s, Frames, 10_000, Options{}))
	}
}
