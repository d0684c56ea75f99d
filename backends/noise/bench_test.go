package noise

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

// BenchmarkTrajectories is 4096 shots of 12 qubits, depth 60 (30 times u3 on all
// and a brickwork of CZ), depolarizing 1e-3 after each gate on each of its qubits.
func BenchmarkTrajectories(b *testing.B) {
	c, err := circuit.Generate("animica.quantum.trapset.v1", 12, 60, [32]byte{1})
	require.NoError(b, err)
	s, err := New(c.Explicit(), model(b, depolarizing))
	require.NoError(b, err)
	for _, m := range []Method{Layers, Frames, Trajectories} {
		b.Run(string(m), func(b *testing.B) {
			for b.Loop() {
				_, err := s.Sample(b.Context(), m, 4096, Options{Threads: 2})
				require.NoError(b, err)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms/job")
			b.ReportMetric(float64(len(s.p.sites)), "sites")
		})
	}
}
