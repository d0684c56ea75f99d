package stabilizer

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkSlots compiles the trap slots of one job: every slot is a circuit of
// its own with one shot.
func BenchmarkSlots(b *testing.B) {
	l := brickwork(rand.New(rand.NewPCG(1, 2)), 20, 59)
	gates, _ := GatesOf(l.U)
	r, row, out := rand.New(rand.NewPCG(1, 3)), make([]uint32, len(l.U)), make([]uint64, 1)
	for i := range row {
		row[i] = uint32(r.IntN(len(gates)))
	}
	var c Compiler
	for b.Loop() {
		for i := range 410 {
			row[i] ^= 1
			a, err := c.Row(b.Context(), &l.Skeleton, gates, row)
			require.NoError(b, err)
			a.Outcome([]uint64{uint64(i)}, out)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/410, "µs/slot")
}

func BenchmarkFirstShot(b *testing.B) {
	for _, width := range []int{20, 100, 1000} {
		b.Run(fmt.Sprint(width), func(b *testing.B) {
			l := brickwork(rand.New(rand.NewPCG(1, 2)), width, 59)
			for b.Loop() {
				a, err := Compile(b.Context(), l)
				require.NoError(b, err)
				_, err = a.Sample(b.Context(), [16]byte{}, 0, 1)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkSample(b *testing.B) {
	for _, width := range []int{20, 100} {
		b.Run(fmt.Sprint(width), func(b *testing.B) {
			a, err := Compile(b.Context(), brickwork(rand.New(rand.NewPCG(1, 2)), width, 59))
			require.NoError(b, err)
			for b.Loop() {
				_, err := a.Sample(b.Context(), [16]byte{}, 0, 1_000_000)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/shot")
		})
	}
}
