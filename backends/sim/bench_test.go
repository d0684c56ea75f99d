package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
)

// BenchmarkJob is a batch of 20 qubits, 60 u3 layers, 4096 slots: 3687 padded
// copies of one circuit and 409 Clifford circuits.
func BenchmarkJob(b *testing.B) {
	batch := job(20, 59, 4096)
	stages := func(b *testing.B, run func(*backends.Batch)) {
		for b.Loop() {
			run(batch)
		}
		b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms/job")
	}
	b.Run("validate", func(b *testing.B) {
		stages(b, func(x *backends.Batch) { require.NoError(b, x.Validate()) })
	})
	b.Run("canonicalise", func(b *testing.B) {
		stages(b, func(x *backends.Batch) {
			_, err := newPlan(b.Context(), x)
			require.NoError(b, err)
		})
	})
	b.Run("whole", func(b *testing.B) {
		stages(b, func(x *backends.Batch) {
			require.NoError(b, New().Run(b.Context(), x, func(*guest.Outcomes) error { return nil }))
		})
	})
}
