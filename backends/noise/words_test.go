package noise

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/seed"
)

func words(t testing.TB) *seed.ShotWords {
	w, err := seed.NewShotWords([16]byte{5})
	require.NoError(t, err)
	return w
}

func TestExponential(t *testing.T) {
	for x := 0.0; x < 60; x += 0.0137 {
		require.InEpsilon(t, math.Exp(-x), expNeg(x), 1e-13)
	}
	require.Equal(t, 1.0, expNeg(0))
	require.Zero(t, expNeg(math.Inf(1)))
	require.InEpsilon(t, 5e-300, expNeg(-math.Log(5e-300)), 1e-12)
}

// TestRelaxation: coherence after t is e^(-t/T2), population e^(-t/T1).
func TestRelaxation(t *testing.T) {
	for _, q := range []Qubit{{T1: 100, T2: 80}, {T1: 100, T2: 200}, {T2: 50}} {
		g, l := relaxation(30, q)
		require.InDelta(t, math.Exp(-30/q.T2), math.Sqrt(1-g)*math.Sqrt(1-l), 1e-14)
		if q.T1 > 0 {
			require.InDelta(t, math.Exp(-30/q.T1), 1-g, 1e-14)
		}
	}
	g, l := relaxation(30, Qubit{T1: 100})
	require.Positive(t, g)
	require.Zero(t, l)
}
