package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func bits64(x []float64) []uint64 {
	out := make([]uint64, len(x))
	for i, v := range x {
		out[i] = math.Float64bits(v)
	}
	return out
}

// TestDoublesAgree compares every Double with the generic one, bit for bit.
func TestDoublesAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(64, 64))
	numbers := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64()
		}
		return x
	}
	for _, k := range All() {
		d := DoubleOf(k)
		t.Run(k.Name()+" by "+d.Name(), func(t *testing.T) {
			for bits := range 9 {
				n := Block << bits
				for range 8 {
					x, f := numbers(n), numbers(n)
					var s *Signs64
					if r.IntN(2) == 0 {
						s = &Signs64{Block: make([]uint64, 1<<bits)}
						for i := range s.Block {
							s.Block[i] = r.Uint64() & (1 << 63)
						}
						for i := range s.Lane {
							s.Lane[i] = r.Uint64() & (1 << 63)
						}
					}
					var lanes LaneTans64
					for q := range 4 {
						if r.IntN(2) == 0 {
							lanes.Set(q, r.NormFloat64())
						}
					}
					var rot Rotation64
					for q := range bits {
						if r.IntN(2) == 0 {
							rot.Add(q, r.NormFloat64())
						}
					}
					y := slices.Clone(x)
					GenericDouble.Layer(x, f, s, &lanes, &rot)
					d.Layer(y, f, s, &lanes, &rot)
					require.Equal(t, bits64(x), bits64(y), "layer of %d blocks, signs %v, lanes %x, %d qubits", 1<<bits, s != nil, lanes.Mask, rot.N)
					if rot.N > 0 {
						GenericDouble.Rotate(x, &rot)
						d.Rotate(y, &rot)
						require.Equal(t, bits64(x), bits64(y), "rotation of %d qubits", rot.N)
					}
					o := Outer64{V: [Block]float64(numbers(Block)), S: numbers(2 << bits), Pattern: make([]uint8, 1<<bits)}
					for i := range o.Pattern {
						o.Pattern[i] = uint8(r.IntN(16))
					}
					GenericDouble.Outer(x, &o)
					d.Outer(y, &o)
					require.Equal(t, bits64(x), bits64(y), "table")
					lane := r.IntN(4)
					GenericDouble.Fold(x, o.S, lane)
					d.Fold(y, o.S, lane)
					require.Equal(t, bits64(x), bits64(y), "fold")
				}
			}
		})
	}
	require.Panics(t, func() { (&Rotation64{N: 1, Stride: [4]uint64{512}}).check(make([]float64, Block)) })
}
