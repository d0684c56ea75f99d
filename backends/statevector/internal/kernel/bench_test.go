package kernel

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// BenchmarkKernels runs each sweep on a buffer of 2^12 amplitudes, 32 KiB, and
// reports the shortest time that one vector of 16 numbers took in a window of a
// few microseconds: what the machine can do, not what its neighbours leave.
func BenchmarkKernels(b *testing.B) {
	for _, k := range All()[:len(All())-1] {
		const blocks = 256
		x, f := make([]float32, blocks*Block), make([]float32, blocks*Block)
		for i := range x {
			if x[i] = 1e-3; i/Lanes%2 == 0 {
				f[i] = 1
			}
		}
		run := func(name string, fn func()) {
			b.Run(k.Name()+"/"+name, func(b *testing.B) { b.ReportMetric(shortest(b, fn)/(2*blocks), "ns/vector") })
		}
		run("probe", func() { k.Probe(2 * blocks) })
		var none, lt LaneTans
		for q := range 4 {
			lt.Set(q, 0)
		}
		s := &Signs{Block: make([]uint32, blocks)}
		run("layer", func() { k.Layer(x, f, nil, &none, nil) })
		run("layer/lanes", func() { k.Layer(x, f, nil, &lt, nil) })
		run("layer/lanes/signs", func() { k.Layer(x, f, s, &lt, nil) })
		for n := 1; n <= 3; n++ {
			var r Rotation
			for i := range n {
				r.Add(i, 0)
			}
			run(fmt.Sprintf("layer/lanes/rotate%d", n), func() { k.Layer(x, f, nil, &lt, &r) })
			run(fmt.Sprintf("layer/rotate%d", n), func() { k.Layer(x, f, nil, &none, &r) })
		}
		for n := 1; n <= 4; n++ {
			for _, low := range []int{0, 8 - n} {
				var r Rotation
				for i := range n {
					r.Add(low+i, 0)
				}
				run(fmt.Sprintf("rotate%d/at%d", n, low), func() { k.Rotate(x, &r) })
			}
		}
		for _, e := range []Exchange{{4, 5, false, 0.6, 0.8}, {6, 11, false, 0.6, 0.8}, {3, 7, true, 0.6, 0.8}, {0, 11, false, 0.6, 0.8}, {1, 2, false, 0.6, 0.8}, {0, 3, false, 0.6, 0.8}} {
			run(fmt.Sprintf("exchange/%d,%d", e.Low, e.High), func() { k.Exchange(x, &e) })
		}
		o := &Outer{S: make([]float32, 2*blocks), Pattern: make([]uint8, blocks)}
		table := make([]float32, blocks*Block)
		run("outer", func() { k.Outer(table, o) })
		w := make([]uint64, blocks*Lanes)
		run("weights", func() { k.Weights(w[:blocks/4], x) })
		run("squares", func() { k.Squares(w, x) })
		mem := make([]float32, 256*blocks*Block)
		off := make([]uint64, blocks)
		for i := range off {
			off[i] = uint64(i * 256 * blockBytes)
		}
		run("gather", func() { k.Gather(table, mem, off) })
		run("scatter", func() { k.Scatter(table, mem, off) })
	}
}

// shortest returns the least time of one call in nanoseconds, over windows of
// four calls.
func shortest(b *testing.B, fn func()) float64 {
	const calls = 4
	least := math.Inf(1)
	for b.Loop() {
		from := time.Now()
		for range calls {
			fn()
		}
		least = min(least, float64(time.Since(from).Nanoseconds())/calls)
	}
	return least
}
