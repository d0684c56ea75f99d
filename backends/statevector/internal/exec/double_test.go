package exec

import (
	"context"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

func runDouble(t testing.TB, width int, ops []circuit.Op, o Options, old *Double) *Double {
	p, err := plan.FromOps(width, ops)
	require.NoError(t, err)
	s, err := RunDouble(context.Background(), p, plan.New(p), o, old)
	require.NoError(t, err)
	return s
}

// TestDoubleAgainstMatrices covers all gates, several chunks and reuse of memory.
func TestDoubleAgainstMatrices(t *testing.T) {
	for _, k := range kernel.All() {
		t.Run(k.Name(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(12, 12))
			var old *Double
			for width := 1; width <= 14; width++ {
				if width == 13 && k == kernel.Generic {
					break
				}
				for _, ops := range [][]circuit.Op{mixedOps(r, width, 20+2*width), fourier(r, width), ising(r, width, 4)} {
					s := runDouble(t, width, ops, Options{Kernel: k}, old)
					for i, w := range byMatrices(width, ops) {
						a, err := s.Amplitude(uint64(i))
						require.NoError(t, err)
						require.InDelta(t, 0, cmplx.Abs(a-w), 1e-12, "width %d amplitude %b: %v, want %v", width, i, a, w)
					}
					require.InDelta(t, 1, s.Total(), 1e-12)
					old = s
				}
			}
			_, err := old.Amplitude(1 << 40)
			require.Error(t, err)
			old.Close()
			old.Close()
		})
	}
}

func TestDoubleRefusesAndStops(t *testing.T) {
	p, err := plan.FromOps(13, trapset(t, 13, 10))
	require.NoError(t, err)
	q, err := plan.FromOps(12, trapset(t, 12, 10))
	require.NoError(t, err)
	_, err = RunDouble(context.Background(), p, plan.New(q), Options{}, nil)
	require.ErrorIs(t, err, ErrPlan)
	ctx, cancel := context.WithCancel(context.Background())
	_, err = RunDouble(ctx, p, plan.New(p), Options{Threads: 2, Progress: func(int, int) { cancel() }}, nil)
	require.ErrorIs(t, err, context.Canceled)
}
