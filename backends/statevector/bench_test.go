package statevector

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

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
