package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// blockCounts are the sizes tested: all around every unrolling, and a large one.
var blockCounts = []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 256}

func random(r *rand.Rand, blocks int) []float32 {
	x := make([]float32, blocks*Block)
	for i := range x {
		x[i] = float32(r.NormFloat64())
		if r.IntN(9) == 0 {
			x[i] = hostile(r, r.IntN(8))
		}
	}
	return x
}

func bitsOf(x []float32) []uint32 {
	out := make([]uint32, len(x))
	for i, v := range x {
		out[i] = math.Float32bits(v)
	}
	return out
}

// each runs f once per kernel of this machine other than the generic one.
func each(t *testing.T, f func(t *testing.T, k Kernel, r *rand.Rand)) {
	for _, k := range All() {
		t.Run(k.Name(), func(t *testing.T) { f(t, k, rand.New(rand.NewPCG(3, 4))) })
	}
}

// requireSame runs f with k and with Generic on copies of x and compares all
// bits, also of a margin behind x that must stay.
func requireSame(t *testing.T, k Kernel, x []float32, f func(k Kernel, x []float32), what string) {
	t.Helper()
	n := len(x)
	a := append(slices.Clone(x), 1, 2, 3, 4, 5, 6, 7, 8)
	b := slices.Clone(a)
	f(Generic, a[:n:n])
	f(k, b[:n:n])
	if !slices.Equal(bitsOf(a), bitsOf(b)) {
		for i := range a {
			require.Equal(t, math.Float32bits(a[i]), math.Float32bits(b[i]), "%s: float %d is %x, generic says %x", what, i, b[i], a[i])
		}
	}
}

func randomSigns(r *rand.Rand, blocks int) *Signs {
	s := &Signs{Block: make([]uint32, blocks)}
	for i := range s.Block {
		s.Block[i] = r.Uint32() & (1 << 31)
	}
	for i := range s.Lane {
		s.Lane[i] = r.Uint32() & (1 << 31)
	}
	return s
}

func TestKernelsLayer(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, n := range blockCounts {
			x, f := random(r, n), random(r, n)
			for mask := range 16 {
				var lt LaneTans
				for q := range 4 {
					if mask>>q&1 == 1 {
						lt.Set(q, float32(r.NormFloat64()))
					}
				}
				for _, s := range []*Signs{nil, randomSigns(r, n)} {
					requireSame(t, k, x, func(k Kernel, x []float32) { k.Layer(x, f, s, &lt, nil) },
						fmt.Sprintf("%d blocks, signs %v, lanes %b", n, s != nil, mask))
				}
			}
		}
	})
}

// TestKernelsFused: a layer with up to four qubits at any places.
func TestKernelsFused(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for size := 1; size <= 7; size++ {
			f := random(r, 1<<size)
			for set := 1; set < 1<<size; set++ {
				var rot Rotation
				for b := range size {
					if set>>b&1 == 1 && rot.N < 4 {
						rot.Add(b, float32(r.Float64()*2-1))
					}
				}
				var lt LaneTans
				for q := range 4 {
					if r.IntN(3) > 0 {
						lt.Set(q, float32(r.NormFloat64()))
					}
				}
				for _, s := range []*Signs{nil, randomSigns(r, 1<<size)} {
					requireSame(t, k, random(r, 1<<size), func(k Kernel, x []float32) { k.Layer(x, f, s, &lt, &rot) },
						fmt.Sprintf("2^%d blocks, qubits %b, lanes %b, signs %v", size, set, lt.Mask, s != nil))
				}
			}
		}
		require.Panics(t, func() {
			var rot Rotation
			rot.Add(2, 1)
			k.Layer(make([]float32, 4*Block), make([]float32, 4*Block), nil, &LaneTans{}, &rot)
		})
	})
}

func TestKernelsRotate(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for size := 1; size <= 8; size++ { // qubits beside the lanes
			for set := 1; set < 1<<size; set++ {
				var rot Rotation
				fits := true
				for b := range size {
					if set>>b&1 == 1 {
						fits = fits && rot.Add(b, float32(r.Float64()*2-1))
					}
				}
				if fits {
					requireSame(t, k, random(r, 1<<size), func(k Kernel, x []float32) { k.Rotate(x, &rot) },
						fmt.Sprintf("2^%d blocks, qubits %b", size, set))
				}
			}
		}
	})
}

// TestRotateOddSizes: a buffer may be any multiple of twice the largest stride.
func TestRotateOddSizes(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, n := range []int{1, 3, 5} {
			rot := Rotation{}
			rot.Add(0, 0.5)
			rot.Add(2, -0.25)
			requireSame(t, k, random(r, 8*n), func(k Kernel, x []float32) { k.Rotate(x, &rot) }, "odd size")
			require.Panics(t, func() { k.Rotate(make([]float32, 4*Block), &rot) })
		}
	})
}

func TestKernelsRows(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, row := range []int{1, 2, 3, 8} {
			for _, rows := range []int{1, 2, 5, 16} {
				mem := random(r, 4*row*rows)
				off := make([]uint64, rows)
				for i := range off {
					off[i] = uint64((4*i + r.IntN(3)) * row * blockBytes)
				}
				buf := make([]float32, rows*row*Block)
				k.Prefetch(mem, off, row*Block)
				requireSame(t, k, buf, func(k Kernel, x []float32) { k.Gather(x, mem, off) }, "gather")
				requireSame(t, k, mem, func(k Kernel, x []float32) { k.Scatter(random(rand.New(rand.NewPCG(5, 6)), rows*row), x, off) }, "scatter")
			}
		}
	})
}

func TestKernelsOuter(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, n := range blockCounts {
			o := &Outer{V: [Block]float32(random(r, 1)), S: random(r, n)[:2*n], Pattern: make([]uint8, n)}
			for i := range o.Pattern {
				o.Pattern[i] = uint8(r.IntN(16))
			}
			requireSame(t, k, make([]float32, n*Block), func(k Kernel, f []float32) { k.Outer(f, o) }, fmt.Sprintf("%d blocks", n))
		}
	})
}

func TestKernelsWeights(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, leaf := range []int{1, 2, 4} {
			for _, leaves := range []int{1, 2, 3, 9} {
				x := random(r, leaf*leaves)
				for i := range x {
					x[i] *= 0.05 // each square is below 2
				}
				want, got := make([]uint64, leaves), make([]uint64, leaves)
				Generic.Weights(want, x)
				k.Weights(got, x)
				require.Equal(t, want, got)
				want, got = make([]uint64, leaf*leaves*Lanes+1), make([]uint64, leaf*leaves*Lanes+1)
				Generic.Squares(want, x)
				k.Squares(got, x)
				require.Equal(t, want, got)
			}
		}
	})
}

func TestProbe(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, _ *rand.Rand) {
		require.NotPanics(t, func() { k.Probe(0); k.Probe(3) })
	})
}

func TestSplit(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, _ *rand.Rand) {
		for n := range MaxRotated + 1 {
			for _, lanes := range []bool{false, true} {
				s := k.Split(n, lanes)
				require.Equal(t, n, s[0]+s[1]+s[2])
				require.LessOrEqual(t, max(s[0], s[1], s[2]), 4)
				s = k.SplitProduct(n, lanes)
				require.Equal(t, n, s[0]+s[1]+s[2])
				require.LessOrEqual(t, max(s[0], s[1], s[2]), 4)
			}
		}
	})
}

// TestMachine keeps a build machine from testing less than it should: with
// CI=true all kernels of the architecture must have been there.
func TestMachine(t *testing.T) {
	require.Equal(t, Generic, All()[len(All())-1])
	_, err := Find("sse9")
	require.ErrorIs(t, err, ErrUnavailable)
	for _, k := range All() {
		f, err := Find(k.Name())
		require.NoError(t, err)
		require.Equal(t, k, f)
	}
	if os.Getenv("CI") == "true" {
		for _, name := range wanted {
			_, err := Find(name)
			require.NoError(t, err, "CI must run the %s kernel", name)
		}
	}
}

func TestWeight(t *testing.T) {
	require.EqualValues(t, 0, Weight(0, 0))
	require.EqualValues(t, 1<<WeightBits, Weight(0, -1))
	require.EqualValues(t, 1<<(WeightBits-1), Weight(0.5, 0.5))
	require.EqualValues(t, 1, Weight(0x1p-26, 0x1p-26))
	require.EqualValues(t, 0, Weight(0x1p-26, 0))
}
