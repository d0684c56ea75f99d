package meter_test

import (
	"testing"
	"time"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// benchKernel is a function f(n i32) -> i64 of plain code, several times, with its
// loop at other addresses each time: what a loop takes depends on where it lies,
// without and with the meter, and that is no cost of either.
type benchKernel struct {
	name string
	n    uint64
	wasm [][]byte
}

// addresses is how many places of a loop are tried.
const addresses = 8

// benchKernels are loops over integers, bits and memory, and the naive Fibonacci
// recursion.
func benchKernels() []benchKernel {
	const n, i, a, b = 0, 1, 2, 3 // parameter, and locals i32, i64, i64
	get, tee := Get, func(l int) []byte { return Op(0x22, byte(l)) }
	loop := func(body []byte) []byte { // n times, i counts
		return Cat(Op(0x03, 0x40), body, get(i), I32(1), Op(0x6a), tee(i), get(n), Op(0x49), BrIf(0), Op(0x0b), get(a))
	}
	module := func(pages uint64, code []byte) (all [][]byte) {
		for range addresses {
			m := New()
			m.Min, m.Max = pages, pages
			m.Add("f", "i", "I", "iII", code)
			all = append(all, m.Bytes())
			code = Cat(get(b), get(n), Op(0xad, 0x85), Set(b), code) // some bytes of code in front
		}
		return all
	}
	rotl := func(x []byte, k int64) []byte { return Cat(x, I64(k), Op(0x89)) }
	fib := New()
	fib.Add("f", "i", "I", "", Cat(get(n), I32(2), Op(0x49, 0x04, 0x7e), I64(1), Op(0x05), get(n), I32(1), Op(0x6b), Call(own), get(n), I32(2), Op(0x6b), Call(own), Op(0x7c, 0x0b)))
	at := Cat(get(i), I32(3), Op(0x74), I32(0xfff8), Op(0x71)) // (i << 3) & 0xfff8
	return []benchKernel{
		{"mix", 2_000_000, module(1, loop(Cat(get(a), get(b), Op(0x7c), I64(-0x61c8864680b583eb), Op(0x7e), tee(a), I64(29), Op(0x88), get(a), Op(0x85), Set(a), rotl(get(a), 17), get(b), Op(0x85), Set(b))))},
		{"bits", 2_000_000, module(1, loop(Cat(get(a), get(b), Op(0x85, 0x7b), get(a), Op(0x7c), Set(a), get(b), I64(1), Op(0x7c, 0x79), get(b), Op(0x7c), Set(b), get(b), I64(0x5555), Op(0x83), get(a), Op(0x84), Set(a))))},
		{"memory", 2_000_000, module(1, loop(Cat(at, at, Op(0x29, 3, 0), get(a), Op(0x7c), tee(a), Op(0x37, 3, 0))))},
		{"branches", 2_000_000, module(1, loop(Cat(get(i), I32(3), Op(0x71), I32(1), Op(0x46, 0x04, 0x40), get(a), I64(3), Op(0x7c), Set(a), Op(0x05), get(a), get(b), Op(0x85), Set(a), Op(0x0b), get(b), I64(5), Op(0x7c), Set(b))))},
		{"recursion", 27, [][]byte{fib.Bytes()}},
	}
}

// BenchmarkKernels runs each kernel without and with the meter in turns, so that a
// busy machine slows both, and reports the fastest run of each, averaged over the
// places of its loop.
func BenchmarkKernels(b *testing.B) {
	for _, k := range benchKernels() {
		b.Run(k.name, func(b *testing.B) {
			var sum [2]float64
			for _, wasm := range k.wasm {
				var guests []*metertest.Guest
				for _, w := range [][]byte{wasm, instrument(b, wasm, meter.Limits{})} {
					guests = append(guests, openGuest(b, metertest.Compiler, w, wasm, metertest.NewWorld(nil)))
				}
				best := [2]time.Duration{1 << 62, 1 << 62}
				for range b.N {
					for i, g := range guests {
						start := time.Now()
						_, err := g.Run("f", plenty, meter.Depth, k.n)
						best[i] = min(best[i], time.Since(start))
						require.NoError(b, err)
					}
				}
				sum[0] += best[0].Seconds() * 1e3 / float64(len(k.wasm))
				sum[1] += best[1].Seconds() * 1e3 / float64(len(k.wasm))
			}
			b.ReportMetric(sum[0], "plain-ms")
			b.ReportMetric(sum[1], "metered-ms")
			b.ReportMetric(100*(sum[1]/sum[0]-1), "overhead-%")
		})
	}
}

// TestKernels: the kernels of the benchmark compute the same with the meter.
func TestKernels(t *testing.T) {
	for _, k := range benchKernels() {
		for _, wasm := range k.wasm {
			n := min(k.n, 1000)
			want, err := openGuest(t, metertest.Compiler, wasm, wasm, metertest.NewWorld(nil)).Call("f", 0, 0, n)
			require.NoError(t, err)
			got, err := openGuest(t, metertest.Compiler, instrument(t, wasm, meter.Limits{}), wasm, metertest.NewWorld(nil)).Call("f", plenty, meter.Depth, n)
			require.NoError(t, err)
			got.Fuel = 0
			require.Equal(t, want, got, k.name)
		}
	}
}
