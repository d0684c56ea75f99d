package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// exactFMA rounds a·b + c once, by big rationals.
func exactFMA(a, b, c float32) float32 {
	s := new(big.Float).SetPrec(700).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
	s.Add(s, new(big.Float).SetPrec(700).SetFloat64(float64(c)))
	f, _ := s.Float32()
	return f
}

func TestFMAIsRoundedOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	slow := 0
	for i := range 400000 {
		a, b, c := hostile(r, i), hostile(r, i/7), hostile(r, i/49)
		if i%3 == 0 { // c nearly cancels the product, or lies half a unit beside it
			c = -a*b + math.Float32frombits(uint32(r.IntN(1<<24)))
		}
		if i%3 == 1 { // the product is a tie of c plus a trace
			c = math.Float32frombits(0x3f800000 | r.Uint32()>>9)
			k := uint32(r.IntN(64)) // 2^-24·(1 + k·2^-23)·(1 - k·2^-23)
			a, b = math.Float32frombits(0x33800000+k), math.Float32frombits(0x3f800000-2*k)
		}
		want := exactFMA(a, b, c)
		if want == 0 || math.IsInf(float64(want), 0) {
			continue // big.Float has other signs of zero
		}
		p, d := float64(a)*float64(b), float64(c)
		if float32(p+d) != want {
			slow++
		}
		require.Equal(t, math.Float32bits(want), math.Float32bits(fma32(a, b, c)), "fma(%x, %x, %x)", a, b, c)
	}
	require.Greater(t, slow, 1000, "the inputs do not exercise double rounding")
}

// hostile returns values of every kind but infinity and NaN.
func hostile(r *rand.Rand, i int) float32 {
	switch i % 8 {
	case 0:
		return 0
	case 1:
		return float32(math.Copysign(0, -1))
	case 2:
		return math.Float32frombits(r.Uint32() & 0x807fffff) // subnormal
	case 3:
		return math.Float32frombits(r.Uint32()&0x80ffffff | 0x1f000000)
	}
	return float32(r.NormFloat64())
}
