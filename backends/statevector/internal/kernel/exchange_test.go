package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKernelsExchange: every pair of qubits, lanes or not, in buffers of 1 to 512
// blocks, and in such as are no power of two.
func TestKernelsExchange(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for size := 4; size <= 13; size++ {
			for high := 1; high < size; high++ {
				for low := range high {
					for _, even := range []bool{false, true} {
						sin, cos := math.Sincos(r.Float64() * 7)
						e := &Exchange{low, high, even, float32(cos), float32(sin)}
						requireSame(t, k, random(r, 1<<(size-4)), func(k Kernel, x []float32) { k.Exchange(x, e) }, fmt.Sprintf("2^%d: %+v", size, e))
					}
				}
			}
		}
		for _, n := range []int{3, 5, 7} {
			requireSame(t, k, random(r, n), func(k Kernel, x []float32) { k.Exchange(x, &Exchange{1, 3, false, 0.6, 0.8}) }, "lanes")
			requireSame(t, k, random(r, 4*n), func(k Kernel, x []float32) { k.Exchange(x, &Exchange{2, 5, true, 0.6, 0.8}) }, "lane and block")
			requireSame(t, k, random(r, 8*n), func(k Kernel, x []float32) { k.Exchange(x, &Exchange{4, 6, false, 0.6, 0.8}) }, "blocks")
		}
		for _, bad := range []Exchange{{Low: 4, High: 6}, {Low: 2, High: 2}, {Low: 3, High: 1}, {Low: -1, High: 1}, {Low: 0, High: 6}} {
			require.Panics(t, func() { k.Exchange(make([]float32, 3*Block), &bad) }, "%+v", bad)
		}
	})
}

// TestDoublesExchange is the same in binary64.
func TestDoublesExchange(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 64))
	for _, k := range All() {
		d := DoubleOf(k)
		for size := 4; size <= 12; size++ {
			for high := 1; high < size; high++ {
				for low := range high {
					x := make([]float64, 2<<size)
					for i := range x {
						x[i] = r.NormFloat64()
					}
					sin, cos := math.Sincos(r.Float64() * 7)
					e, y := &Exchange64{low, high, r.IntN(2) == 0, cos, sin}, slices.Clone(x)
					GenericDouble.Exchange(x, e)
					d.Exchange(y, e)
					require.Equal(t, bits64(x), bits64(y), "%s by %s, 2^%d: %+v", k.Name(), d.Name(), size, e)
				}
			}
		}
	}
}

// TestExchangeIsItsMatrix: the generic kernel against the four by four matrix.
func TestExchangeIsItsMatrix(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for high := 1; high < 7; high++ {
		for low := range high {
			for _, even := range []bool{false, true} {
				e := &Exchange{low, high, even, 0.6, -0.8}
				x := random(r, 8)
				y := slices.Clone(x)
				Generic.Exchange(y, e)
				for i := range 128 {
					at, partner := i/16*Block+i%16, (i^1<<low^1<<high)/16*Block+(i^1<<low^1<<high)%16
					b0, b1 := i>>low&1, i>>high&1
					for _, o := range []int{0, Lanes} {
						want := float64(x[at+o])
						switch {
						case (b0 == b1) != even:
						case b0 == 1 != even: // x0
							want = 0.6*want + 0.8*float64(x[partner+o])
						default:
							want = 0.6*want - 0.8*float64(x[partner+o])
						}
						require.InDelta(t, want, y[at+o], 1e-5*(1+math.Abs(want)), "%+v, amplitude %b", e, i)
					}
				}
			}
		}
	}
}
