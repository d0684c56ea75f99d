package host_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// own is the index of the first function that a test adds.
const own = Log + 1

// plan is a trap library whose qx_plan has the given code; it leaves an i32.
func plan(code []byte) []byte {
	m := New()
	m.Max = 4
	m.Add("qx_plan", "", "i", "iiII", code)
	return m.Traps().Bytes()
}

func open(t *testing.T, wasm []byte) *host.Instance {
	t.Helper()
	return hosttest.Open(t, hosttest.Load(t, wasm, abi.KindTraps))
}

func call(t *testing.T, wasm []byte, in map[int][]byte) *host.Outcome {
	t.Helper()
	o, err := open(t, wasm).Call(t.Context(), "qx_plan", nil, in)
	require.NoError(t, err)
	return o
}

// echo copies input 1 to output 16 in windows of 32 KiB and returns 0.
func echo() []byte {
	const at, n = 0, 2
	return Cat(Op(0x02, 0x40, 0x03, 0x40),
		I32(1), Get(n), I32(1024), I32(32<<10), Call(InRead), Set(at),
		Get(at), Op(0x45), BrIf(1), // nothing more: leave
		I32(16), I32(1024), Get(at), Call(OutWrite), Op(0x1a),
		Get(n), Get(at), Op(0xac, 0x7c), Set(n), Br(0),
		Op(0x0b, 0x0b), I32(0))
}

func TestEcho(t *testing.T) {
	in := bytes.Repeat([]byte("0123456789abcdef"), 650_000) // 10.4 MB
	inst := open(t, plan(echo()))
	for _, b := range [][]byte{in, nil, []byte("x"), in[:32<<10], in[:32<<10+1]} {
		o, err := inst.Call(t.Context(), "qx_plan", nil, map[int][]byte{1: b})
		require.NoError(t, err)
		require.Equal(t, abi.OK, o.Class, o.Message)
		require.True(t, bytes.Equal(b, o.Out[16]))
		require.Equal(t, uint32(1), o.MemoryPages)
		if len(b) == 0 {
			require.Empty(t, o.Out, "a stream that was not written is absent")
		}
	}
}

// TestLargestStreams: an input and an output at their limit, more than once.
func TestLargestStreams(t *testing.T) {
	in := make([]byte, 64<<20)
	in[len(in)-1] = 7
	inst := open(t, plan(echo()))
	for range 3 {
		o, err := inst.Call(t.Context(), "qx_plan", nil, map[int][]byte{1: in, 2: in})
		require.NoError(t, err)
		require.True(t, bytes.Equal(in, o.Out[16]))
	}
	_, err := inst.Call(t.Context(), "qx_plan", nil, map[int][]byte{1: append(in, 0)})
	require.Error(t, err)
}

func TestHashIsOfTheBytesAsGiven(t *testing.T) {
	m := New().Traps()
	bare := m.Bytes()
	m.Customs = [][]byte{Cat(Name("name"), []byte("debug"))}
	named := m.Bytes()
	require.Equal(t, digest.Sum(bare), hosttest.Load(t, bare, abi.KindTraps).Hash())
	require.Equal(t, digest.Sum(named), hosttest.Load(t, named, abi.KindTraps).Hash())
	inst := open(t, named)
	require.Equal(t, abi.KindTraps, inst.Module().Kind())
}

// TestOutcomes covers the ends that a guest can choose.
func TestOutcomes(t *testing.T) {
	fail := func(code, ptr, n int64) []byte { return Cat(I32(code), I32(ptr), I32(n), Call(Fail)) }
	write := func(stream, ptr, n int64) []byte { return Cat(I32(stream), I32(ptr), I32(n), Call(OutWrite), Op(0x1a)) }
	for name, row := range map[string]struct {
		code  []byte
		class abi.Class
		num   int32
		text  string
	}{
		"zero":                    {I32(0), abi.OK, 0, ""},
		"domain error":            {Cat(fail(7, 0, 4), I32(7)), abi.DomainError, 7, "\x00\x00\x00\x00"},
		"domain error of fail":    {Cat(fail(300, 0, 0), I32(1)), abi.DomainError, 300, ""},
		"domain error, no record": {I32(0x7fff), abi.DomainError, 0x7fff, ""},
		"garbage return":          {I32(0x8000), abi.ABIViolation, 0, "return value 32768"},
		"negative return":         {I32(-1), abi.ABIViolation, 0, "return value -1"},
		"least return":            {I32(-1 << 31), abi.ABIViolation, 0, "return value"},
		"fail, then 0":            {Cat(fail(7, 0, 4), I32(0)), abi.ABIViolation, 0, "returned 0"},
		"fail twice":              {Cat(fail(7, 0, 4), fail(7, 0, 4), I32(7)), abi.ABIViolation, 0, "twice"},
		"fail outside memory":     {Cat(fail(7, 65536, 1), I32(7)), abi.ABIViolation, 0, "outside the memory"},
		"fail too long":           {Cat(fail(7, 0, 1025), I32(7)), abi.ABIViolation, 0, "1024"},
		"fail at the limit":       {Cat(fail(7, 0, 1024), I32(7)), abi.DomainError, 7, ""},
		"fail with code 0":        {Cat(fail(0, 0, 0), I32(7)), abi.ABIViolation, 0, "code 0"},
		"fail with code 32768":    {Cat(fail(0x8000, 0, 0), I32(7)), abi.ABIViolation, 0, "code 32768"},
		"fail not UTF-8":          {Cat(I32(0), I32(0xff), Op(0x3a, 0, 0), fail(7, 0, 1), I32(7)), abi.ABIViolation, 0, "UTF-8"},
		"violation before a trap": {Cat(fail(0, 0, 0), Op(0x00)), abi.ABIViolation, 0, "code 0"},
		"unreachable":             {Op(0x00), abi.Trap, 0, "unreachable"},
		"division by zero":        {Cat(I32(1), I32(0), Op(0x6d)), abi.Trap, 0, "divide by zero"},
		"division overflow":       {Cat(I32(-1<<31), I32(-1), Op(0x6d)), abi.Trap, 0, "overflow"},
		"out of bounds load":      {Cat(I32(-1), Op(0x28, 0, 0)), abi.Trap, 0, "out of bounds"},
		"out of bounds copy":      {Cat(I32(0), I32(65535), I32(2), Op(0xfc, 10, 0, 0), I32(0)), abi.Trap, 0, "out of bounds"},
		"recursion":               {Cat(Call(own)), abi.Depth, 0, "nested too deep"},
		"endless loop":            {loop(), abi.OutOfFuel, 0, "fuel"},
		"output dropped on error": {Cat(write(16, 0, 8), I32(9)), abi.DomainError, 9, ""},
		"log is dropped":          {Cat(I32(1), I32(-1), I32(1024), Call(Log), I32(0)), abi.OK, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := hosttest.Open(t, limited(t, 50_000_000, plan(row.code))).Call(t.Context(), "qx_plan", nil, nil)
			require.NoError(t, err)
			require.Equal(t, row.class, o.Class, "%v %s", o.Class, o.Message)
			require.Equal(t, row.num, o.Code)
			require.Contains(t, o.Message, row.text)
			require.Empty(t, o.Out)
		})
	}
}

// TestLyingPointers calls imports with every kind of bad range; each result is
// what the ABI says, and the guest's memory does not change.
func TestLyingPointers(t *testing.T) {
	read := func(stream int64, off int64, ptr, n int64) []byte {
		return Cat(I32(stream), I64(off), I32(ptr), I32(n), Call(InRead))
	}
	write := func(stream, ptr, n int64) []byte { return Cat(I32(stream), I32(ptr), I32(n), Call(OutWrite)) }
	length := func(stream int64) []byte { return Cat(I32(stream), Call(InLen), Op(0xa7)) }
	const page = 65536
	for name, row := range map[string]struct {
		code []byte
		want int32
	}{
		"read all":                 {read(1, 0, 0, 5), 5},
		"read more than there is":  {read(1, 2, 0, 100), 3},
		"read at the end":          {read(1, 5, 0, 100), 0},
		"read past the end":        {read(1, 1<<62, 0, 100), 0},
		"read nothing":             {read(1, 0, 0, 0), 0},
		"read nothing at the edge": {read(1, 0, page, 0), 0},
		"read nothing outside":     {read(1, 0, page+1, 0), -2},
		"read to the last byte":    {read(1, 0, page-1, 1), 1},
		"read across the end":      {read(1, 0, page-1, 2), -2},
		"range before content":     {read(1, 5, page-1, 2), -2},
		"ptr 0xffffffff":           {read(1, 0, -1, 1), -2},
		"len 0xffffffff":           {read(1, 0, 0, -1), -2},
		"ptr+len overflows":        {read(1, 0, -1, -1), -2},
		"ptr+len is 2^32":          {read(1, 0, -16, 16), -2},
		"negative offset":          {read(1, -1, 0, 1), -3},
		"least offset":             {read(1, -1<<63, 0, 1), -3},
		"stream not given":         {read(3, 0, 0, 1), -1},
		"stream 15":                {read(15, 0, 0, 1), -1},
		"an output is no input":    {read(16, 0, 0, 1), -1},
		"stream -1":                {read(-1, 0, 0, 1), -1},
		"unknown before range":     {read(3, -1, -1, -1), -1},
		"empty stream":             {read(2, 0, 0, 1), 0},
		"length":                   {length(1), 5},
		"length of empty":          {length(2), 0},
		"length not given":         {length(3), -1},
		"length of -1":             {length(-1), -1},
		"write":                    {write(16, 0, 9), 9},
		"write stream 31":          {write(31, 0, 9), 9},
		"write nothing":            {write(16, page, 0), 0},
		"write outside":            {write(16, page, 1), -2},
		"write across":             {write(16, page-4, 5), -2},
		"write len 0xffffffff":     {write(16, 0, -1), -2},
		"write ptr 0xffffffff":     {write(16, -1, -1), -2},
		"write an input":           {write(1, 0, 1), -1},
		"write stream 15":          {write(15, 0, 1), -1},
		"write stream 32":          {write(32, 0, 1), -1},
		"write stream -1":          {write(-1, 0, 1), -1},
	} {
		t.Run(name, func(t *testing.T) {
			// The result is stored and written to stream 20.
			code := Cat(I32(512), row.code, Op(0x36, 0, 0), write(20, 512, 4), Op(0x1a), I32(0))
			o := call(t, plan(code), map[int][]byte{1: []byte("hello"), 2: {}})
			require.Equal(t, abi.OK, o.Class, o.Message)
			b := o.Out[20]
			require.Len(t, b, 4)
			require.Equal(t, row.want, int32(uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24))
		})
	}
}

// TestMemoryGrows: a range that was outside is inside after the guest grew, and
// growth ends at the declared maximum.
func TestMemoryGrows(t *testing.T) {
	// Grow page by page until -1; then read into the last byte of the four pages.
	code := Cat(Op(0x03, 0x40), I32(1), Op(0x40, 0), I32(-1), Op(0x47), BrIf(0), Op(0x0b),
		I32(1), I64(0), I32(4*65536-1), I32(1), Call(InRead), I32(1), Op(0x46), Op(0x04, 0x7f), I32(0), Op(0x05), I32(5), Op(0x0b))
	o := call(t, plan(code), map[int][]byte{1: []byte("z")})
	require.Equal(t, abi.OK, o.Class)
	require.Equal(t, uint32(4), o.MemoryPages)
}

func TestOutputLimit(t *testing.T) {
	h, err := host.New(host.Config{Limits: host.Limits{OutputBytes: 100_000}})
	require.NoError(t, err)
	run := func(code []byte) *host.Outcome {
		m, err := h.Load(t.Context(), plan(code), abi.KindTraps)
		require.NoError(t, err)
		o, err := hosttest.Open(t, m).Call(t.Context(), "qx_plan", nil, nil)
		require.NoError(t, err)
		return o
	}
	write := func(stream, n int64) []byte { return Cat(I32(stream), I32(0), I32(n), Call(OutWrite), Op(0x1a)) }
	o := run(Cat(write(16, 50_000), write(16, 50_000), write(17, 60_000), write(17, 40_000), I32(0)))
	require.Equal(t, abi.OK, o.Class, "each at its limit, together at twice that")
	require.Len(t, o.Out[16], 100_000)
	require.Len(t, o.Out[17], 100_000)
	for name, code := range map[string][]byte{
		"one byte more":   Cat(write(16, 50_000), write(16, 50_000), write(16, 1), I32(0)),
		"all together":    Cat(write(16, 50_000), write(17, 50_000), write(18, 50_000), write(19, 50_000), write(20, 1), I32(0)),
		"bomb":            Cat(Op(0x03, 0x40), I32(16), I32(0), I32(65536), Call(OutWrite), I32(0), Op(0x4a), BrIf(0), Op(0x0b), I32(3)),
		"before a trap":   Cat(write(16, 60_000), write(16, 60_000), Op(0x00)),
		"and then nicely": Cat(write(16, 60_000), write(16, 60_000), I32(9)),
	} {
		o := run(code)
		require.Equal(t, abi.OutputLimit, o.Class, name)
		require.Empty(t, o.Out)
	}
}

func TestLoadRejected(t *testing.T) {
	h, err := host.New(host.Config{Limits: host.Limits{MemoryPages: 3, ModuleBytes: 4096}})
	require.NoError(t, err)
	big := New().Traps()
	big.Customs = [][]byte{Cat(Name("x"), make([]byte, 5000))}
	wide := New().Traps()
	wide.Max = 4
	for _, row := range []struct {
		wasm []byte
		kind abi.Kind
		rule wasmbin.Rule
	}{
		{[]byte("twenty bytes, no wasm"[:20]), abi.KindTraps, wasmbin.RuleHeader},
		{nil, abi.KindTraps, wasmbin.RuleHeader},
		{New().Compiler().Bytes(), abi.KindTraps, wasmbin.RuleExportReserved},
		{New().Bytes(), abi.KindCompiler, wasmbin.RuleExportMissing},
		{big.Bytes(), abi.KindTraps, wasmbin.RuleModuleSize},
		{wide.Bytes(), abi.KindTraps, wasmbin.RuleMemoryMax},
	} {
		_, err := h.Load(t.Context(), row.wasm, row.kind)
		var e *host.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, abi.LoadRejected, e.Class)
		require.Equal(t, row.rule, e.Rule, "%v", err)
		require.Equal(t, abi.LoadRejected, abi.ClassOf(err))
	}
	_, err = h.Load(t.Context(), nil, 0)
	require.ErrorContains(t, err, "no kind")

	// Well-formed, but the operands have wrong types: no engine sees it.
	h, err = host.New(host.Config{})
	require.NoError(t, err)
	_, err = h.Load(t.Context(), plan(Cat(I64(1), Op(0x45))), abi.KindTraps)
	var e *host.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, abi.LoadRejected, e.Class)
	require.Equal(t, meter.RuleTyping, e.Rule)
	require.True(t, strings.Contains(e.Error(), e.Module) && e.Module != "")
}

func TestCallChecks(t *testing.T) {
	h, err := host.New(host.Config{Limits: host.Limits{InputBytes: 100}})
	require.NoError(t, err)
	m, err := h.Load(t.Context(), plan(I32(0)), abi.KindTraps)
	require.NoError(t, err)
	inst := hosttest.Open(t, m)
	full := make([]byte, 100)
	for name, row := range map[string]struct {
		export string
		args   []uint64
		in     map[int][]byte
	}{
		"the marker is never called": {"qx_abi_1", nil, nil},
		"unknown export":             {"qx_compile", nil, nil},
		"too few arguments":          {"qx_judge", nil, nil},
		"too many arguments":         {"qx_plan", []uint64{1}, nil},
		"argument above 32 bits":     {"qx_generate", []uint64{1 << 40, 1 << 32}, nil},
		"stream 16":                  {"qx_plan", nil, map[int][]byte{16: nil}},
		"stream -1":                  {"qx_plan", nil, map[int][]byte{-1: nil}},
		"input above the limit":      {"qx_plan", nil, map[int][]byte{0: make([]byte, 101)}},
		"inputs above the limit":     {"qx_plan", nil, map[int][]byte{0: full, 1: full, 2: full, 3: full, 4: {1}}},
	} {
		_, err := inst.Call(t.Context(), row.export, row.args, row.in)
		require.Error(t, err, name)
		require.Equal(t, abi.Infra, abi.ClassOf(err), name)
	}
	o, err := inst.Call(t.Context(), "qx_generate", []uint64{1 << 40, 1<<32 - 1}, map[int][]byte{0: full, 1: full, 2: full, 3: full, 15: {}})
	require.NoError(t, err, "the instance lives on, and takes inputs at the limit")
	require.Equal(t, abi.OK, o.Class)
}
