package noise

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// channels has one kind of noise each; all reads errors in the file of a device.
var channels = map[string]string{
	"depolarizing":      `"gates":[{"gate":"any","depolarizing":0.08}]`,
	"pair depolarizing": `"gates":[{"gate":"2q","pair_depolarizing":0.15}]`,
	"amplitude damping": `"gates":[{"gate":"any","amplitude_damping":0.12}]`,
	"phase damping":     `"gates":[{"gate":"any","phase_damping":0.25}]`,
	"thermal, T1 short": `"gates":[{"gate":"any","duration_ns":60}],"qubits":[{"t1_ns":700,"t2_ns":900}]`,
	"thermal, T2 short": `"gates":[{"gate":"any","duration_ns":60}],"qubits":[{"t1_ns":5000,"t2_ns":300}]`,
	"readout":           `"qubits":[{"readout_0to1":0.05,"readout_1to0":0.15},{"qubit":2,"readout_1to0":0.4}]`,
}

const entangled = header + "qreg q[4]; creg c[4]; u3(0.9,0.3,1.2) q[0]; ry(1.3) q[1]; h q[2]; cx q[0],q[1]; rx(0.8) q[3]; cx q[2],q[3]; u3(2.1,-0.4,0.7) q[1]; cx q[1],q[2]; h q[0]; ry(-0.6) q[3]; cx q[3],q[0]; h q[2]; t q[1]; h q[1]; measure q->c;"

// TestEachChannel: averages over shots are those of the density matrix, for each
// kind of noise by itself and each method that does it, in counts (near) and in
// expectation values of all products of Z within four standard deviations.
func TestEachChannel(t *testing.T) {
	for name, m := range channels {
		t.Run(name, func(t *testing.T) {
			s := simulation(t, entangled, `{"format":"noise/v1",`+m+`}`)
			prob, err := s.Probabilities(t.Context(), Options{})
			require.NoError(t, err)
			ideal, err := simulation(t, entangled, `{"format":"noise/v1"}`).Probabilities(t.Context(), Options{})
			require.NoError(t, err)
			require.Greater(t, distance(prob, ideal), 0.02, "the noise is there")
			methods := []Method{Trajectories}
			require.Equal(t, Layers, s.Method(true, statevector.Complex64))
			if methods = append(methods, Layers); s.p.pauli {
				methods = append(methods, Frames)
			}
			const n = 6_000
			for i, method := range methods {
				for _, prc := range []statevector.Precision{statevector.Complex64, statevector.Complex128} {
					if method == Layers && prc == statevector.Complex128 {
						continue
					}
					rows := sample(t, s, method, n, Options{Key: [16]byte{byte(i), 3}, Precision: prc})
					near(t, prob, rows)
					for z := 1; z < 16; z++ {
						want, got := 0.0, 0.0
						for x, p := range prob {
							want += p * sign(x&z)
						}
						for _, x := range rows {
							got += sign(int(x)&z) / n
						}
						require.InDelta(t, want, got, 4*math.Sqrt((1-want*want)/n)+1e-9, "%s, Z on %b", method, z)
					}
				}
			}
		})
	}
}

func sign(x int) float64 {
	s := 1.0
	for ; x != 0; x &= x - 1 {
		s = -s
	}
	return s
}

// distance is half the sum of differences.
func distance(a, b []float64) (d float64) {
	for i := range a {
		d += math.Abs(a[i]-b[i]) / 2
	}
	return d
}

// TestExactExpectations: without noise those of the state vector, with it those
// that follow from the channel.
func TestExactExpectations(t *testing.T) {
	paulis := []string{"IIII", "ZIIZ", "XIYI", "YYXZ", "IIIX", "ZZZZ"}
	c := parseQASM(t, entangled)
	low, err := c.Lower()
	require.NoError(t, err)
	p, err := statevector.FromOps(4, slices.DeleteFunc(low.Ops, func(o circuit.Op) bool { return o.Gate == circuit.Measure }))
	require.NoError(t, err)
	st, err := statevector.Simulate(t.Context(), p, statevector.Options{Precision: statevector.Complex128})
	require.NoError(t, err)
	want, err := st.Expectations(t.Context(), paulis, 1)
	require.NoError(t, err)
	s := simulation(t, entangled, `{"format":"noise/v1"}`)
	_, got, err := s.Exact(t.Context(), paulis, Options{})
	require.NoError(t, err)
	require.InDeltaSlice(t, want, got, 1e-12)

	noisy := simulation(t, header+"qreg q[2]; creg c[2]; h q[0]; z q[1]; measure q[1] -> c[1]; if(c==2) x q[0];",
		`{"format":"noise/v1","gates":[{"gate":"h","depolarizing":0.3,"phase_damping":0.36}],"qubits":[{"readout_0to1":0.25}]}`)
	_, got, err = noisy.Exact(t.Context(), []string{"IX", "ZI", "IZ", "II"}, Options{})
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{(1 - 4*0.3/3) * 0.8, 1, 0, 1}, got, 1e-12, "X survives the conditional X")
	_, _, err = noisy.Exact(t.Context(), []string{"ZZZ"}, Options{})
	require.ErrorIs(t, err, backends.ErrUnsupported)
}
