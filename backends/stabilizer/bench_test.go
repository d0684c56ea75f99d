package stabilizer

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/stabilizer/internal/kernel"
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

// BenchmarkSample draws a million shots with each kernel into rows that are there,
// and prints shots per second and how many times faster than in Go alone that is.
func BenchmarkSample(b *testing.B) {
	for _, width := range []int{20, 100, 1000} {
		l := brickwork(rand.New(rand.NewPCG(1, 2)), width, 59)
		if width == 1000 {
			l = brickwork(rand.New(rand.NewPCG(1, 2)), width, 4) // many parities: no identity
		}
		a, err := Compile(b.Context(), l)
		require.NoError(b, err)
		perShot := func(b *testing.B, k kernel.Kernel, shots int, again func() bool) float64 {
			s, err := a.shots(k, [16]byte{}, nil)
			require.NoError(b, err)
			rows, d := make([]byte, shots*s.bytes), new(Draw)
			s.Rows(rows, 0, d)
			n, began := 0, time.Now()
			for again() {
				s.Rows(rows, 0, d)
				n++
			}
			return time.Since(began).Seconds() / float64(n*shots)
		}
		for _, k := range kernel.All() {
			b.Run(fmt.Sprint(width, "/", k.Name()), func(b *testing.B) {
				i := 0
				slow := perShot(b, kernel.Generic, 100_000, func() bool { i++; return i <= 2 })
				fast := perShot(b, k, 1_000_000, b.Loop)
				b.ReportMetric(1/fast, "shots/s")
				b.ReportMetric(slow/fast, "x-generic")
			})
		}
	}
}
