package noise

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

// relaxing is a device with gates of 35 ns and qubits that live for 80 µs.
const relaxing = `{"format":"noise/v1","gates":[{"gate":"any","depolarizing":0.001,"duration_ns":35}],"qubits":[{"t1_ns":80000,"t2_ns":60000}]}`

// BenchmarkTrajectories is 4096 shots of 12 qubits, depth 60 (30 times u3 on all
// and a brickwork of CZ), depolarizing 1e-3 after each gate on each of its qubits;
// then with relaxation too.
func BenchmarkTrajectories(b *testing.B) {
	c, err := circuit.Generate("animica.quantum.trapset.v1", 12, 60, [32]byte{1})
	require.NoError(b, err)
	for _, x := range []struct {
		name, model string
		method      Method
	}{{"layers", depolarizing, Layers}, {"frames", depolarizing, Frames}, {"trajectories", depolarizing, Trajectories}, {"relaxing by layers", relaxing, Layers}, {"relaxing by trajectories", relaxing, Trajectories}} {
		s, err := New(c.Explicit(), model(b, x.model))
		require.NoError(b, err)
		b.Run(x.name, func(b *testing.B) {
			for b.Loop() {
				_, err := s.Sample(b.Context(), x.method, 4096, Options{Threads: 2})
				require.NoError(b, err)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms/job")
			b.ReportMetric(float64(len(s.p.sites)), "sites")
		})
	}
}
