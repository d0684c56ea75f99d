package exec

import (
	"fmt"
	"math"
	"math/bits"
	"testing"
	"time"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// BenchmarkPasses prints, for each pass of W1, the shortest time of a unit per
// vector of 16 numbers, and the fused multiply-adds that the plan asks for. On a
// busy machine the sum of these minima is what an idle one would need.
func BenchmarkPasses(b *testing.B) {
	const width = 20
	p, err := plan.FromOps(width, trapset(b, width, 120))
	if err != nil {
		b.Fatal(err)
	}
	pl := plan.New(p)
	for _, k := range kernel.All() {
		if k == kernel.Generic {
			continue
		}
		total, fma := 0.0, 0
		for i := range pl.Passes {
			b.Run(fmt.Sprintf("%s/%d", k.Name(), i), func(b *testing.B) {
				ns, ops := benchmarkPass(b, p, pl, i, k)
				total, fma = total+ns, fma+ops
			})
		}
		b.Logf("%s: %.1f ns and %d operations per vector: %.1f ms for %d vectors", k.Name(), total, fma, total*float64(2<<width)/kernel.Lanes/1e6, (2<<width)/kernel.Lanes)
	}
}

func benchmarkPass(b *testing.B, p *plan.Program, pl *plan.Plan, i int, k kernel.Kernel) (ns float64, fma int) {
	s, err := newState(p, pl, &Options{Kernel: k, Threads: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	w, ps := s.workers[0], &pass{}
	layOut(&pl.Passes[i], pl.Width, ps)
	for u := range ps.steps {
		sub, n := ps.stepAt(u)
		st := &sub.steps[n]
		w.build(st, p, pl, sub.local, &sub.p.Steps[n], 0)
		fma += 2 + bits.OnesCount64(st.lanes.Mask) + st.rot[0].N + st.rot[1].N + st.rot[2].N
	}
	units := 1 << len(ps.outer)
	least := math.Inf(1)
	for b.Loop() {
		for j := range s.x {
			s.x[j] = 1e-3
		}
		for u := range units {
			from := time.Now()
			w.unit(ps, s.x, nil, u, u+1 < units)
			least = min(least, time.Since(from).Seconds()*1e9)
		}
	}
	ns = least * float64(units) * kernel.Lanes / float64(stateFloats(pl.Width))
	b.ReportMetric(ns, "ns/vector")
	b.ReportMetric(float64(ps.steps), "steps")
	b.ReportMetric(float64(fma), "fma/vector")
	b.ReportMetric(ns/float64(fma), "ns/fma")
	return ns, fma
}
