package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

func TestKernelsProduct(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, n := range blockCounts {
			x := random(r, n)
			o := &Outer{S: random(r, (n+15)/16)[:2*n], Pattern: make([]uint8, n)}
			copy(o.V[:], random(r, 1))
			for mask := range uint64(16) {
				lanes := [4]float32(random(r, 1))
				for i := range o.Pattern {
					o.Pattern[i] = uint8(r.IntN(16))
				}
				var rot Rotation
				for bit := 0; 2<<bit <= n && n%(2<<bit) == 0; bit++ {
					if r.IntN(3) > 0 {
						rot.Add(bit, float32(r.NormFloat64()))
					}
				}
				for rot.N >= 0 {
					requireSame(t, k, x, func(k Kernel, x []float32) {
						k.Product(x, make([]float32, len(x)), o, &lanes, mask, &rot)
					}, "product")
					rot.N--
				}
			}
		}
	})
}

func TestKernelsSpread(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for n := range 9 {
			for range 20 {
				stages := make([]Stage, n)
				for i := range stages {
					sin, cos := math.Sincos(r.Float64() * 7)
					if r.IntN(3) == 0 {
						sin, cos = float64(r.IntN(3)-1), float64(r.IntN(3)-1)
					}
					stages[i] = Stage{Cos: cos, Sin: sin, Mask: r.Uint64N(1 << i), Copy: r.Uint64N(2)}
				}
				out := func(k Kernel) ([]float32, []float64) {
					s, x := make([]float64, 2<<n), make([]float32, 2<<n)
					s[0], s[1] = 0.7, 0
					k.Spread(x, s, stages)
					return x, s
				}
				a, as := out(Generic)
				b, bs := out(k)
				require.Equal(t, bitsOf(a), bitsOf(b))
				for i := range as {
					require.Equal(t, math.Float64bits(as[i]), math.Float64bits(bs[i]))
				}
			}
		}
	})
}

func TestKernelsRunning(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, n := range blockCounts {
			x := make([]float32, n*Block)
			for i := range x {
				x[i] = float32(r.Float64()) * float32(r.IntN(2)) / 2
			}
			a, b := make([]uint64, len(x)/2), make([]uint64, len(x)/2)
			sum := r.Uint64N(1 << 50)
			Generic.Running(a, x, sum)
			k.Running(b, x, sum)
			require.True(t, slices.Equal(a, b))
		}
	})
}

// TestKernelsSinCos: what a kernel is sure of is what package circuit says, and
// it is unsure of few angles.
func TestKernelsSinCos(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		const n = 1 << 16
		angles, sin, cos := make([]uint64, n), make([]float64, n), make([]float64, n)
		unsure, count := make([]uint8, n/8), 0
		for i := range angles {
			switch a := r.Uint64(); i % 8 {
			case 0:
				angles[i] = a
			case 1:
				angles[i] = -(a >> (11 + r.IntN(50)))
			case 2: // near a point of any table
				angles[i] = a&(63<<58) + uint64(r.IntN(64)-32)<<(12+r.IntN(30))
			case 3:
				angles[i] = a & (63 << 58)
			default:
				angles[i] = a &^ 0xfff
			}
		}
		k.SinCos(sin, cos, angles, unsure)
		for i, a := range angles {
			if unsure[i/8]>>(i%8)&1 == 1 {
				if i%8 > 3 {
					count++
				}
				continue
			}
			s, c := circuit.Angle(a).SinCos()
			require.Equal(t, math.Float64bits(s), math.Float64bits(sin[i]), "sin %#x", a)
			require.Equal(t, math.Float64bits(c), math.Float64bits(cos[i]), "cos %#x", a)
		}
		if k.Name() == "avx512" {
			require.Less(t, count, n/300)
		}
	})
}

func TestKernelsTangents(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for n := 8; n <= 256; n += 8 {
			sin, cos := make([]float64, n), make([]float64, n)
			for i := range sin {
				sin[i], cos[i] = math.Sincos(r.Float64()*1.5 - 0.75)
				switch r.IntN(4) {
				case 0: // near a tie
					tan := float64(float32(r.Float64())) + math.Ldexp(1+float64(r.IntN(30)-15)*0x1p-28, -25)
					sin[i], cos[i] = tan, 1
				case 1:
					sin[i] = 0
				}
			}
			run := func(k Kernel) ([]uint32, []uint8) {
				tan, unsure := make([]float32, n), make([]uint8, n/8)
				k.Tangents(tan, sin, cos, unsure)
				return bitsOf(tan), unsure
			}
			a, au := run(Generic)
			b, bu := run(k)
			require.Equal(t, a, b)
			require.Equal(t, au, bu)
		}
	})
}

// TestKernelsDraw: places by guide are those of a linear search, also where many
// sums are equal or far apart.
func TestKernelsDraw(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for n := 1; n <= 40; n++ {
			var s Sums
			sum := uint64(0)
			for range n {
				sum += r.Uint64N(1<<r.IntN(45)+1) * r.Uint64N(2)
				s.Cum = append(s.Cum, sum)
			}
			sum++
			s.Cum[n-1] = sum
			s.Shift = uint(r.IntN(45))
			for sum>>s.Shift > 1000 {
				s.Shift++
			}
			place := func(at uint64) uint64 {
				return uint64(slices.IndexFunc(s.Cum, func(c uint64) bool { return c > at }))
			}
			for j := uint64(0); j<<s.Shift < sum; j++ {
				s.Guide = append(s.Guide, uint32(place(j<<s.Shift)))
			}
			s.Cum = append(s.Cum, math.MaxUint64, math.MaxUint64)
			words, at := make([]uint64, 3*n), make([]uint64, 3*n)
			for i := range words {
				words[i], at[i] = r.Uint64(), r.Uint64N(sum)
			}
			words[0], at[0] = math.MaxUint64, sum-1
			out, flip := make([]uint64, 3*n), r.Uint64N(1<<20)
			k.Locate(out, at, &s, flip)
			for i, x := range at {
				require.Equal(t, place(x), out[i]^flip)
			}
			k.Draw(out, words, &s, flip)
			want := make([]uint64, 3*n)
			Generic.Draw(want, words, &s, flip)
			require.Equal(t, want, out)
			k.Draw(nil, nil, &s, 0)
			rows := make([]byte, 6*n)
			k.DrawRows(rows, words, &s, flip)
			for i, x := range want {
				require.Equal(t, uint16(x), binary.LittleEndian.Uint16(rows[2*i:]))
			}
			k.DrawRows(nil, nil, &s, 0)
		}
	})
}
