package noise

import (
	"strings"
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
		near(t, prob, sample(t, s, Frames, 3_000, Options{}))
	}
}

// TestLayersOfAnyWidth: half turns, right angles, and errors between the gates that
// one source gate is lowered to.
func TestLayersOfAnyWidth(t *testing.T) {
	const rules = `{"format":"noise/v1","gates":[{"gate":"2q","pair_depolarizing":0.2},{"gate":"any","depolarizing":0.06}]}`
	const damping = `{"format":"noise/v1","gates":[{"gate":"2q","pair_depolarizing":0.1,"amplitude_damping":0.2},{"gate":"any","depolarizing":0.06,"amplitude_damping":0.15,"phase_damping":0.1}]}`
	for _, src := range []string{
		"qreg q[1]; rx(0.7) q[0]; t q[0]; ry(3.5) q[0]; u3(3.9,0.2,-2) q[0]; z q[0]; rx(1) q[0];",
		"qreg q[2]; h q[0]; x q[1]; cx q[0],q[1]; ry(-1.9) q[1]; cu1(0.6) q[0],q[1]; y q[0]; h q[0]; rx(2) q[1];",
		"qreg q[5]; h q[0]; rx(2.5) q[1]; ry(1) q[2]; cx q[0],q[3]; t q[3]; cz q[3],q[4]; ry(4) q[4]; cy q[4],q[0]; swap q[1],q[2]; rx(-1) q[0]; h q[3];",
	} {
		for _, m := range []string{rules, damping} {
			s := simulation(t, header+src, m)
			require.Equal(t, Layers, s.Method(false, 0), src)
			prob, err := s.Probabilities(t.Context(), Options{})
			require.NoError(t, err)
			near(t, prob, sample(t, s, Layers, 20_000, Options{Key: [16]byte{3}}))
		}
	}
	long := header + "qreg q[1];" + strings.Repeat("h q[0];", 60)
	for rule, want := range map[string]Method{`"amplitude_damping":0.1`: Layers, `"amplitude_damping":0.2`: Trajectories} { // too little would be left of a state
		require.Equal(t, want, simulation(t, long, `{"format":"noise/v1","gates":[{"gate":"h",`+rule+`}]}`).Method(false, 0))
	}
	require.Equal(t, Trajectories, simulation(t, header+"qreg q[1]; h q[0];", `{"format":"noise/v1","gates":[{"gate":"h","amplitude_damping":0.8}]}`).Method(false, 0))
	require.Equal(t, Frames, simulation(t, header+"qreg q[19]; t q[0]; h q[0]; t q[0]; h q[0]; h q[18];", rules).Method(true, 0))
}
