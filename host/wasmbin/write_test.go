package wasmbin_test

import (
	"bytes"
	"testing"

	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// rewrite encodes a module with its own bodies and segments.
func rewrite(m *wasmbin.Module) []byte {
	var bodies [][]byte
	for i := range m.Bodies {
		bodies = append(bodies, m.Bytes[m.Bodies[i].Start:m.Bodies[i].End])
	}
	var elems [][]uint32
	for i := range m.Elems {
		elems = append(elems, m.Functions(&m.Elems[i]))
	}
	return m.Encode(bodies, elems)
}

// TestEncodeInvertsRead: without custom sections and data count, byte for byte.
func TestEncodeInvertsRead(t *testing.T) {
	m, rule := read(t, sample())
	require.Empty(t, rule)
	want := []byte(Header)
	for _, s := range m.Sections {
		if s.ID != 0 && s.ID != 12 {
			want = append(want, m.Bytes[s.Header:s.End]...)
		}
	}
	require.Equal(t, want, rewrite(m))
	again, rule := read(t, rewrite(m))
	require.Empty(t, rule)
	require.Equal(t, want, rewrite(again))
}

// TestParts: what the accessors of a writer say about the sample.
func TestParts(t *testing.T) {
	m, _ := read(t, sample())
	require.Equal(t, []wasmbin.ValueType{wasmbin.I32, wasmbin.I32, wasmbin.I64}, m.LocalTypes(&m.Bodies[0]))
	require.Equal(t, m.Bytes[m.Bodies[0].Start:m.Bodies[0].Code], wasmbin.AppendLocals(nil, m.LocalTypes(&m.Bodies[0])))
	require.Equal(t, []uint32{firstOwn}, m.Functions(&m.Elems[0]))
	require.NoError(t, m.Walk(&m.Bodies[0], func(in *wasmbin.Instr) error {
		if in.Op == wasmbin.OpBrTable {
			require.Equal(t, []uint32{0, 1}, m.Labels(in))
		}
		return nil
	}))
	require.Equal(t, []byte{0x20, 0xfc, 0x0b}, wasmbin.AppendOp(wasmbin.AppendOp(nil, wasmbin.OpLocalGet), wasmbin.OpMemoryFill))
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, 1 << 40, -1 << 63, 1<<63 - 1} {
		require.Equal(t, S(v), wasmbin.AppendSigned(nil, v))
		require.Equal(t, U(uint64(v)), wasmbin.AppendUnsigned(nil, uint64(v)))
	}
}

// floatSample uses every way that floats enter a module.
func floatSample() []byte {
	m := New()
	m.Add("f", "fF", "f", "fF", Cat(Get(0), Op(0x02, 0x7d, 0x43, 0, 0, 0xc0, 0x7f, 0x0b, 0x92), Op(0x02, 0x7c, 0x44, 1, 2, 3, 4, 5, 6, 7, 8, 0x0b, 0x1a),
		I32(0), Op(0x2b, 3, 0, 0xfc, 0x07, 0x1a)))
	m.Before[6] = Vec(Cat(Op(0x7d, 1, 0x43, 1, 2, 3, 4), Op(0x0b)), Cat(Op(0x7c, 0, 0x44, 1, 2, 3, 4, 5, 6, 7, 0x80), Op(0x0b)))
	return m.Traps().Bytes()
}

// TestFloats: refused by the profiles as they are, decoded and encoded where a
// profile allows them.
func TestFloats(t *testing.T) {
	b := floatSample()
	_, rule := read(t, b)
	require.Equal(t, wasmbin.RuleValueType, rule)
	p := wasmbin.TrapLibrary()
	p.Floats = true
	m, rule := readAs(t, b, &p)
	require.Empty(t, rule)
	require.Equal(t, []wasmbin.Global{{Type: wasmbin.F32, Mutable: true, Init: 0x04030201}, {Type: wasmbin.F64, Init: -0x7ff8f9fafbfcfdff}}, m.Globals)
	require.Equal(t, "f32 f64", m.Globals[0].Type.String()+" "+m.Globals[1].Type.String())
	require.Equal(t, []wasmbin.ValueType{wasmbin.F32, wasmbin.F64}, m.LocalTypes(&m.Bodies[0]))
	require.True(t, bytes.Equal(b, rewrite(m)))
	for _, op := range []byte{0x2a, 0x2b, 0x38, 0x39} { // alignment above natural
		bad := New()
		bad.Add("f", "", "", "", Cat(I32(0), Op(op, 4, 0)))
		_, rule := readAs(t, bad.Traps().Bytes(), &p)
		require.Equal(t, wasmbin.RuleForm, rule)
	}
	for op := 0x5b; op <= 0xbf; op++ { // no other opcode became allowed
		m := New()
		m.Add("f", "", "", "", Op(byte(op)))
		_, rule := readAs(t, m.Traps().Bytes(), &p)
		require.Empty(t, rule, "%#x", op)
	}
}

// TestHostGlobals: a mutable global may be exported under the names that the
// profile gives to a rewriter, and no other.
func TestHostGlobals(t *testing.T) {
	build := func(name string) []byte {
		m := New().Traps()
		m.Before[6] = Vec(Cat(Op(0x7e, 1), I64(0), Op(0x0b)))
		m.Exports[name] = Op(3, 0)
		return m.Bytes()
	}
	p := wasmbin.TrapLibrary()
	p.HostGlobals = []string{"__meter_fuel"}
	for name, want := range map[string]wasmbin.Rule{"__meter_fuel": "", "__meter_other": wasmbin.RuleExportKind, "plain": wasmbin.RuleExportKind} {
		_, rule := readAs(t, build(name), &p)
		require.Equal(t, want, rule, name)
	}
	_, rule := read(t, build("__meter_fuel"))
	require.NotEmpty(t, rule)
}

// FuzzEncode: what Read accepts, floats included, Encode writes so that Read
// accepts it again and Encode writes the same bytes.
func FuzzEncode(f *testing.F) {
	f.Add(sample())
	f.Add(floatSample())
	f.Fuzz(func(t *testing.T, b []byte) {
		p := wasmbin.TrapLibrary()
		p.Floats = true
		m, err := wasmbin.Read(b, &p)
		if err != nil {
			return
		}
		out := rewrite(m)
		again, err := wasmbin.Read(out, &p)
		require.NoError(t, err)
		require.Equal(t, out, rewrite(again))
		for i := range m.Bodies {
			require.Len(t, m.LocalTypes(&m.Bodies[i]), int(m.Bodies[i].Locals))
		}
	})
}
