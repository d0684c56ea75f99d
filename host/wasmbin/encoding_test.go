package wasmbin_test

import (
	"bytes"
	"testing"

	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// sample has every section that the profile allows.
func sample() []byte {
	m := New()
	f := m.Add("", "iI", "iI", "iiI", Cat(
		Op(0x02, 0x40), Get(0), BrIf(0), Op(0x03, 0x40), I32(0), Op(0x0e, 1, 0, 1), Op(0x0b, 0x0b),
		Get(0), Op(0x04, 0x7f), I32(-70), Op(0x05), I32(1<<31-1), Op(0x0b), I64(-1<<63)))
	m.Add("helper", "", "", "", Cat(
		I32(0), Op(0x28, 2), U(300), Op(0x1a), I32(0), I32(1), I32(2), Op(0xfc, 0x0a, 0, 0), I32(0), I32(1), I32(2), Op(0xfc, 0x0b, 0),
		Op(0x3f, 0), Op(0x40, 0), Op(0x1a), Op(0x23, 0), Op(0x24, 0), I32(1), I64(2), I32(0), Op(0x11), U(uint64(m.TypeIndex("iI", "iI"))), Op(0), Op(0x1a, 0x1a)))
	m.Traps()
	m.Before[4] = Cat(U(1), Op(0x70, 1, 2, 2))
	m.Before[6] = Vec(Cat(Op(0x7f, 1), I32(1024), Op(0x0b)), Cat(Op(0x7e, 0), I64(-5), Op(0x0b)))
	m.Before[9] = Vec(Cat(Op(0), I32(1), Op(0x0b), Vec(U(uint64(f)))))
	m.Before[12] = U(2)
	m.Before[11] = Vec(Cat(Op(0), I32(16), Op(0x0b), Name("hello")), Cat(Op(0), I32(60_000), Op(0x0b), Name("")))
	m.Exports["base"] = Op(3, 1)
	m.Customs = [][]byte{Cat(Name("name"), []byte("debug")), Name("producers")}
	return m.Bytes()
}

func TestReadDecodes(t *testing.T) {
	b := sample()
	m, rule := read(t, b)
	require.Empty(t, rule)
	require.Len(t, m.Imports, 5)
	require.Equal(t, wasmbin.Memory{Min: 1, Max: 1}, m.Memory)
	require.Equal(t, uint32(2), m.Table)
	require.Equal(t, []wasmbin.Global{{Type: wasmbin.I32, Mutable: true, Init: 1024}, {Type: wasmbin.I64, Init: -5}}, m.Globals)
	require.Equal(t, uint32(16), m.Data[0].Offset)
	require.Equal(t, "hello", string(b[m.Data[0].Start:m.Data[0].End]))
	require.Equal(t, wasmbin.Elem{Offset: 1, Count: 1, Range: m.Elems[0].Range}, m.Elems[0])
	f := m.Bodies[0]
	require.Equal(t, [4]uint32{3, 3, 2, 1}, [4]uint32{f.Locals, f.Blocks, f.Nesting, f.BrTargets})
	var ops []wasmbin.Opcode
	at := f.Code
	require.NoError(t, m.Walk(&f, func(in *wasmbin.Instr) error {
		require.Equal(t, at, in.Start, "instructions are contiguous")
		at = in.End
		ops = append(ops, in.Op)
		return nil
	}))
	require.Equal(t, f.End, at)
	require.Equal(t, []wasmbin.Opcode{wasmbin.OpBlock, wasmbin.OpLocalGet, wasmbin.OpBrIf, wasmbin.OpLoop, wasmbin.OpI32Const, wasmbin.OpBrTable, wasmbin.OpEnd,
		wasmbin.OpEnd, wasmbin.OpLocalGet, wasmbin.OpIf, wasmbin.OpI32Const, wasmbin.OpElse, wasmbin.OpI32Const, wasmbin.OpEnd, wasmbin.OpI64Const, wasmbin.OpEnd}, ops)
}

// TestStrip: custom sections go, wherever they are, and nothing else changes.
func TestStrip(t *testing.T) {
	b := sample()
	m, rule := read(t, b)
	require.Empty(t, rule)
	stripped := m.Strip()
	require.True(t, bytes.HasPrefix(b, stripped), "the sample's custom sections are at the end")
	again, rule := read(t, stripped)
	require.Empty(t, rule)
	require.Equal(t, stripped, again.Strip())
	custom := Section(0, Name("x"))
	for i := range again.Sections {
		at := again.Sections[i].Header
		with, rule := read(t, Cat(stripped[:at], custom, custom, stripped[at:]))
		require.Empty(t, rule)
		require.Equal(t, stripped, with.Strip())
	}
}

// TestTruncation cuts the sample at every byte, and also re-frames each section
// cut at every byte of its content.
func TestTruncation(t *testing.T) {
	b := sample()
	m, _ := read(t, b)
	ends := map[int]bool{}
	for _, s := range m.Sections {
		if s.ID == 0 {
			ends[s.Header] = true // custom sections at the end may go
		}
	}
	for n := range b {
		_, rule := read(t, b[:n])
		require.Equal(t, ends[n], rule == "", "cut at %d: rule %q", n, rule)
	}
	for _, s := range m.Sections {
		for n := s.Start; n < s.End; n++ {
			if s.ID == 0 && n > s.Start+int(b[s.Start]) {
				continue // a custom section's payload may have any length
			}
			cut := Cat(b[:s.Header], Section(s.ID, b[s.Start:n]), b[s.End:])
			_, rule := read(t, cut)
			require.NotEmpty(t, rule, "section %d cut at %d", s.ID, n-s.Start)
		}
		longer := Cat(b[:s.Header], Section(s.ID, Cat(b[s.Start:s.End], Op(0))), b[s.End:])
		_, rule := read(t, longer)
		if s.ID != 0 {
			require.Equal(t, wasmbin.RuleSectionLength, rule, "section %d with a byte more", s.ID)
		}
	}
}

// TestBitFlips: no flip makes the reader panic, and what it accepts reads back.
func TestBitFlips(t *testing.T) {
	b := sample()
	p := wasmbin.TrapLibrary()
	for i := range b {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[i] ^= 1 << bit
			if m, err := wasmbin.Read(c, &p); err == nil {
				_, err = wasmbin.Read(m.Strip(), &p)
				require.NoError(t, err)
			}
		}
	}
}

func TestSections(t *testing.T) {
	b := sample()
	m, _ := read(t, b)
	piece := func(i int) []byte { return b[m.Sections[i].Header:m.Sections[i].End] }
	n := len(m.Sections) - 2 // without custom sections
	for i := range n {
		twice := Cat(b[:m.Sections[i].End], piece(i), b[m.Sections[i].End:])
		_, rule := read(t, twice)
		require.Equal(t, wasmbin.RuleSectionOrder, rule, "section %d twice", m.Sections[i].ID)
		if i+1 < n {
			swapped := Cat(b[:m.Sections[i].Header], piece(i+1), piece(i), b[m.Sections[i+1].End:])
			_, rule = read(t, swapped)
			require.NotEmpty(t, rule, "section %d behind %d", m.Sections[i].ID, m.Sections[i+1].ID)
		}
	}
	for _, id := range []byte{13, 14, 127, 255} {
		_, rule := read(t, Cat(b, Section(id, nil)))
		require.Equal(t, wasmbin.RuleSectionID, rule)
	}
	_, rule := read(t, Cat(b, Op(0), U(5), Op(1)))
	require.Equal(t, wasmbin.RuleSectionLength, rule)
}

// TestLEB feeds integers through a constant: value and width by instruction.
func TestLEB(t *testing.T) {
	for _, row := range []struct {
		op   byte
		leb  []byte
		rule wasmbin.Rule
	}{
		{0x41, Op(0x7f), ""}, {0x41, Op(0x80, 0x7f), ""}, {0x41, Op(0xff, 0xff, 0xff, 0xff, 0x07), ""}, {0x41, Op(0x80, 0x80, 0x80, 0x80, 0x78), ""},
		{0x41, Op(0xff, 0x7f), wasmbin.RuleLEB}, {0x41, Op(0x80, 0x00), wasmbin.RuleLEB}, {0x41, Op(0xff, 0x00), ""}, {0x41, Op(0x81, 0x80, 0x80, 0x80, 0x00), wasmbin.RuleLEB},
		{0x41, Op(0xff, 0xff, 0xff, 0xff, 0x0f), wasmbin.RuleLEB}, {0x41, Op(0x80, 0x80, 0x80, 0x80, 0x70), wasmbin.RuleLEB}, {0x41, Op(0x80, 0x80, 0x80, 0x80, 0x80, 0x00), wasmbin.RuleLEB},
		{0x42, Op(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f), ""}, {0x42, Op(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00), ""},
		{0x42, Op(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), wasmbin.RuleLEB}, {0x42, Op(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), wasmbin.RuleLEB},
		{0x42, Op(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00), wasmbin.RuleLEB},
		{0x10, Op(0x84, 0x00), wasmbin.RuleLEB}, {0x10, Op(0x84, 0x80, 0x80, 0x80, 0x10), wasmbin.RuleLEB}, {0x10, Op(0x84, 0x80, 0x80, 0x80, 0x80, 0x00), wasmbin.RuleLEB},
	} {
		b := withPlan(Cat(Op(row.op), row.leb, Op(0x1a)), "")
		_, rule := read(t, b)
		require.Equal(t, row.rule, rule, "%x % x", row.op, row.leb)
	}
	m := New().Traps().Bytes()
	require.Equal(t, byte(1), m[8])
	padded := Cat(m[:9], Op(m[9]|0x80, 0x00), m[10:]) // size of the type section in two bytes
	_, rule := read(t, padded)
	require.Equal(t, wasmbin.RuleLEB, rule)
}

// TestConstants: the reader's signed integers are those that were written.
func TestConstants(t *testing.T) {
	var want []int64
	var code []byte
	for shift := range 64 {
		for _, v := range []int64{1<<shift - 1, 1 << shift, -1 << shift, -1<<shift - 1} {
			want = append(want, v)
			code = append(code, Cat(I64(v), Op(0x1a))...)
		}
	}
	m, rule := read(t, withPlan(code, ""))
	require.Empty(t, rule)
	var got []int64
	plan, _ := m.Export("qx_plan")
	require.NoError(t, m.Walk(&m.Bodies[plan.Index-5], func(in *wasmbin.Instr) error {
		if in.Op == wasmbin.OpI64Const {
			got = append(got, int64(in.A))
		}
		return nil
	}))
	require.Equal(t, want, got)
}

// TestCounts puts counts that do not fit into every vector, among them those whose
// product with an item's size overflows 32 bits: each is refused before anything
// of that size is allocated.
func TestCounts(t *testing.T) {
	b := sample()
	m, _ := read(t, b)
	for _, s := range m.Sections {
		if s.ID == 0 {
			continue
		}
		for _, n := range []uint64{1 << 16, 1<<31 - 1, 1 << 31, 0x33333334, 0x55555556, 0xaaaaaaab, 1<<32 - 1} {
			count := Cat(b[:s.Header], Section(s.ID, Cat(U(n), b[s.Start+1:s.End])), b[s.End:])
			var rule wasmbin.Rule
			size := allocated(func() { _, rule = read(t, count) })
			require.NotEmpty(t, rule, "section %d with %d items", s.ID, n)
			require.Less(t, size, uint64(1<<20), "section %d with %d items", s.ID, n)
		}
	}
	for name, code := range map[string][]byte{"br_table": Cat(I32(0), Op(0x0e), U(1<<32-1)), "br_table, fewer": Cat(I32(0), Op(0x0e), U(1<<31), Op(0, 0))} {
		var rule wasmbin.Rule
		size := allocated(func() { _, rule = read(t, withPlan(code, "")) })
		require.NotEmpty(t, rule, name)
		require.Less(t, size, uint64(1<<20), name)
	}
	for _, parts := range [][]byte{Cat(Vec(Cat(Op(0), I32(0), Op(0x0b), U(1<<32-1)))), Cat(Vec(Cat(Op(0), I32(0), Op(0x0b), U(1<<31))))} {
		h := New().Traps()
		h.Before[11] = parts
		var rule wasmbin.Rule
		size := allocated(func() { _, rule = read(t, h.Bytes()) })
		require.Equal(t, wasmbin.RuleCount, rule)
		require.Less(t, size, uint64(1<<20))
	}
}
