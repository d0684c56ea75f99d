package abi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/traps"
	"github.com/stretchr/testify/require"
)

// answer is a caller that answers every call alike and keeps what it was asked.
type answer struct {
	out    map[int][]byte
	export string
	args   []uint64
	in     map[int][]byte
}

func (a *answer) Call(_ context.Context, export string, args []uint64, in map[int][]byte) (*abi.Outcome, error) {
	a.export, a.args, a.in = export, args, in
	return &abi.Outcome{Class: abi.OK, Out: a.out}, nil
}

func requireViolation(t *testing.T, err error, text string) {
	t.Helper()
	var e *abi.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, abi.ABIViolation, e.Class)
	require.ErrorContains(t, err, text)
}

func layered() *circuit.Layered {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: 3, Layers: [][]circuit.Pair{{{A: 0, B: 1}}, {{A: 1, B: 2}}}}, Clbits: 3, Measure: []int{2, 0, 1}}
	for i := range l.Locations() {
		l.U = append(l.U, circuit.U3Angles{Theta: circuit.HalfPi / 2, Phi: circuit.Angle(i) << 40}.Normal())
	}
	return l
}

var (
	header = guest.Header{Shots: 200, RatioPPM: 300_000}
	policy = guest.Policy{P1: 1000, P2: 1000, RO: 1000, AlphaE: 500_000, AlphaA: 400_000, AlphaB: 100_000, TMinAlpha: 1_000_000, TMinBeta: 1000}
	root   = [32]byte{1, 2, 3}
)

func goodPlan(t *testing.T) *guest.Plan {
	t.Helper()
	p, err := traps.Plan(layered(), header, policy, traps.Accredit)
	require.NoError(t, err)
	return p
}

func TestPlan(t *testing.T) {
	in := guest.AppendLayered(nil, layered())
	a := &answer{out: map[int][]byte{16: goodPlan(t).Append(nil)}}
	_, raw, err := abi.TrapLibrary{Caller: a}.Plan(t.Context(), in, header, policy)
	require.NoError(t, err)
	require.Equal(t, a.out[16], raw)
	require.Equal(t, "qx_plan", a.export)
	require.Empty(t, a.args)
	require.Equal(t, map[int][]byte{0: header.Append(nil), 1: in, 5: policy.Append(make([]byte, 32))}, a.in, "no root")

	for text, edit := range map[string]func(p *guest.Plan){
		"200 shots":        func(p *guest.Plan) { p.RatioPPM++ },
		"another policy":   func(p *guest.Plan) { p.Policy.P1++ },
		"201 shots":        func(p *guest.Plan) { p.Shots++ },
		"61 traps":         func(p *guest.Plan) { p.Traps, p.NA, p.WindowTraps[0] = 61, p.NA+1, p.WindowTraps[0]+1 },
		"counts 10 u3":     func(p *guest.Plan) { p.N1++ },
		"and 1 cz":         func(p *guest.Plan) { p.N2-- },
		"another skeleton": func(p *guest.Plan) { p.Skeleton.Layers = [][]circuit.Pair{{{A: 0, B: 1}}, {{A: 0, B: 2}}} },
	} {
		p := goodPlan(t)
		edit(p)
		_, _, err := abi.TrapLibrary{Caller: &answer{out: map[int][]byte{16: p.Append(nil)}}}.Plan(t.Context(), in, header, policy)
		requireViolation(t, err, text)
	}
	_, _, err = abi.TrapLibrary{Caller: &answer{out: map[int][]byte{16: raw[:len(raw)-8]}}}.Plan(t.Context(), in, header, policy)
	requireViolation(t, err, "plan:")
	require.ErrorIs(t, err, guest.ErrForm)
	_, _, err = abi.TrapLibrary{Caller: a}.Plan(t.Context(), in[:20], header, policy)
	require.ErrorIs(t, err, guest.ErrForm)
	var e *abi.Error
	require.False(t, errors.As(err, &e), "the caller's own mistake is no outcome of the guest")
}

func TestGenerate(t *testing.T) {
	p := goodPlan(t)
	plan, in := p.Append(nil), guest.AppendLayered(nil, layered())
	ask := func(rows *guest.Rows, h *guest.Hidden, first uint64, n int) (*answer, error) {
		a := &answer{out: map[int][]byte{16: rows.Append(nil), 17: h.Append(nil)}}
		_, _, err := abi.TrapLibrary{Caller: a}.Generate(t.Context(), in, plan, header, policy, root, first, n)
		return a, err
	}
	slots := func(first uint64, n int) (*guest.Rows, *guest.Hidden) {
		r, h, err := traps.Generate(layered(), p, root, first, n)
		require.NoError(t, err)
		return r, h
	}
	rows, h := slots(10, 50)
	a, err := ask(rows, h, 10, 50)
	require.NoError(t, err)
	require.Equal(t, []uint64{10, 50}, a.args)
	require.Equal(t, map[int][]byte{0: header.Append(nil), 1: in, 2: plan, 5: policy.Append(root[:])}, a.in)

	otherRows, otherHidden := slots(11, 50)
	fewRows, fewHidden := slots(10, 49)
	for _, x := range []struct {
		r *guest.Rows
		h *guest.Hidden
	}{{otherRows, h}, {rows, otherHidden}, {fewRows, h}, {rows, fewHidden}} {
		_, err := ask(x.r, x.h, 10, 50)
		requireViolation(t, err, "for slots 10 + 50")
	}
	trap, target := -1, -1
	for i, k := range h.Kind {
		if guest.SlotKind(k) == guest.SlotTarget {
			target = i
		} else if guest.SlotKind(k) == guest.SlotMatch {
			trap = i
		}
	}
	for name, edit := range map[string]func(h *guest.Hidden){
		"window":                func(h *guest.Hidden) { h.Window[3]++ },
		"mask of a target":      func(h *guest.Hidden) { h.Mask[target] = 1 },
		"trap without mask":     func(h *guest.Hidden) { h.Mask[trap] = 0 },
		"parity of a match":     func(h *guest.Hidden) { h.Parity[trap] = 1 },
		"parity of a target":    func(h *guest.Hidden) { h.Parity[target] = 1 },
		"trap without its kind": func(h *guest.Hidden) { h.Kind[trap] = 0 },
	} {
		r, h := slots(10, 50)
		edit(h)
		_, err := ask(r, h, 10, 50)
		require.Error(t, err, name)
		requireViolation(t, err, "hidden: slot")
	}
	_, h = slots(10, 50)
	h.Kind[0] = 3
	_, err = ask(rows, h, 10, 50)
	requireViolation(t, err, "hidden:")
	rows.Data[1] = 0xff
	_, err = ask(rows, h, 10, 50)
	requireViolation(t, err, "rows:")

	for _, c := range []struct {
		first uint64
		n     int
	}{{0, 0}, {0, -1}, {0, guest.MaxGenerate + 1}, {199, 2}, {200, 1}, {1 << 63, 1}} {
		a, err := ask(rows, h, c.first, c.n)
		require.Error(t, err)
		require.Empty(t, a.export, "the guest is not asked")
	}
}

func TestJudge(t *testing.T) {
	p := goodPlan(t)
	plan := p.Append(nil)
	_, h, err := traps.Generate(layered(), p, root, 0, 200)
	require.NoError(t, err)
	o := &guest.Outcomes{N: 200, Width: 3, Rows: append([]byte(nil), h.Pad...), Present: make([]byte, 25)}
	for i := range 198 {
		o.Present[i>>3] |= 1 << (i & 7)
	}
	clear(o.Rows[198:])
	verdict := func() *guest.Verdict {
		v, err := traps.Judge(p, h, o, 200)
		require.NoError(t, err)
		return v
	}
	a := &answer{out: map[int][]byte{16: verdict().Append(nil)}}
	_, raw, err := abi.TrapLibrary{Caller: a}.Judge(t.Context(), plan, h, o)
	require.NoError(t, err)
	require.Equal(t, a.out[16], raw)
	require.Equal(t, []uint64{200}, a.args)
	require.Equal(t, map[int][]byte{2: plan, 3: h.Append(nil), 4: o.Append(nil)}, a.in)

	shift := func(v *guest.Verdict) { // one trap from window 0 to window 1
		v.WindowTraps[0], v.WindowTraps[1] = v.WindowTraps[0]-1, v.WindowTraps[1]+1
		if v.WindowPass[0] > v.WindowTraps[0] {
			v.WindowPass[0]--
			v.WindowPass[1]++
		}
	}
	for text, edits := range map[string][]func(v *guest.Verdict){
		"verdict is about": {func(v *guest.Verdict) { v.Judged = 199 }, func(v *guest.Verdict) { v.Shots, v.TrapFail = 201, v.TrapFail+1 }, func(v *guest.Verdict) { v.Traps++ },
			func(v *guest.Verdict) {
				v.WindowTraps, v.WindowPass = append(v.WindowTraps, 0), append(v.WindowPass, 0)
			}},
		"other bounds": {func(v *guest.Verdict) { v.CA++ }, func(v *guest.Verdict) { v.CB++ }, func(v *guest.Verdict) { v.TMin++ }, func(v *guest.Verdict) { v.PA-- }, func(v *guest.Verdict) { v.PB-- },
			func(v *guest.Verdict) { v.NA, v.NB, v.KA, v.KB = v.NA+v.NB, 0, v.KA+v.KB, 0 }},
		"in window 1, the plan": {shift},
		"2 are absent":          {func(v *guest.Verdict) { v.Missing-- }},
		"verdict:":              {func(v *guest.Verdict) { v.TrapPass++ }},
	} {
		for _, edit := range edits {
			v := verdict()
			edit(v)
			_, _, err := abi.TrapLibrary{Caller: &answer{out: map[int][]byte{16: v.Append(nil)}}}.Judge(t.Context(), plan, h, o)
			requireViolation(t, err, text)
		}
	}
	a = &answer{}
	_, _, err = abi.TrapLibrary{Caller: a}.Judge(t.Context(), plan, h.Prefix(199), o)
	require.ErrorContains(t, err, "equally many")
	require.Empty(t, a.export)
}

func TestCompile(t *testing.T) {
	op := func(g circuit.Gate, q ...uint16) circuit.Op {
		o := circuit.Op{Gate: g, NQ: uint8(len(q))}
		copy(o.Q[:], q)
		return o
	}
	source := &circuit.Circuit{Qubits: 3, Clbits: 3, Ops: []circuit.Op{op(circuit.CZ, 0, 1), op(circuit.CZ, 1, 2)}}
	for q := range 3 {
		m := op(circuit.Measure, uint16(q))
		m.Clbit = uint32(q)
		source.Ops = append(source.Ops, m)
	}
	line := guest.Target{Width: 3, Edges: []circuit.Pair{{A: 0, B: 1}, {A: 1, B: 2}}}
	compile := func(l *circuit.Layered, c *circuit.Circuit, target guest.Target) error {
		_, raw, err := abi.Compiler{Caller: &answer{out: map[int][]byte{16: guest.AppendLayered(nil, l)}}}.Compile(t.Context(), c, target)
		if err == nil {
			require.Equal(t, guest.AppendLayered(nil, l), raw)
		}
		return err
	}
	unmeasured := &circuit.Circuit{Qubits: 3, Ops: source.Ops[:2]}
	require.NoError(t, compile(layered(), source, guest.Target{}))
	require.NoError(t, compile(layered(), source, line))
	require.NoError(t, compile(layered(), unmeasured, line), "no measurement means qubit i into clbit i")
	requireViolation(t, compile(layered(), source, guest.Target{Width: 4}), "of width 3, want 4")
	requireViolation(t, compile(layered(), &circuit.Circuit{Qubits: 2, Clbits: 3}, guest.Target{}), "of width 3, want 2")
	requireViolation(t, compile(layered(), source, guest.Target{Width: 3, Edges: line.Edges[:1]}), "layer 1 couples 1 and 2")
	l := layered()
	l.Clbits = 4
	requireViolation(t, compile(l, source, line), "4 clbits, want 3")
	l = layered()
	l.Measure[1] = circuit.NoClbit
	requireViolation(t, compile(l, source, line), "clbit 0: measured in the layered circuit false")
	part := &circuit.Circuit{Qubits: 3, Clbits: 3, Ops: source.Ops[:4]}
	requireViolation(t, compile(layered(), part, line), "clbit 2: measured in the layered circuit true")

	a := &answer{out: map[int][]byte{16: []byte("no message")}}
	_, _, err := abi.Compiler{Caller: a}.Compile(t.Context(), source, line)
	requireViolation(t, err, "layered circuit:")
	a = &answer{}
	conditional := &circuit.Circuit{Qubits: 1, Clbits: 1, Ops: []circuit.Op{{Gate: circuit.U3, NQ: 1, Cond: 1}}}
	_, _, err = abi.Compiler{Caller: a}.Compile(t.Context(), conditional, guest.Target{})
	require.ErrorContains(t, err, "conditional")
	require.Empty(t, a.export)
}

// TestStreams: an export writes exactly its streams.
func TestStreams(t *testing.T) {
	in := guest.AppendLayered(nil, layered())
	for text, out := range map[string]map[int][]byte{"stream 16 was not written": nil, "2 streams were written": {16: {}, 17: {}}} {
		_, _, err := abi.TrapLibrary{Caller: &answer{out: out}}.Plan(t.Context(), in, header, policy)
		requireViolation(t, err, text)
	}
}

// ended is a caller whose calls end otherwise than OK.
type ended struct {
	o   *abi.Outcome
	err error
}

func (e ended) Call(context.Context, string, []uint64, map[int][]byte) (*abi.Outcome, error) {
	return e.o, e.err
}

func TestClasses(t *testing.T) {
	names := map[abi.Class]string{abi.OK: "OK", abi.DomainError: "DOMAIN_ERROR", abi.Trap: "TRAP", abi.OutOfFuel: "OUT_OF_FUEL", abi.Depth: "DEPTH",
		abi.ABIViolation: "ABI_VIOLATION", abi.OutputLimit: "OUTPUT_LIMIT", abi.LoadRejected: "LOAD_REJECTED", abi.Infra: "INFRA", 0: "class(0)", 10: "class(10)"}
	for c, name := range names {
		require.Equal(t, name, c.String())
		if c == abi.OK || c == 0 || c > abi.Infra {
			continue
		}
		_, err := abi.Describe(t.Context(), ended{o: &abi.Outcome{Class: c, Code: 7, Message: "words"}})
		require.Equal(t, c, abi.ClassOf(fmt.Errorf("wrapped: %w", err)))
		require.ErrorContains(t, err, "qx_describe: "+name)
		require.ErrorContains(t, err, "words")
	}
	require.Equal(t, abi.OK, abi.ClassOf(nil))
	require.Equal(t, abi.Infra, abi.ClassOf(context.Canceled))
	_, err := abi.Describe(t.Context(), ended{err: context.Canceled})
	require.ErrorIs(t, err, context.Canceled)
	_, err = abi.ParseKind("driver")
	require.Error(t, err)
	require.Equal(t, "kind(9)", abi.Kind(9).String())
}

func TestManifest(t *testing.T) {
	const good = "abi=1\nkind=traps\nname=accredit\nversion=1.0.0\n"
	m, err := abi.ReadManifest(t.Context(), &answer{out: map[int][]byte{16: []byte(good)}})
	require.NoError(t, err)
	require.Equal(t, abi.Manifest{ABI: 1, Kind: abi.KindTraps, Name: "accredit", Version: "1.0.0"}, m)
	_, err = abi.ParseManifest([]byte("abi=1\nkind=traps\nname=" + strings.Repeat("a", 64) + "\nversion=1\n"))
	require.NoError(t, err)
	for _, text := range []string{"", "abi=1\nkind=traps\nname=a\n", good + "x=y\n", "abi=2\nkind=traps\nname=a\nversion=1\n", "abi=1\nkind=driver\nname=a\nversion=1\n",
		"abi=1\nkind=traps\nname=\nversion=1\n", "abi=1\nkind=traps\nname=A\nversion=1\n", "abi=1\nkind=traps\nname=a b\nversion=1\n", "abi=1\nkind=traps\nname=a\nversion=v\x00\n",
		"kind=traps\nabi=1\nname=a\nversion=1\n", "abi=1\nabi=1\nname=a\nversion=1\n", "abi=1\r\nkind=traps\nname=a\nversion=1\n", good + "\n", good[:len(good)-1],
		"abi=1\nkind=traps\nname=" + strings.Repeat("a", 65) + "\nversion=1\n"} {
		_, err := abi.ReadManifest(t.Context(), &answer{out: map[int][]byte{16: []byte(text)}})
		requireViolation(t, err, "manifest")
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("abi=1\nkind=compiler\nname=layered\nversion=1.0.0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := abi.ParseManifest(b)
		if err != nil {
			return
		}
		again, err := abi.ParseManifest(fmt.Appendf(nil, "abi=%d\nkind=%s\nname=%s\nversion=%s\n", m.ABI, m.Kind, m.Name, m.Version))
		require.NoError(t, err)
		require.Equal(t, m, again)
	})
}
