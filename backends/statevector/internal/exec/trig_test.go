package exec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

// TestTrigIsCircuits: the fast path must never be seen in a result.
func TestTrigIsCircuits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fast := 0
	for i := range 200000 {
		a := circuit.Angle(r.Uint64())
		switch i % 8 {
		case 0:
			a = circuit.HalfPi / 2 * circuit.Angle(r.IntN(32))
		case 1:
			a = circuit.HalfPi/2*circuit.Angle(r.IntN(32)) + circuit.Angle(r.Int64()>>r.IntN(63))
		case 2:
			a &^= 0xfff
		}
		ws, wc := a.SinCos()
		s, c := sinCos(a)
		require.Equal(t, [2]uint64{math.Float64bits(ws), math.Float64bits(wc)}, [2]uint64{math.Float64bits(s), math.Float64bits(c)}, "%#x", a)
		_, rest := a.SplitHalfTurns()
		wt, wc := rest.TanCosHalf()
		tan, c := tanCosHalf(rest)
		require.Equal(t, math.Float32bits(float32(wt)), math.Float32bits(tan), "%#x", rest)
		require.Equal(t, math.Float64bits(wc), math.Float64bits(c), "%#x", rest)
		tan64, c := tanCosHalf64(rest)
		require.Equal(t, [2]uint64{math.Float64bits(wt), math.Float64bits(wc)}, [2]uint64{math.Float64bits(tan64), math.Float64bits(c)}, "%#x", rest)
		if v, _ := octant(uint64(a) >> 3); v != 0 {
			if _, ok := rounded(v); ok {
				fast++
			}
		}
	}
	require.Greater(t, fast, 160000, "the fast path is hardly used")
}

// TestOctantError compares with circuit's units of 2^-62.
func TestOctantError(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100000 {
		a := r.Uint64N(1<<60 + 1)
		s, c := octant(2 * a)
		ws, wc := circuit.Angle(a).SinCosQ62()
		require.InDelta(t, 0, int64(s-uint64(ws)<<1), maxError-1)
		require.InDelta(t, 0, int64(c-uint64(wc)<<1), maxError-1)
	}
}

func BenchmarkTrig(b *testing.B) {
	a := circuit.Angle(1)
	for b.Loop() {
		a = a*6364136223846793005 + 1442695040888963407
		s, c := sinCos(a &^ 0xfff)
		sinkSum += s + c
	}
}

var sinkSum float64
