package exec

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// BenchmarkTrapset is workload W1 and its other widths: plan, run and 4096
// samples of one circuit, state memory reused. min-ms is the fastest of the runs,
// min-cpu-ms the least time of all cores together; limits are measured in the
// same process and compared with the latter.
func BenchmarkTrapset(b *testing.B) {
	for _, wd := range [][2]int{{10, 120}, {14, 120}, {20, 120}, {24, 40}, {26, 40}} {
		for _, k := range kernel.All() {
			if k == kernel.Generic {
				continue
			}
			for _, threads := range []int{1, 2} {
				b.Run(fmt.Sprintf("%dx%d/%s/%dT", wd[0], wd[1], k.Name(), threads), func(b *testing.B) {
					benchmark(b, wd[0], trapset(b, wd[0], wd[1]), Options{Kernel: k, Threads: threads})
				})
			}
		}
	}
}

// BenchmarkFSim is layers of u3 and fSim gates on neighbours, as exchanges and gate by
// gate: a gate that does nothing keeps RXX and RYY apart.
func BenchmarkFSim(b *testing.B) {
	for _, wd := range [][2]int{{12, 40}, {20, 40}, {24, 20}} {
		together := sims(rand.New(rand.NewPCG(1, 2)), wd[0], wd[1])
		var apart []circuit.Op
		for _, g := range together {
			if apart = append(apart, g); g.Gate == circuit.RXX {
				apart = append(apart, op(circuit.ID, 0, int(g.Q[0])))
			}
		}
		for _, k := range kernel.All()[:len(kernel.All())-1] {
			b.Run(fmt.Sprintf("%dx%d/%s/exchanges", wd[0], wd[1], k.Name()), func(b *testing.B) { benchmark(b, wd[0], together, Options{Kernel: k, Threads: 2}) })
			b.Run(fmt.Sprintf("%dx%d/%s/apart", wd[0], wd[1], k.Name()), func(b *testing.B) { benchmark(b, wd[0], apart, Options{Kernel: k, Threads: 2}) })
		}
	}
}

func benchmark(b *testing.B, width int, ops []circuit.Op, o Options) {
	gates := 0
	words, out := make([]uint64, 4096), make([]uint64, 4096)
	stream, err := seed.NewShotWords([16]byte{1})
	if err != nil {
		b.Fatal(err)
	}
	var s *State
	least, cpu := math.Inf(1), math.Inf(1)
	for b.Loop() {
		from, used := time.Now(), cpuSeconds()
		p, err := plan.FromOps(width, ops)
		if err != nil {
			b.Fatal(err)
		}
		gates = len(ops)
		o.Reuse = s
		if s, err = Run(context.Background(), p, plan.New(p), o); err != nil {
			b.Fatal(err)
		}
		stream.Fill(words, 0)
		s.Sample(out, words)
		least, cpu = min(least, time.Since(from).Seconds()), min(cpu, cpuSeconds()-used)
	}
	s.Close()
	b.ReportMetric(least*1e3, "min-ms")
	b.ReportMetric(cpu*1e3, "min-cpu-ms")
	b.ReportMetric(float64(gates)*math.Ldexp(1, width)/least/1e9, "Gamp·gates/s")
	p, err := plan.FromOps(width, ops)
	if err != nil {
		b.Fatal(err)
	}
	operations, bytes := work(plan.New(p))
	b.ReportMetric(float64(bytes)/1e9, "GB")
	b.ReportMetric(100*float64(operations)*operationSeconds(o.Kernel)/cpu, "%fma-limit")
	b.ReportMetric(100*float64(bytes)*byteSeconds(o.Kernel, width)/cpu, "%memory-limit")
}

// work counts what a plan asks for: operations on 16 numbers (two for a
// diagonal, one for a rotation or an exchange), and bytes read and written by passes and weights.
func work(pl *plan.Plan) (operations, bytes int) {
	size := 8 << pl.Width
	bytes = size
	for _, ps := range splitPasses(pl) {
		bytes += 2 * size
		for _, sub := range ps.Subs {
			for _, st := range sub.Steps {
				operations += (2 + len(st.Rots) - len(st.Pairs)) * size / (4 * kernel.Lanes)
			}
		}
	}
	return operations, bytes
}

// operationSeconds is the shortest time of a fused multiply-add on 16 numbers.
func operationSeconds(k kernel.Kernel) float64 {
	const rounds = 200
	least := math.Inf(1)
	for range 2000 {
		from := time.Now()
		k.Probe(rounds)
		least = min(least, time.Since(from).Seconds())
	}
	return least / (rounds * kernel.ProbeLength)
}

// byteSeconds is the shortest time per byte of reading and writing a state in
// place.
func byteSeconds(k kernel.Kernel, width int) float64 {
	x := floats(2 << width)
	var r kernel.Rotation
	r.Add(0, 0)
	least := math.Inf(1)
	for range max(3, 1<<24>>width) {
		from := time.Now()
		k.Rotate(x, &r)
		least = min(least, time.Since(from).Seconds())
	}
	return least / float64(8*len(x))
}

// BenchmarkSample draws 10^6 shots of a random state of 20 qubits.
func BenchmarkSample(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("%dT", threads), func(b *testing.B) {
			s := run(b, 20, trapset(b, 20, 20), Options{Threads: threads})
			defer s.Close()
			words, out := make([]uint64, 1e6), make([]uint64, 1e6)
			stream, err := seed.NewShotWords([16]byte{1})
			if err != nil {
				b.Fatal(err)
			}
			stream.Fill(words, 0)
			least, cpu := math.Inf(1), math.Inf(1)
			for b.Loop() {
				from, used := time.Now(), cpuSeconds()
				s.Sample(out, words)
				least, cpu = min(least, time.Since(from).Seconds()), min(cpu, cpuSeconds()-used)
			}
			b.ReportMetric(least*1e3, "min-ns/shot")
			b.ReportMetric(cpu*1e3, "min-cpu-ns/shot")
		})
	}
}

// cpuSeconds is the time that this process has run on all cores.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
