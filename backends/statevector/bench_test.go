package statevector

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// w1 is width × depth layers, depth counting u3 and CZ layers.
func w1(b testing.TB, width, depth int) (*Program, int) {
	c, err := circuit.Generate("animica.quantum.trapset.v1", width, depth, [32]byte{})
	require.NoError(b, err)
	p, err := FromOps(width, c.Ops)
	require.NoError(b, err)
	return p, len(c.Ops)
}

func BenchmarkW1(b *testing.B) {
	for _, c := range []struct{ width, depth, threads int }{{10, 120, 1}, {14, 120, 1}, {14, 120, 2}, {20, 120, 1}, {20, 120, 2}, {24, 40, 2}} {
		for _, prec := range []Precision{Complex64, Complex128} {
			if prec == Complex128 && c.width != 20 {
				continue
			}
			b.Run(fmt.Sprintf("%dx%d/threads=%d/%s", c.width, c.depth, c.threads, prec), func(b *testing.B) {
				p, gates := w1(b, c.width, c.depth)
				var s *State
				for b.Loop() {
					s = mustRun(b, p, Options{Threads: c.threads, Precision: prec, Reuse: s})
					_, err := s.Sample([16]byte{}, 0, 4096)
					require.NoError(b, err)
				}
				b.ReportMetric(float64(gates)*float64(int(1)<<c.width)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gamp·gates/s")
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms/run")
			})
		}
	}
}

// BenchmarkSmall reports the least time in µs from parsed circuits to packed
// outcomes, 4096 a circuit: one circuit, or a batch of 100 of one structure.
func BenchmarkSmall(b *testing.B) {
	for _, c := range []struct{ width, circuits, threads int }{{10, 1, 1}, {14, 1, 1}, {14, 1, 2}, {10, 100, 1}, {10, 100, 2}} {
		b.Run(fmt.Sprintf("%dx120/circuits=%d/threads=%d", c.width, c.circuits, c.threads), func(b *testing.B) {
			circuits, rows := make([]*circuit.Circuit, c.circuits), make([][]byte, c.circuits)
			for i := range circuits {
				var err error
				rows[i] = make([]byte, 4096*guest.RowBytes(c.width))
				circuits[i], err = circuit.Generate("animica.quantum.trapset.v1", c.width, 120, [32]byte{byte(i)})
				require.NoError(b, err)
			}
			batch := NewBatch(Options{Threads: c.threads})
			defer batch.Close()
			least := math.Inf(1)
			for b.Loop() {
				from := time.Now()
				err := batch.Each(b.Context(), len(circuits), c.width, func(s *Series, i int) error {
					st, err := s.Run(b.Context(), circuits[i])
					if err == nil {
						err = st.SampleInto(rows[i], [16]byte{1}, 0)
					}
					return err
				})
				require.NoError(b, err)
				least = min(least, time.Since(from).Seconds())
			}
			b.ReportMetric(least*1e6, "min-µs")
		})
	}
}
