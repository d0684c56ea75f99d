package meter_test

import (
	"fmt"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// own is the index of a sample's first function, behind the imports.
const own = Log + 1

// sample is a module with one export f, and what calls of it cost by hand.
type sample struct {
	name            string
	params, results string
	locals          string
	code            []byte
	edit            func(m *Module)
	args            []uint64
	want            []uint64
	fuel            int64
}

func (s sample) bytes() []byte {
	m := New()
	m.Add("f", s.params, s.results, s.locals, s.code)
	if s.edit != nil {
		s.edit(m)
	}
	return m.Bytes()
}

const void = 0x40

// samples have their fuel worked out on paper from SPEC.md.
func samples() []sample {
	loop := Cat(Op(0x03, void), Get(0), I32(1), Op(0x6b, 0x22), U(0), BrIf(0), Op(0x0b)) // 1+1+1+1+2 a turn
	fact := Cat(Get(0), Op(0x50, 0x04, 0x7e), I64(1), Op(0x05), Get(0), Get(0), I64(1), Op(0x7d), Call(own), Op(0x7e, 0x0b))
	table := Cat(Op(0x02, void, 0x02, void, 0x02, void), Get(0), Op(0x0e, 2, 0, 1, 2, 0x0b), I32(10), Op(0x0f, 0x0b), I32(20), Op(0x0f, 0x0b), I32(30))
	swap := func(m *Module) { m.Add("", "iI", "Ii", "", Cat(Get(1), Get(0))) }
	return []sample{
		{name: "nothing", want: nil, fuel: 0},
		{name: "straight line", params: "ii", results: "i", code: Cat(Get(0), Get(1), Op(0x6a), I32(3), Op(0x6c)), args: []uint64{2, 5}, want: []uint64{21}, fuel: 1 + 1 + 1 + 1 + 3},
		{name: "nop, drop and blocks are free", code: Cat(Op(0x01, 0x02, void, 0x03, void), I32(1), Op(0x1a, 0x0b, 0x0b)), fuel: 1},
		{name: "then", params: "i", results: "i", code: Cat(Get(0), Op(0x04, 0x7f), I32(7), Op(0x05), I32(1), I32(1), Op(0x6a, 0x0b)), args: []uint64{1}, want: []uint64{7}, fuel: 1 + 2 + 1},
		{name: "else", params: "i", results: "i", code: Cat(Get(0), Op(0x04, 0x7f), I32(7), Op(0x05), I32(1), I32(1), Op(0x6a, 0x0b)), args: []uint64{0}, want: []uint64{2}, fuel: 1 + 2 + 3},
		{name: "loop of 5", params: "i", results: "i", code: Cat(loop, Get(0)), args: []uint64{5}, want: []uint64{0}, fuel: 5*6 + 1},
		{name: "br over code", results: "i", code: Cat(Op(0x02, 0x7f), I32(1), Br(0), Op(0x1a), I32(2), Op(0x0b)), want: []uint64{1}, fuel: 1 + 1},
		{name: "factorial", params: "I", results: "I", code: fact, args: []uint64{3}, want: []uint64{6}, fuel: 3*(1+1+2+1+1+1+1+20+3) + (1 + 1 + 2 + 1)},
		{name: "br_table first", params: "i", results: "i", code: table, args: []uint64{0}, want: []uint64{10}, fuel: 1 + 4 + 1 + 1},
		{name: "br_table default", params: "i", results: "i", code: table, args: []uint64{9}, want: []uint64{30}, fuel: 1 + 4 + 1},
		{name: "several results", results: "Ii", code: Cat(I32(5), I64(6), Call(own+1)), edit: swap, want: []uint64{6, 5}, fuel: 1 + 1 + 20 + 1 + 1},
		{name: "through the table", results: "Ii", code: Cat(I32(5), I64(6), I32(0), Op(0x11, 5, 0)), edit: func(m *Module) {
			swap(m)
			m.Before[4] = Cat(U(1), Op(0x70, 1, 1, 1))
			m.Before[9] = Vec(Cat(Op(0), I32(0), Op(0x0b), Vec(U(own+1))))
		}, want: []uint64{6, 5}, fuel: 1 + 1 + 1 + 24 + 1 + 1},
		{name: "import", results: "i", code: Cat(I32(16), I32(0), I32(10), Call(OutWrite)), want: []uint64{10}, fuel: 3 + 20 + 600 + 3},
		{name: "import through the table", results: "i", code: Cat(I32(16), I32(0), I32(9), I32(0), Op(0x11, 2, 0)), edit: func(m *Module) {
			m.Before[4] = Cat(U(1), Op(0x70, 1, 1, 1))
			m.Before[9] = Vec(Cat(Op(0), I32(0), Op(0x0b), Vec(U(OutWrite))))
		}, want: []uint64{9}, fuel: 4 + 24 + 600 + 3},
		{name: "in_len", results: "I", code: Cat(I32(3), Call(InLen)), want: []uint64{1<<64 - 1}, fuel: 1 + 20 + 600},
		{name: "fail", code: Cat(I32(3), I32(0), I32(5), Call(Fail)), fuel: 3 + 20 + 600 + 5},
		{name: "fill", code: Cat(I32(1), I32(2), I32(17), Op(0xfc, 0x0b, 0)), fuel: 3 + 80 + 3},
		{name: "copy", code: Cat(I32(1), I32(2), I32(17), Op(0xfc, 0x0a, 0, 0)), fuel: 3 + 30 + 5},
		{name: "grow by 2 of 3", results: "ii", code: Cat(I32(2), Op(0x40, 0, 0x3f, 0)), edit: func(m *Module) { m.Max = 3 }, want: []uint64{1, 3}, fuel: 1 + 300 + 1 + 2*8192},
		{name: "grow by 3 of 3", results: "ii", code: Cat(I32(3), Op(0x40, 0, 0x3f, 0)), edit: func(m *Module) { m.Max = 3 }, want: []uint64{1<<32 - 1, 1}, fuel: 1 + 300 + 1},
	}
}

// TestSamples: what each sample costs is what was worked out by hand, on the
// oracle and on both engines.
func TestSamples(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			out := instrument(t, s.bytes(), meter.Limits{})
			r := newNaive(t, s.bytes(), 0, metertest.NewWorld(nil)).call(t, "f", plenty, meter.Depth, s.args...)
			require.Equal(t, s.want, r.Values)
			require.Equal(t, s.fuel, plenty-r.Fuel, "oracle")
			for _, e := range metertest.Engines {
				g := openGuest(t, e, out, s.bytes(), metertest.NewWorld(nil))
				got, err := g.Call("f", plenty, meter.Depth, s.args...)
				require.NoError(t, err)
				require.Equal(t, r, got, e.Name)
			}
		})
	}
}

// TestEveryBudget runs each sample, and small generated programs, with every
// budget from 0 to what it needs: below, it is out of fuel, uses it all, and what
// the host saw is a prefix of the whole run; from there on, it returns.
func TestEveryBudget(t *testing.T) {
	for _, s := range samples() {
		if s.fuel < 1000 {
			everyBudget(t, s.name, s.bytes(), "f", s.args, 1000)
		}
	}
	for seed := range uint64(40) {
		g := metertest.Generate(seed)
		for i, params := range g.Params {
			args := make([]uint64, len(params))
			everyBudget(t, fmt.Sprint("seed ", seed), g.Bytes, fmt.Sprint("f", i), args, 250)
		}
	}
}

func everyBudget(t *testing.T, name string, wasm []byte, export string, args []uint64, most int64) {
	ref := newNaive(t, wasm, 0, metertest.NewWorld(nil))
	full := ref.call(t, export, most, meter.Depth, args...)
	need := most - ref.o.Fuel // exact, also after a trap
	if full.End != meter.Ordinary {
		return
	}
	out := instrument(t, wasm, meter.Limits{})
	g := openGuest(t, metertest.Compiler, out, wasm, metertest.NewWorld(nil))
	first := int64(-1)
	for budget := int64(0); budget <= need+1; budget++ {
		want := newNaive(t, wasm, 0, metertest.NewWorld(nil)).call(t, export, budget, meter.Depth, args...)
		require.NoError(t, g.Restart(metertest.NewWorld(nil)))
		got, err := g.Call(export, budget, meter.Depth, args...)
		require.NoError(t, err)
		require.Equal(t, want, got, "%s, budget %d", name, budget)
		require.Equal(t, full.Log[:len(got.Log)], got.Log, "%s, budget %d: a prefix of the effects", name, budget)
		if got.End == meter.OutOfFuel {
			require.Negative(t, first, "%s: budget %d fails after a smaller one sufficed", name, budget)
			require.Equal(t, budget, meter.Used(budget, got.Fuel))
			continue
		}
		if first < 0 {
			first = budget
		}
		require.Equal(t, full.Values, got.Values, "%s, budget %d", name, budget)
		require.Equal(t, full.Trap, got.Trap, "%s, budget %d", name, budget)
		require.Equal(t, full.Memory, got.Memory, "%s, budget %d", name, budget)
	}
	if full.Trap != "" { // nobody looks between the last loop or call and the trap
		require.LessOrEqual(t, first, need, name)
		return
	}
	require.Equal(t, need, first, "%s: the smallest budget that suffices is what it needs", name)
}
