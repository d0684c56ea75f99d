package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkKernels runs each sweep on a buffer of 2^12 amplitudes and reports
// cycles of a 3 GHz clock that one vector of 16 numbers takes.
func BenchmarkKernels(b *testing.B) {
	for _, k := range All()[:len(All())-1] {
		const blocks = 256
		x, f := aligned(blocks), aligned(blocks)
		for i := range x {
			x[i], f[i] = 1e-3, 1e-3
		}
		var lt LaneTans
		s := &Signs{Block: make([]uint32, blocks)}
		run := func(name string, fn func()) {
			b.Run(k.Name()+"/"+name, func(b *testing.B) {
				for b.Loop() {
					fn()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(2*blocks), "ns/vector")
			})
		}
		f1 := aligned(blocks)
		for i := range f1 {
			if i%32 < 16 {
				f1[i] = 1
			}
		}
		run("diagonal", func() { k.Diagonal(x, f1, nil, nil) })
		run("diagonalLanes", func() { k.Diagonal(x, f1, nil, &lt) })
		run("diagonalLanesSigned", func() { k.Diagonal(x, f1, s, &lt) })
		for n := 1; n <= 4; n++ {
			for _, low := range []int{0, 8 - n} {
				var r Rotation
				for i := range n {
					r.Add(low+i, 0)
				}
				run(fmt.Sprintf("rotate%d/at%d", n, low), func() { k.Rotate(x, &r) })
			}
		}
		o := &Outer{S: make([]float32, 2*blocks), Pattern: make([]uint8, blocks)}
		run("outer", func() { k.Outer(f, o) })
		w := make([]float64, blocks/4)
		run("weights", func() { k.Weights(w, x) })
		mem := aligned(256 * blocks)
		off := make([]uint64, blocks)
		for i := range off {
			off[i] = uint64(i * 256 * blockBytes)
		}
		run("gather", func() { k.Gather(x, mem, off) })
		run("scatter", func() { k.Scatter(x, mem, off) })
	}
}

func aligned(blocks int) []float32 {
	x := make([]float32, (blocks+1)*Block)
	return x[:blocks*Block]
}
