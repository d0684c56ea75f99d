package statevector

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/statevector/internal/exec"
	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// BenchmarkPhases reports the least time in µs of each phase from a parsed circuit
// to packed outcomes.
func BenchmarkPhases(b *testing.B) {
	for _, c := range []struct {
		name           string
		width, threads int
	}{{"10", 10, 1}, {"14x1", 14, 1}, {"14x2", 14, 2}} {
		b.Run(c.name, func(b *testing.B) {
			circ, err := circuit.Generate("animica.quantum.trapset.v1", c.width, 120, [32]byte{})
			require.NoError(b, err)
			names := []string{"lower", "convert", "plan", "run", "words", "draw", "all"}
			least := make([]float64, len(names))
			for i := range least {
				least[i] = math.Inf(1)
			}
			var s *exec.State
			var pl *plan.Plan
			words, out := make([]uint64, 4096), make([]uint64, 4096)
			for b.Loop() {
				at, i := time.Now(), 0
				first := at
				mark := func() {
					now := time.Now()
					least[i] = min(least[i], now.Sub(at).Seconds()*1e6)
					i++
					at = now
				}
				low, err := circ.Lower()
				if err != nil {
					b.Fatal(err)
				}
				mark()
				p, err := plan.FromOps(low.Qubits, low.Ops)
				if err != nil {
					b.Fatal(err)
				}
				mark()
				if pl == nil || !pl.Fits(p) {
					pl = plan.New(p)
				}
				mark()
				if s, err = exec.Run(context.Background(), p, pl, exec.Options{Kernel: kernel.Best(), Threads: c.threads, Reuse: s}); err != nil {
					b.Fatal(err)
				}
				mark()
				stream, _ := seed.NewShotWords([16]byte{1})
				stream.Fill(words, 0)
				mark()
				s.Sample(out, words)
				mark()
				at = first
				mark()
			}
			for i, n := range names {
				b.ReportMetric(least[i], n+"-µs")
			}
		})
	}
}
