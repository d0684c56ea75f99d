package meter_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
)

// heldAcross is a function that loads its locals, runs code, and uses them all
// afterwards, so that each lives across all of the code.
func heldAcross(locals int, code []byte) Func {
	var b []byte
	for i := range locals {
		b = append(b, Cat(I32(int64(8*i)), Op(0x29, 3, 0), Set(i))...)
	}
	b = append(append(b, code...), I64(0)...)
	for i := range locals {
		b = append(b, Cat(Get(i), Op(0x7c))...)
	}
	return Func{Locals: strings.Repeat("I", locals), Code: append(b, 0x1a)}
}

// worst are functions that cost wazero's compiler more than others of their size;
// modules of them are what the limits of profile L1 and of the meter are for.
func worst() map[string]Func {
	cond := Cat(Get(0), Op(0xa7)) // a condition that no compiler knows
	block := func(code []byte) []byte { return Cat(Op(0x02, void), code, Op(0x0b)) }
	pairs := func(n int, open, shut []byte) []byte { return Cat(bytes.Repeat(open, n), bytes.Repeat(shut, n)) }
	loops := func(n int) []byte {
		return pairs(n, Op(0x03, void), Cat(cond, BrIf(0), I64(1), Set(3), Op(0x0b)))
	}
	labels := func(n int) (b []byte) {
		for i := range n {
			b = append(b, U(uint64(i%1000))...)
		}
		return b
	}
	return map[string]Func{
		"1000 exits of a block":       heldAcross(240, block(bytes.Repeat(Cat(cond, BrIf(0)), 1000))),
		"200 exits of a block":        heldAcross(240, block(bytes.Repeat(Cat(cond, BrIf(0)), 200))),
		"28 exits of a block":         heldAcross(240, block(bytes.Repeat(Cat(cond, BrIf(0)), 28))),
		"5700 exits, few locals":      heldAcross(4, block(bytes.Repeat(Cat(cond, BrIf(0)), 5700))),
		"300 ifs":                     heldAcross(250, bytes.Repeat(Cat(cond, Op(0x04, void, 0x0b)), 300)),
		"500 ifs in one another":      heldAcross(190, pairs(500, Cat(cond, Op(0x04, void)), Op(0x0b))),
		"1000 blocks in one another":  heldAcross(190, pairs(1000, Op(0x02, void), Op(0x0b))),
		"32 loops in one another":     heldAcross(200, loops(32)),
		"31 times 32 loops":           heldAcross(120, bytes.Repeat(loops(32), 31)),
		"br_table out of 1000 blocks": heldAcross(190, Cat(bytes.Repeat(Op(0x02, void), 1000), cond, Op(0x0e), U(1000), labels(1001), bytes.Repeat(Op(0x0b), 1000))),
		"br_table of 4000":            heldAcross(40, Cat(bytes.Repeat(Op(0x02, void), 40), cond, Op(0x0e), U(4000), bytes.Repeat(U(39), 4001), bytes.Repeat(Op(0x0b), 40))),
		"250 operands":                {Code: bytes.Repeat(Cat(bytes.Repeat(Cat(I32(0), Op(0x28, 2, 0)), 250), bytes.Repeat(Op(0x6a), 249), Op(0x1a)), 40)},
	}
}

// largest is the metered form of a trap library with as many such functions as
// are accepted, and how many those are.
func largest(f Func) (metered []byte, functions int) {
	p := wasmbin.TrapLibrary()
	low, high := 0, 12_000
	for low+1 < high {
		n := (low + high) / 2
		m := New()
		for range n {
			m.Funcs = append(m.Funcs, f)
		}
		m.TypeIndex("", "")
		var out []byte
		d, err := wasmbin.Read(m.Traps().Bytes(), &p)
		if err == nil {
			out, err = meter.Rewrite(d, meter.Limits{})
		}
		if err == nil {
			low, metered = n, out
		} else {
			high = n
		}
	}
	return metered, low
}

// TestWorstIsBounded: of the functions that once took seconds each, a module holds
// a few.
func TestWorstIsBounded(t *testing.T) {
	for name, most := range map[string]int{"1000 exits of a block": 1, "500 ifs in one another": 5, "31 times 32 loops": 1, "5700 exits, few locals": 1} {
		_, n := largest(worst()[name])
		require.Positive(t, n, name)
		require.LessOrEqual(t, n, most, name)
	}
}

// BenchmarkCompileWorst prints what wazero's compiler takes for the largest
// modules of each kind: milliseconds, and MiB that it allocates.
func BenchmarkCompileWorst(b *testing.B) {
	for name, f := range worst() {
		b.Run(name, func(b *testing.B) {
			metered, n := largest(f)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				rt := wazero.NewRuntime(context.Background())
				if _, err := rt.CompileModule(context.Background(), metered); err != nil {
					b.Fatal(err)
				}
				if err := rt.Close(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(n), "functions")
			b.ReportMetric(float64(len(metered))/1024, "KiB")
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/(1<<20), "MiB/op")
			b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/op")
		})
	}
}
