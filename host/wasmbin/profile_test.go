package wasmbin_test

import (
	"fmt"
	"testing"

	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// TestOpcodes tries every opcode of one byte and of prefix 0xfc: allowed ones
// are exactly Core 1.0 integers, sign extension, memory.copy and memory.fill.
func TestOpcodes(t *testing.T) {
	// Immediates that make the allowed instructions complete; nothing checks types here.
	imm := map[int][]byte{0x02: Op(0x40, 0x0b), 0x03: Op(0x40, 0x0b), 0x04: Op(0x40, 0x0b), 0x0c: Op(0), 0x0d: Op(0), 0x0e: Op(0, 0), 0x10: Op(0), 0x11: Op(0, 0),
		0x20: Op(0), 0x21: Op(0), 0x22: Op(0), 0x23: Op(0), 0x24: Op(0), 0x3f: Op(0), 0x40: Op(0), 0x41: Op(0), 0x42: Op(0), 0xfc: Op(0)}
	for op := 0x28; op <= 0x3e; op++ {
		imm[op] = Op(0, 0)
	}
	denied := map[int]wasmbin.Rule{0x06: wasmbin.RuleOpException, 0x07: wasmbin.RuleOpException, 0x08: wasmbin.RuleOpException, 0x09: wasmbin.RuleOpException,
		0x0a: wasmbin.RuleOpException, 0x18: wasmbin.RuleOpException, 0x19: wasmbin.RuleOpException, 0x1f: wasmbin.RuleOpException,
		0x12: wasmbin.RuleOpTail, 0x13: wasmbin.RuleOpTail, 0x15: wasmbin.RuleOpTail, 0x14: wasmbin.RuleOpRef, 0x1c: wasmbin.RuleOpRef, 0xfb: wasmbin.RuleOpRef,
		0x25: wasmbin.RuleOpTable, 0x26: wasmbin.RuleOpTable, 0xfd: wasmbin.RuleOpSIMD, 0xfe: wasmbin.RuleOpThreads}
	float := func(first, last int) {
		for i := first; i <= last; i++ {
			denied[i] = wasmbin.RuleOpFloat
		}
	}
	float(0x2a, 0x2b) // loads
	float(0x38, 0x39) // stores
	float(0x43, 0x44) // constants
	float(0x5b, 0x66) // comparisons
	float(0x8b, 0xa6) // arithmetic
	float(0xa8, 0xab) // to i32
	float(0xae, 0xbf) // to and from i64, reinterpretation
	for i := 0xd0; i <= 0xd6; i++ {
		denied[i] = wasmbin.RuleOpRef
	}
	unknown := func(op int) bool {
		return op >= 0x16 && op <= 0x17 || op == 0x1d || op == 0x1e || op == 0x27 || op >= 0xc5 && op <= 0xcf || op >= 0xd7 && op <= 0xfa || op == 0xff
	}
	build := func(code []byte) []byte {
		m := New()
		m.Add("qx_plan", "", "i", "i", code)
		m.Before[4] = Cat(U(1), Op(0x70, 1, 1, 1))
		m.Before[6] = Vec(Cat(Op(0x7f, 1), I32(0), Op(0x0b)))
		return m.Traps().Bytes()
	}
	for op := range 256 {
		want := denied[op]
		switch {
		case unknown(op):
			want = wasmbin.RuleOpUnknown
		case op == 0x05 || op == 0x0b: // else without if; one end too many
			want = wasmbin.RuleBody
		case op == 0xfc: // 0xfc 0 below
			want = wasmbin.RuleOpFloat
		}
		_, rule := read(t, build(Cat(Op(byte(op)), imm[op])))
		require.Equal(t, want, rule, "opcode 0x%02x", op)
	}
	for sub := range 40 {
		want, tail := wasmbin.RuleOpUnknown, Op()
		switch {
		case sub < 8:
			want = wasmbin.RuleOpFloat
		case sub == 8 || sub == 9 || sub == 13:
			want = wasmbin.RuleOpBulk
		case sub == 10:
			want, tail = "", Op(0, 0)
		case sub == 11:
			want, tail = "", Op(0)
		case sub == 12 || sub >= 14 && sub <= 17:
			want = wasmbin.RuleOpTable
		}
		_, rule := read(t, build(Cat(Op(0xfc), U(uint64(sub)), tail)))
		require.Equal(t, want, rule, "opcode 0xfc %d", sub)
	}
}

func TestBodyRules(t *testing.T) {
	for name, row := range map[string]struct {
		code []byte
		rule wasmbin.Rule
	}{
		"local index":            {Cat(Get(1), Op(0x1a)), wasmbin.RuleIndex},
		"function index":         {Call(10), wasmbin.RuleIndex},
		"label":                  {Br(1), wasmbin.RuleIndex},
		"label of br_table":      {Op(0x0e, 1, 0, 1), wasmbin.RuleIndex},
		"default of br_table":    {Op(0x0e, 0, 2), wasmbin.RuleIndex},
		"global":                 {Op(0x23, 0), wasmbin.RuleIndex},
		"indirect without table": {Op(0x11, 0, 0), wasmbin.RuleIndex},
		"block type index":       {Cat(Op(0x02), U(40), Op(0x0b)), wasmbin.RuleIndex},
		"float block":            {Op(0x02, 0x7d, 0x0b), wasmbin.RuleValueType},
		"vector block":           {Op(0x02, 0x7b, 0x0b), wasmbin.RuleValueType},
		"alignment":              {Op(0x28, 3, 0), wasmbin.RuleForm},
		"memory 1":               {Op(0x3f, 1), wasmbin.RuleForm},
		"memory of copy":         {Op(0xfc, 10, 0, 1), wasmbin.RuleForm},
		"two elses":              {Op(0x04, 0x40, 0x05, 0x05, 0x0b), wasmbin.RuleBody},
		"else of a block":        {Op(0x02, 0x40, 0x05, 0x0b), wasmbin.RuleBody},
		"code behind the end":    {Op(0x0b, 0x01), wasmbin.RuleBody},
		"block without end":      {Op(0x02, 0x40), wasmbin.RuleTruncated},
		"multi-value block":      {Op(0x02, 0x00, 0x0b), ""},
		"local index in range":   {Cat(Get(0), Op(0x1a)), ""},
	} {
		_, rule := read(t, withPlan(row.code, "i"))
		require.Equal(t, row.rule, rule, name)
	}
	_, rule := read(t, withPlan(nil, "f"))
	require.Equal(t, wasmbin.RuleValueType, rule, "float local")
}

func TestImports(t *testing.T) {
	im := func(mod, name string, kind byte, params, results string) []byte {
		m := New()
		m.Imports = Vec(Cat(Name(mod), Name(name), Op(kind), U(uint64(m.TypeIndex(params, results)))))
		return m.Imported(1).Traps().Bytes()
	}
	for _, row := range []struct {
		b    []byte
		rule wasmbin.Rule
	}{
		{New().WithoutImports().Traps().Bytes(), ""}, // each import is optional
		{im("qx1", "in_len", 0, "i", "I"), ""}, {im("qx1", "in_read", 0, "iIii", "i"), ""}, {im("qx1", "out_write", 0, "iii", "i"), ""},
		{im("qx1", "fail", 0, "iii", ""), ""}, {im("qx1", "log", 0, "iii", ""), ""},
		{im("qx1", "in_len", 0, "i", "i"), wasmbin.RuleImport}, {im("qx1", "in_read", 0, "iIi", "i"), wasmbin.RuleImport}, {im("qx1", "log", 0, "iii", "i"), wasmbin.RuleImport},
		{im("qx2", "in_len", 0, "i", "I"), wasmbin.RuleImport}, {im("env", "in_len", 0, "i", "I"), wasmbin.RuleImport}, {im("qx1", "prf", 0, "iIii", "i"), wasmbin.RuleImport},
		{im("wasi_snapshot_preview1", "random_get", 0, "ii", "i"), wasmbin.RuleImport},
		{im("qx1", "in_len", 1, "i", "I"), wasmbin.RuleImport}, {im("qx1", "in_len", 2, "i", "I"), wasmbin.RuleImport}, {im("qx1", "in_len", 3, "i", "I"), wasmbin.RuleImport},
		{im("qx1", "in_len", 0, "f", "I"), wasmbin.RuleValueType},
	} {
		_, rule := read(t, row.b)
		require.Equal(t, row.rule, rule, "%q", row.b[:60])
	}
}

func TestExports(t *testing.T) {
	names := []string{"qx_abi_1", "qx_describe", "qx_plan", "qx_generate", "qx_judge"}
	for _, name := range names { // each one missing, then with another type, then as a memory
		m := New().Traps()
		for i := range m.Funcs {
			if m.Funcs[i].Export == name {
				m.Funcs[i].Export = "other"
			}
		}
		_, rule := read(t, m.Bytes())
		require.Equal(t, wasmbin.RuleExportMissing, rule, name)
		m = New()
		m.Add(name, "iiI", "i", "", I32(0))
		_, rule = read(t, m.Traps().Bytes())
		require.Equal(t, wasmbin.RuleExportType, rule, name)
	}
	for i, row := range []struct {
		edit func(m *Module)
		rule wasmbin.Rule
	}{
		{func(m *Module) { m.Add("qx_audit", "i", "i", "", I32(0)) }, ""},
		{func(m *Module) { m.Add("qx_audit", "iiI", "i", "", I32(0)) }, wasmbin.RuleExportType},
		{func(m *Module) { m.Add("anything", "", "", "", nil) }, ""},
		{func(m *Module) { m.Add("qx_gen", "", "i", "", I32(0)) }, wasmbin.RuleExportReserved},
		{func(m *Module) { m.Add("qx_compile", "", "i", "", I32(0)) }, wasmbin.RuleExportReserved},
		{func(m *Module) { m.Add("__fuel", "", "i", "", I32(0)) }, wasmbin.RuleExportReserved},
		{func(m *Module) { m.Add("__depth", "", "i", "", I32(0)) }, wasmbin.RuleExportReserved},
		{func(m *Module) { m.Add("__qx_anything", "", "i", "", I32(0)) }, wasmbin.RuleExportReserved},
		{func(m *Module) { m.Add("_initialize", "", "", "", nil) }, wasmbin.RuleExportReserved},
		{func(m *Module) { m.Add("_start", "", "", "", nil) }, wasmbin.RuleExportReserved},
		{func(m *Module) { m.Add("memory", "", "", "", nil) }, wasmbin.RuleExportTwice},
		{func(m *Module) { m.Exports["mem2"] = Op(2, 0) }, wasmbin.RuleExportKind},
		{func(m *Module) { m.Exports["f"] = Op(0, 40) }, wasmbin.RuleExportKind},
		{func(m *Module) { m.Exports["g"] = Op(3, 0) }, wasmbin.RuleExportKind},
		{func(m *Module) { m.Exports["t"] = Op(1, 0); m.Before[4] = Cat(U(1), Op(0x70, 1, 1, 1)) }, wasmbin.RuleExportKind},
		{func(m *Module) { m.Exports["x"] = Op(4, 0) }, wasmbin.RuleExportKind},
		{func(m *Module) {
			m.Exports["qx_audit"] = Op(3, 0)
			m.Before[6] = Vec(Cat(Op(0x7f, 0), I32(0), Op(0x0b)))
		}, wasmbin.RuleExportType},
		{func(m *Module) { m.Exports["\xff"] = Op(0, 5) }, wasmbin.RuleUTF8},
		{func(m *Module) { m.Before[8] = U(5) }, wasmbin.RuleStart},
		{func(m *Module) { delete(m.Before, 5); m.Before[7] = Vec(Cat(Name("qx_plan"), Op(0, 5))) }, wasmbin.RuleExportMissing},
	} {
		m := New().Traps()
		row.edit(m)
		_, rule := read(t, m.Bytes())
		require.Equal(t, row.rule, rule, fmt.Sprint(i))
	}
}

func TestMemoryTableSegments(t *testing.T) {
	raw := func(id byte, content []byte) func(m *Module) { return func(m *Module) { m.Before[id] = content } }
	one := func(seg []byte) func(m *Module) { return raw(11, Vec(seg)) }
	elem := func(seg []byte) func(m *Module) {
		return func(m *Module) { m.Before[4], m.Before[9] = Cat(U(1), Op(0x70, 1, 4, 4)), Vec(seg) }
	}
	for i, row := range []struct {
		edit func(m *Module)
		rule wasmbin.Rule
	}{
		{raw(5, Op(0)), wasmbin.RuleExportKind}, // no memory: its export points nowhere
		{raw(5, Cat(U(2), Op(1, 1, 1), Op(1, 1, 1))), wasmbin.RuleMemory},
		{raw(5, Cat(U(1), Op(0, 1))), wasmbin.RuleMemoryMax},
		{raw(5, Cat(U(1), Op(3, 1, 1))), wasmbin.RuleMemory},      // shared
		{raw(5, Cat(U(1), Op(5, 1, 1))), wasmbin.RuleMemory},      // 64-bit
		{raw(5, Cat(U(1), Op(9, 1, 1, 0))), wasmbin.RuleMemory},   // page size
		{raw(5, Cat(U(1), Op(1, 2, 1))), wasmbin.RuleMemory},      // min above max
		{raw(5, Cat(U(1), Op(1, 0, 0))), wasmbin.RuleMemory},      // nothing at all
		{raw(4, Cat(U(1), Op(0x6f, 1, 1, 1))), wasmbin.RuleTable}, // externref
		{raw(4, Cat(U(1), Op(0x70, 0, 1, 0))), wasmbin.RuleTable}, // no maximum
		{raw(4, Cat(U(1), Op(0x70, 1, 1, 2))), wasmbin.RuleTable}, // grows
		{raw(4, Cat(U(2), Op(0x70, 1, 1, 1), Op(0x70, 1, 1, 1))), wasmbin.RuleTable},
		{one(Cat(Op(0), I32(0), Op(0x0b), Name("x"))), ""},
		{one(Cat(Op(1), Name("passive"))), wasmbin.RuleData},
		{one(Cat(Op(2, 0), I32(0), Op(0x0b), Name("x"))), wasmbin.RuleData},
		{one(Cat(Op(0), I32(-1), Op(0x0b), Name("x"))), wasmbin.RuleDataBounds},
		{one(Cat(Op(0), I64(0), Op(0x0b), Name("x"))), wasmbin.RuleInitExpr},
		{one(Cat(Op(0), Op(0x23, 0), Op(0x0b), Name("x"))), wasmbin.RuleInitExpr},
		{one(Cat(Op(0), I32(0), I32(0), Op(0x6a, 0x0b), Name("x"))), wasmbin.RuleInitExpr}, // extended constant
		{raw(12, U(1)), wasmbin.RuleDataCount},
		{elem(Cat(Op(0), I32(0), Op(0x0b), Vec(U(5)))), ""},
		{elem(Cat(Op(1), Op(0), Vec(U(5)), Op(0, 0))), wasmbin.RuleElem},
		{elem(Cat(Op(3), Op(0), Vec(U(5)), Op(0, 0))), wasmbin.RuleElem},
		{elem(Cat(Op(4), I32(0), Op(0x0b), Vec(Op(0xd2, 5, 0x0b)))), wasmbin.RuleElem},
		{elem(Cat(Op(0), I32(0), Op(0x0b), Vec(U(99)))), wasmbin.RuleIndex},
		{func(m *Module) { m.Before[9] = Vec(Cat(Op(0), I32(0), Op(0x0b), Vec(U(5)))) }, wasmbin.RuleElem},
		{raw(6, Vec(Cat(Op(0x7d, 0), Op(0x43, 0, 0, 0, 0), Op(0x0b)))), wasmbin.RuleValueType},
		{raw(6, Vec(Cat(Op(0x7f, 2), I32(0), Op(0x0b)))), wasmbin.RuleForm},
		{raw(1, Vec(Op(0x5f, 0, 0))), wasmbin.RuleForm}, // struct type
		{raw(1, Vec(Op(0x60, 1, 0x7b, 0))), wasmbin.RuleValueType},
		{raw(3, Vec(U(5), U(5), U(6), U(5), U(5), U(5))), wasmbin.RuleFuncCode},
		{raw(10, Vec()), wasmbin.RuleFuncCode},
	} {
		m := New().Traps()
		row.edit(m)
		_, rule := read(t, m.Bytes())
		require.Equal(t, row.rule, rule, fmt.Sprint(i))
	}
}
