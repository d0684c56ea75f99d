package wasmbin_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// read reads with the profile of trap libraries and returns the rule.
func read(t testing.TB, b []byte) (*wasmbin.Module, wasmbin.Rule) {
	t.Helper()
	p := wasmbin.TrapLibrary()
	return readAs(t, b, &p)
}

func readAs(t testing.TB, b []byte, p *wasmbin.Profile) (*wasmbin.Module, wasmbin.Rule) {
	t.Helper()
	m, err := wasmbin.Read(b, p)
	if err == nil {
		return m, ""
	}
	var rej *wasmbin.Rejected
	require.True(t, errors.As(err, &rej), "%v", err)
	require.NotEmpty(t, rej.Detail)
	require.GreaterOrEqual(t, rej.Offset, 0)
	require.LessOrEqual(t, rej.Offset, len(b))
	return nil, rej.Rule
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return b.TotalAlloc - a.TotalAlloc
}

func repeat(n int, b []byte) []byte {
	out := make([]byte, 0, n*len(b))
	for range n {
		out = append(out, b...)
	}
	return out
}

// withPlan is a trap library whose qx_plan has the given code and locals.
func withPlan(code []byte, locals string) []byte {
	m := New()
	m.Add("qx_plan", "", "i", locals, Cat(code, I32(0)))
	return m.Traps().Bytes()
}

func nested(open byte, n int) []byte {
	one := Op(open, 0x40)
	if open == 0x04 {
		one = Cat(I32(1), one)
	}
	return Cat(repeat(n, one), repeat(n, Op(0x0b)))
}

// rawFunc is a module of one function whose body is given as bytes, without size.
func rawFunc(body []byte) []byte {
	return Cat([]byte(Header), Section(1, Vec(Type{}.Bytes())), Section(3, Vec(U(0))), Section(10, Vec(Cat(U(uint64(len(body))), body))))
}

// TestHostile builds the modules that are known to exhaust or stall engines: each
// must be refused by the rule named, with little memory.
func TestHostile(t *testing.T) {
	for _, row := range hostile() {
		t.Run(row.name, func(t *testing.T) {
			p := wasmbin.TrapLibrary()
			var err error
			n := allocated(func() { _, err = wasmbin.Read(row.bytes, &p) })
			var rej *wasmbin.Rejected
			require.ErrorAs(t, err, &rej)
			require.Equal(t, row.rule, rej.Rule, "%v", err)
			require.Less(t, n, uint64(1<<20), "bytes allocated")
		})
	}
	// Self-recursion is a well-formed module; the depth budget bounds it.
	m := New()
	m.Add("qx_plan", "", "i", "", Call(firstOwn))
	_, rule := read(t, m.Traps().Bytes())
	require.Empty(t, rule)
}

// BenchmarkHostile prints how long each refusal takes.
func BenchmarkHostile(b *testing.B) {
	p := wasmbin.TrapLibrary()
	for _, row := range hostile() {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wasmbin.Read(row.bytes, &p); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

// hostileRow is a module that must be refused.
type hostileRow struct {
	name  string
	bytes []byte
	rule  wasmbin.Rule
}

func hostile() []hostileRow {
	huge := U(1<<31 - 1)
	funcs := func(n int, locals string) []byte {
		m := New()
		for range n {
			m.Add("", "", "", locals, nil)
		}
		return m.Traps().Bytes()
	}
	table := Cat(I32(0), Op(0x0e), U(100_000), repeat(100_001, U(0)))
	return []hostileRow{
		{"data count 2^31-1", Cat([]byte(Header), Section(12, huge)), wasmbin.RuleDataCount},
		{"data segments 2^31-1", Cat([]byte(Header), Section(11, huge)), wasmbin.RuleCount},
		{"elem count 2^31-1", Cat([]byte(Header), Section(9, Cat(huge, Op(0)))), wasmbin.RuleCount},
		{"function count 2^32-1", Cat([]byte(Header), Section(3, U(1<<32-1))), wasmbin.RuleCount},
		{"type count 2^32-1", Cat([]byte(Header), Section(1, U(1<<32-1))), wasmbin.RuleCount},
		{"code count 2^32-1", Cat([]byte(Header), Section(10, U(1<<32-1))), wasmbin.RuleCount},
		{"4 G locals", rawFunc(Cat(U(1), U(1<<32-1), Op(0x7f, 0x0b))), wasmbin.RuleLocals},
		{"4 G locals in two runs", rawFunc(Cat(U(2), U(1<<31), Op(0x7f), U(1<<31), Op(0x7e, 0x0b))), wasmbin.RuleLocals},
		{"100 M locals", rawFunc(Cat(U(1), U(100_000_000), Op(0x7f, 0x0b))), wasmbin.RuleLocals},
		{"2000 functions of 50 k locals", funcs(2000, string(repeat(50_000, []byte("i")))), wasmbin.RuleLocals},
		{"100 k nested blocks", withPlan(nested(0x02, 100_000), ""), wasmbin.RuleBodySize},
		{"50 k nested ifs", withPlan(nested(0x04, 50_000), ""), wasmbin.RuleBodySize},
		{"16 k nested blocks", withPlan(nested(0x02, 16_000), ""), wasmbin.RuleNesting},
		{"8 br_tables of 100 k", withPlan(repeat(8, table), ""), wasmbin.RuleBodySize},
		{"br_table of 50 k", withPlan(Cat(I32(0), Op(0x0e), U(50_000), repeat(50_001, U(0))), ""), wasmbin.RuleBrTable},
		{"1000 locals and 20 k ifs", withPlan(repeat(20_000, Cat(I32(1), Op(0x04, 0x40, 0x0b))), string(repeat(1000, []byte("I")))), wasmbin.RuleBodySize},
		{"1000 locals and 9 k ifs", withPlan(repeat(9_000, Cat(I32(1), Op(0x04, 0x40, 0x0b))), string(repeat(1000, []byte("I")))), wasmbin.RuleLocals},
		{"250 locals and 4 k ifs", withPlan(repeat(4_000, Cat(I32(1), Op(0x04, 0x40, 0x0b))), string(repeat(250, []byte("I")))), wasmbin.RuleLocalsBlocks},
		{"150 k empty functions", funcs(150_000, ""), wasmbin.RuleFunctions},
		{"300 k empty functions", funcs(300_000, ""), wasmbin.RuleModuleSize},
		{"grown memory without maximum", bareMemory(Op(0), U(1)), wasmbin.RuleMemoryMax},
		{"grown memory of 64 MiB", bareMemory(Op(1), U(1), U(1024)), wasmbin.RuleMemoryMax},
		{"20 bytes of nonsense", []byte("this is not a module"), wasmbin.RuleHeader},
		{"nothing", nil, wasmbin.RuleHeader},
	}
}

const firstOwn = Log + 1

func bareMemory(parts ...[]byte) []byte {
	m := New()
	m.Before[5] = Cat(U(1), Cat(parts...))
	return m.Traps().Bytes()
}

// TestLargestModule: large modules that the limits let through stay inside the
// memory bound of the reader.
func TestLargestModule(t *testing.T) {
	build := func(bodies int) *Module {
		m := New()
		m.Min, m.Max = 16, 16
		segment := Cat(Op(0), I32(0), Op(0x0b), U(1), Op(1))
		m.Before[11] = Cat(U(65_536), repeat(65_536, segment))
		for range 9_000 {
			m.Add("", "", "", "", nil)
		}
		for range bodies {
			m.Add("", "", "", "", repeat(64_000, Op(0x01)))
		}
		return m
	}
	traps, compiler := wasmbin.TrapLibrary(), wasmbin.Compiler()
	for _, row := range []struct {
		p *wasmbin.Profile
		b []byte
	}{{&traps, build(9).Traps().Bytes()}, {&compiler, build(120).Compiler().Bytes()}} {
		require.Greater(t, len(row.b), row.p.Limits.ModuleBytes*9/10)
		var rule wasmbin.Rule
		n := allocated(func() { _, rule = readAs(t, row.b, row.p) })
		require.Empty(t, rule)
		require.Less(t, n, uint64(32<<20), "bytes allocated")
	}
}
