package exec

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// BenchmarkPasses reports the shortest time of one unit of each pass of W1, per
// vector of 16 numbers, with and without the way from and to memory.
func BenchmarkPasses(b *testing.B) {
	p, _ := plan.FromOps(20, trapset(b, 20, 120))
	pl := plan.New(p)
	for _, k := range kernel.All()[:1] {
		s, _ := newState(p, pl, &Options{Kernel: k, Threads: 1})
		w := s.workers[0]
		for i := range s.x { s.x[i] = 1e-3 }
		tot := 0.
		for i := range pl.Passes {
			ps := &pass{}
			layOut(&pl.Passes[i], 20, ps)
			rots := 0
			for u := range ps.steps {
				sub, n := ps.stepAt(u)
				w.build(&sub.steps[n], p, pl, sub.local, &sub.p.Steps[n])
				rots += len(sub.p.Steps[n].Rots)
			}
			units := 1 << len(ps.outer)
			b.Run(fmt.Sprint(i), func(b *testing.B) {
				best, bestS := math.Inf(1), math.Inf(1)
				for b.Loop() {
					for u := range units {
						t0 := time.Now()
						w.unit(ps, s.x, u)
						t1 := time.Now()
						best = min(best, float64(t1.Sub(t0)))
						if !ps.tiled {
						w.sweep(&ps.subs[0], w.chunk, uint64(u)<<12)
						bestS = min(bestS, float64(time.Since(t1)))
						}
						if u % 64 == 63 { for i := range w.chunk { w.chunk[i] = 1e-3 } }
					}
				}
				vecs := float64(2<<20) / 16 / float64(units)
				b.ReportMetric(best/vecs, "ns/vec")
				b.ReportMetric(bestS/vecs, "sweepns/vec")
				b.ReportMetric(float64(ps.steps), "steps")
				b.ReportMetric(float64(rots), "rots")
				tot += best/vecs*131072/1e6
			})
			_ = kernel.Lanes
		}
		fmt.Println("total ms", tot)
	}
}
