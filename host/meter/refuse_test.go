package meter_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/stretchr/testify/require"
)

func ruleOf(t testing.TB, err error) wasmbin.Rule {
	if err == nil {
		return ""
	}
	var rej *wasmbin.Rejected
	require.ErrorAs(t, err, &rej)
	return rej.Rule
}

// TestRefused has each rule of this package, at its limit and above.
func TestRefused(t *testing.T) {
	f := func(code []byte, results string) []byte {
		m := New()
		m.Add("f", "", results, "i", code)
		return m.Bytes()
	}
	deep := func(n int) []byte { return f(Cat(bytes.Repeat(Get(0), n), bytes.Repeat(Op(0x1a), n)), "") }
	// A function of n metered blocks, m times.
	branchy := func(n, times int) []byte {
		m := New()
		for range times {
			m.Add("", "", "", "i", Cat(Op(0x02, void), bytes.Repeat(Cat(Get(0), BrIf(0)), n), Op(0x0b)))
		}
		return m.Bytes()
	}
	live := func(n, slots int) []byte { // one operand
		m := New()
		m.Add("", "", "", strings.Repeat("i", slots-1), Cat(Op(0x02, void), bytes.Repeat(Cat(Get(0), BrIf(0)), n), Op(0x0b)))
		return m.Bytes()
	}
	looped := func(functions int) []byte { // 32 blocks, 32 loops, 256 slots: 4456448 each, 60 fit
		m := New()
		for range functions {
			m.Add("", "", "", strings.Repeat("i", 255), Cat(bytes.Repeat(Op(0x03, void), 32), bytes.Repeat(Cat(Get(0), BrIf(0), Op(0x0b)), 32)))
		}
		return m.Bytes()
	}
	float := New()
	float.Add("f", "", "", "f", nil)
	name := New()
	name.Add("__meter_thing", "", "", "", nil)
	pages := New()
	pages.Min, pages.Max = 5, 9
	for _, row := range []struct {
		name string
		wasm []byte
		lim  meter.Limits
		rule wasmbin.Rule
	}{
		{"256 operands", deep(256), meter.Limits{}, ""},
		{"257 operands", deep(257), meter.Limits{}, meter.RuleOperands},
		{"2 x 4096 blocks", branchy(4096, 2), meter.Limits{}, ""},
		{"2 x 4096 blocks and one", branchyAnd(), meter.Limits{}, meter.RuleBranches},
		{"3 x 4096 blocks", branchy(4096, 3), meter.Limits{}, meter.RuleBranches},
		{"1024 blocks of 256 slots", live(1024, 256), meter.Limits{}, ""},
		{"1025 blocks of 256 slots", live(1025, 256), meter.Limits{}, meter.RuleLive},
		{"1024 blocks of 257 slots", live(1024, 257), meter.Limits{}, meter.RuleLive},
		{"32 loops, often", looped(60), meter.Limits{}, ""},
		{"32 loops, once more", looped(61), meter.Limits{}, meter.RuleLive},
		{"2048 blocks of 256 slots with floats", live(2048, 256), meter.Limits{Floats: true}, ""},
		{"2049 blocks of 256 slots with floats", live(2049, 256), meter.Limits{Floats: true}, meter.RuleLive},
		{"floats without the policy", float.Bytes(), meter.Limits{}, wasmbin.RuleValueType},
		{"floats with it", float.Bytes(), meter.Limits{Floats: true}, ""},
		{"a reserved name", name.Bytes(), meter.Limits{}, wasmbin.RuleExportReserved},
		{"memory at the limit", pages.Bytes(), meter.Limits{MemoryPages: 5}, ""},
		{"memory above the limit", pages.Bytes(), meter.Limits{MemoryPages: 4}, wasmbin.RuleMemoryMax},
		{"no module", []byte("no module"), meter.Limits{}, wasmbin.RuleHeader},
	} {
		out, err := meter.Instrument(row.wasm, row.lim)
		require.Equal(t, row.rule, ruleOf(t, err), "%s: %v", row.name, err)
		require.Equal(t, row.rule != "", out == nil, row.name)
	}
	for name, bad := range map[string][]byte{
		"missing operand": Op(0x6a, 0x1a), "wrong type": Cat(I64(1), I32(1), Op(0x6a, 0x1a)), "left over": I32(1), "missing result of a block": Op(0x02, 0x7f, 0x0b, 0x1a),
		"result of an arm": Cat(I32(1), Op(0x04, 0x7f), I32(1), Op(0x0b, 0x1a)), "operands of another block": Cat(I32(1), Op(0x02, void, 0x1a, 0x0b)),
		"br without a value": Op(0x02, 0x7f, 0x0c, 0, 0x0b, 0x1a), "br_table of different labels": Cat(Op(0x02, 0x7f), I32(1), I32(1), Op(0x0e, 1, 0, 1, 0x0b, 0x1a)),
		"select of two types": Cat(I32(1), I64(1), I32(1), Op(0x1b, 0x1a)), "local of another type": Cat(I64(1), Set(0)), "argument": Cat(I64(1), Call(InLen), Op(0x1a)),
		"dead but typed": Cat(Op(0x00), I64(1), I32(1), Op(0x6a, 0x1a)), "return": Cat(Op(0x00), I64(1), Op(0x6a)),
	} {
		_, err := meter.Instrument(f(bad, ""), meter.Limits{})
		require.Equal(t, meter.RuleTyping, ruleOf(t, err), name)
		require.Error(t, metertest.Interpreter.Validate(f(bad, "")), name)
	}
}

// branchyAnd is two functions of 4096 metered blocks and one of one.
func branchyAnd() []byte {
	m := New()
	for range 2 {
		m.Add("", "", "", "i", Cat(Op(0x02, void), bytes.Repeat(Cat(Get(0), BrIf(0)), 4096), Op(0x0b)))
	}
	m.Add("", "", "i", "", I32(1))
	return m.Bytes()
}

// TestTwice: a metered module is no input.
func TestTwice(t *testing.T) {
	for _, m := range embedded.All() {
		out := instrument(t, m.Bytes, meter.Limits{})
		_, err := meter.Instrument(out, meter.Limits{})
		require.Equal(t, wasmbin.RuleExportKind, ruleOf(t, err))
		decoded, err := readWith(out, meter.OutputProfile(profile(false)))
		require.NoError(t, err)
		_, err = meter.Rewrite(decoded, meter.Limits{})
		require.Equal(t, wasmbin.RuleExportReserved, ruleOf(t, err))
	}
}

// TestDeterminism: the same bytes again, at the same time, with other custom
// sections, and under another profile.
func TestDeterminism(t *testing.T) {
	wasm := module(t, "accredit")
	want := instrument(t, wasm, meter.Limits{MemoryPages: 256})
	var wg sync.WaitGroup
	outs := make([][]byte, 8)
	for i := range outs {
		wg.Go(func() { outs[i], _ = meter.Instrument(wasm, meter.Limits{MemoryPages: 256}) })
	}
	wg.Wait()
	for _, out := range outs {
		require.True(t, bytes.Equal(want, out))
	}
	require.True(t, bytes.Equal(want, instrument(t, Cat(wasm, Section(0, Name("note"))), meter.Limits{MemoryPages: 256})))
	p := wasmbin.TrapLibrary()
	m, err := wasmbin.Read(wasm, &p)
	require.NoError(t, err)
	out, err := meter.Rewrite(m, meter.Limits{MemoryPages: 256})
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, out))
	op := meter.OutputProfile(p)
	_, err = wasmbin.Read(out, &op)
	require.NoError(t, err)
}

// TestTypingEqualsEngine changes bytes of valid code: what the validator then
// accepts, this package accepts exactly where the engine does.
func TestTypingEqualsEngine(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	verdicts := map[string]int{}
	for seed := range uint64(30) {
		good := metertest.Generate(seed).Bytes
		m := decode(t, good)
		for range 60 {
			b := bytes.Clone(good)
			body := m.Bodies[r.IntN(len(m.Bodies))]
			b[body.Code+r.IntN(body.End-body.Code)] = byte(r.Uint32())
			out, err := meter.Instrument(b, meter.Limits{Floats: true})
			if rule := ruleOf(t, err); rule != "" && rule != meter.RuleTyping {
				continue
			}
			engine := metertest.Interpreter.Validate(b)
			require.Equal(t, engine == nil, err == nil, "seed %d: the engine says %v, the meter %v", seed, engine, err)
			if err == nil {
				require.NoError(t, metertest.Interpreter.Validate(out))
			}
			verdicts[fmt.Sprint(err == nil)]++
		}
	}
	require.Greater(t, verdicts["true"], 100)
	require.Greater(t, verdicts["false"], 100)
}

// TestWorstGrowth: the densest code of profile L1 stays inside OutputProfile, and
// a function at the limits of locals and nesting too.
func TestWorstGrowth(t *testing.T) {
	dense := New()
	dense.Add("f", "", "", "F", Cat(I64(0), bytes.Repeat(Op(0xbf, 0xbd), 32_000), Op(0x1a)))
	instrument(t, dense.Bytes(), meter.Limits{Floats: true})
	full := New()
	full.Add("f", "i", "i", strings.Repeat("i", 255), Cat(bytes.Repeat(Op(0x02, void), 700), Get(0), BrIf(699), bytes.Repeat(Op(0x0b), 700), Get(0)))
	instrument(t, full.Bytes(), meter.Limits{})
	calls := New()
	calls.Add("f", "", "", "", bytes.Repeat(Call(own), 20_000))
	instrument(t, calls.Bytes(), meter.Limits{})
}
