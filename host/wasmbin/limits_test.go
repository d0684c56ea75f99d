package wasmbin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// TestLimits builds each limit at n, accepted, and at n+1, refused by its rule.
func TestLimits(t *testing.T) {
	plain := func(change func(m *Module)) []byte {
		m := New().Traps()
		change(m)
		return m.Bytes()
	}
	ifs := func(n int) []byte { return repeat(n, Cat(I32(1), Op(0x04, 0x40, 0x0b))) }
	brTable := func(n int) []byte {
		return Cat(Op(0x02, 0x40), I32(0), Op(0x0e), U(uint64(n)), repeat(n+1, U(0)), Op(0x0b))
	}
	table := func(n int) []byte { return Cat(U(1), Op(0x70, 1), U(uint64(n)), U(uint64(n))) }
	rows := []struct {
		rule  wasmbin.Rule
		n     int
		build func(n int) []byte
	}{
		{wasmbin.RuleModuleSize, 1 << 20, func(n int) []byte {
			return plain(func(m *Module) {
				room := n - len(m.Bytes()) - 6 // section id, three bytes of size, a name of 1 byte
				m.Customs = [][]byte{Cat(Name("x"), make([]byte, room))}
			})
		}},
		{wasmbin.RuleTypes, 1000, func(n int) []byte {
			return plain(func(m *Module) {
				for len(m.Types) < n {
					m.Types = append(m.Types, Type{Params: "iIiI", Results: "i"})
				}
			})
		}},
		{wasmbin.RuleParams, 16, func(n int) []byte {
			return plain(func(m *Module) { m.Add("", strings.Repeat("i", n), "", "", nil) })
		}},
		{wasmbin.RuleResults, 4, func(n int) []byte {
			return plain(func(m *Module) { m.Add("", "", strings.Repeat("i", n), "", repeat(n, I32(1))) })
		}},
		{wasmbin.RuleImports, 32, func(n int) []byte {
			m := New()
			log := Cat(Name("qx1"), Name("log"), Op(0, 3))
			m.Imports = Cat(U(uint64(n)), repeat(n, log))
			return m.Imported(n).Traps().Bytes()
		}},
		{wasmbin.RuleFunctions, 10_000, func(n int) []byte {
			return plain(func(m *Module) {
				for len(m.Funcs) < n {
					m.Add("", "", "", "", nil)
				}
			})
		}},
		{wasmbin.RuleGlobals, 256, func(n int) []byte {
			return plain(func(m *Module) { m.Before[6] = Cat(U(uint64(n)), repeat(n, Cat(Op(0x7f, 1), I32(7), Op(0x0b)))) })
		}},
		{wasmbin.RuleExports, 64, func(n int) []byte {
			return plain(func(m *Module) {
				for i := 6; i < n; i++ {
					m.Exports[fmt.Sprint("f", i)] = Op(0, 5)
				}
			})
		}},
		{wasmbin.RuleTable, 16_384, func(n int) []byte { return plain(func(m *Module) { m.Before[4] = table(n) }) }},
		{wasmbin.RuleMemoryMax, 256, func(n int) []byte { return plain(func(m *Module) { m.Max = uint64(n) }) }},
		{wasmbin.RuleElem, 64, func(n int) []byte {
			return plain(func(m *Module) {
				m.Before[4] = table(4)
				m.Before[9] = Cat(U(uint64(n)), repeat(n, Cat(Op(0), I32(3), Op(0x0b), Vec(U(5)))))
			})
		}},
		{wasmbin.RuleElemBounds, 4, func(n int) []byte {
			return plain(func(m *Module) {
				m.Before[4] = table(4)
				m.Before[9] = Vec(Cat(Op(0), I32(int64(n)-1), Op(0x0b), Vec(U(5))))
			})
		}},
		{wasmbin.RuleData, 65_536, func(n int) []byte {
			return plain(func(m *Module) {
				m.Max, m.Min = 2, 2
				m.Before[11] = Cat(U(uint64(n)), repeat(n, Cat(Op(0), I32(0), Op(0x0b), U(1), Op(1))))
			})
		}},
		{wasmbin.RuleDataBounds, 65_536, func(n int) []byte {
			return plain(func(m *Module) { m.Before[11] = Vec(Cat(Op(0), I32(int64(n)-2), Op(0x0b), U(2), Op(1, 2))) })
		}},
		{wasmbin.RuleDataBounds, 65_536, func(n int) []byte { // total, each inside
			return plain(func(m *Module) {
				m.Before[11] = Vec(Cat(Op(0), I32(0), Op(0x0b), U(uint64(n)-10), make([]byte, n-10)), Cat(Op(0), I32(0), Op(0x0b), U(10), make([]byte, 10)))
			})
		}},
		{wasmbin.RuleBodySize, 64 << 10, func(n int) []byte { return withPlan(repeat(n-4, Op(0x01)), "") }}, // locals count, i32.const 0, end
		{wasmbin.RuleLocals, 256, func(n int) []byte { return withPlan(nil, strings.Repeat("i", n-100)+strings.Repeat("I", 100)) }},
		{wasmbin.RuleLocals, 256, func(n int) []byte { // parameters count
			return plain(func(m *Module) { m.Add("", "iiii", "", strings.Repeat("i", n-4), nil) })
		}},
		{wasmbin.RuleNesting, 1024, func(n int) []byte { return withPlan(nested(0x02, n), "") }},
		{wasmbin.RuleNesting, 1024, func(n int) []byte { return withPlan(nested(0x04, n), "") }},
		{wasmbin.RuleLoops, 32, func(n int) []byte {
			return withPlan(Cat(nested(0x03, 20), Op(0x02, 0x40), nested(0x03, n), Op(0x0b), nested(0x03, 20)), "")
		}},
		{wasmbin.RuleLoops, 32, func(n int) []byte { // with blocks between
			return withPlan(Cat(repeat(n, Op(0x03, 0x40, 0x02, 0x40)), repeat(2*n, Op(0x0b))), "")
		}},
		{wasmbin.RuleBlocks, 4096, func(n int) []byte { return withPlan(ifs(n), "") }},
		{wasmbin.RuleLocalsBlocks, 2000, func(n int) []byte { return withPlan(ifs(n), strings.Repeat("i", 100)) }},
		{wasmbin.RuleBrTable, 4096, func(n int) []byte { return withPlan(brTable(n), "") }},
		{wasmbin.RuleBrTable, 200, func(n int) []byte { // in all: n tables of 1000
			return plain(func(m *Module) {
				for range n {
					m.Add("", "", "", "", brTable(1000))
				}
			})
		}},
		{wasmbin.RuleUTF8, 256, func(n int) []byte {
			return plain(func(m *Module) { m.Exports[strings.Repeat("n", n)] = Op(0, 5) })
		}},
	}
	for i, row := range rows {
		t.Run(fmt.Sprint(i, " ", row.rule), func(t *testing.T) {
			_, rule := read(t, row.build(row.n))
			require.Empty(t, rule, "at the limit")
			_, rule = read(t, row.build(row.n+1))
			require.Equal(t, row.rule, rule, "above the limit")
		})
	}
}

func TestCompilerLimits(t *testing.T) {
	p := wasmbin.Compiler()
	for _, row := range []struct {
		rule wasmbin.Rule
		n    int
		edit func(m *Module, n int)
	}{
		{wasmbin.RuleMemoryMax, 4096, func(m *Module, n int) { m.Max = uint64(n) }},
		{wasmbin.RuleCustomSize, 1<<20 - 5, func(m *Module, n int) { m.Customs = [][]byte{Cat(Name("x"), make([]byte, n-1))} }},
		{wasmbin.RuleModuleSize, 120, func(m *Module, n int) {
			for range n {
				m.Add("", "", "", "", repeat(64_000, Op(0x01)))
			}
			if n > 120 {
				for range 20 {
					m.Add("", "", "", "", repeat(64_000, Op(0x01)))
				}
			}
		}},
	} {
		m := New().Compiler()
		row.edit(m, row.n)
		_, rule := readAs(t, m.Bytes(), &p)
		require.Empty(t, rule)
		m = New().Compiler()
		row.edit(m, row.n+1)
		_, rule = readAs(t, m.Bytes(), &p)
		require.Equal(t, row.rule, rule)
	}
	_, rule := readAs(t, New().Traps().Bytes(), &p)
	require.NotEmpty(t, rule, "a trap library is no compiler")
}
