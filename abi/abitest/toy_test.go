package abitest_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/abitest"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/animicaorg/engine/traps"
	"github.com/stretchr/testify/require"
)

// toy is a guest in Go that keeps the contract, except for the one fault it is
// told to have. It stands for what an author may get wrong.
type toy struct {
	kind  abi.Kind
	fault string
	age   int // calls so far: what a guest must not depend on
	sick  bool
}

func (t *toy) Call(_ context.Context, export string, args []uint64, in map[int][]byte) (*abi.Outcome, error) {
	t.age++
	if t.sick {
		return &abi.Outcome{Class: abi.DomainError, Code: 9}, nil
	}
	out, err := t.dispatch(export, args, in)
	if err != nil {
		t.sick = t.fault == "broken by an error"
		if t.fault == "trap on "+export {
			return &abi.Outcome{Class: abi.Trap, Message: "unreachable"}, nil
		}
		return &abi.Outcome{Class: abi.DomainError, Code: 1, Message: err.Error()}, nil
	}
	o := &abi.Outcome{Class: abi.OK, Out: out, MemoryPages: 1}
	if t.fault == "leaks" {
		o.MemoryPages = uint32(t.age)
	}
	return o, nil
}

func (t *toy) dispatch(export string, args []uint64, in map[int][]byte) (map[int][]byte, error) {
	switch export {
	case abi.ExportDescribe:
		if t.fault == "trap on "+export {
			return nil, guest.ErrForm
		}
		return map[int][]byte{16: t.describe()}, nil
	case abi.ExportPlan:
		return t.plan(in)
	case abi.ExportGenerate:
		return t.generate(args, in)
	case abi.ExportJudge:
		return t.judge(args, in)
	case abi.ExportAudit:
		return t.audit(args, in)
	}
	return t.compile(in)
}

func (t *toy) describe() []byte {
	kind, version := t.kind.String(), "1"
	switch t.fault {
	case "manifest of another kind":
		kind = (abi.KindCompiler + abi.KindTraps - t.kind).String()
	case "manifest changes":
		version = fmt.Sprint(t.age)
	case "manifest without a name":
		return fmt.Appendf(nil, "abi=1\nkind=%s\nversion=1\n", kind)
	}
	return fmt.Appendf(nil, "abi=1\nkind=%s\nname=toy\nversion=%s\n", kind, version)
}

func (t *toy) plan(in map[int][]byte) (map[int][]byte, error) {
	h, err := guest.ParseHeader(in[0])
	if err != nil {
		return nil, err
	}
	l, err := guest.ParseLayered(in[1])
	if err != nil {
		return nil, err
	}
	if len(in[5]) != guest.RootSize+guest.PolicySize {
		return nil, guest.ErrForm
	}
	pol, err := guest.ParsePolicy(in[5][guest.RootSize:])
	if err != nil {
		return nil, err
	}
	p, err := traps.Plan(l, h, pol, traps.Accredit)
	if err != nil {
		return nil, err
	}
	switch t.fault {
	case "plan depends on the past":
		p.HGlobal += int64(t.age)
	case "plan for other shots":
		p.RatioPPM ^= 1
	}
	return map[int][]byte{16: p.Append(nil)}, nil
}

func (t *toy) generate(args []uint64, in map[int][]byte) (map[int][]byte, error) {
	l, err := guest.ParseLayered(in[1])
	if err != nil {
		return nil, err
	}
	p, err := guest.ParsePlan(in[2])
	if err != nil {
		return nil, err
	}
	if len(in[5]) != guest.RootSize+guest.PolicySize {
		return nil, guest.ErrForm
	}
	first, n, root := args[0], int(args[1]), [32]byte(in[5])
	switch t.fault {
	case "slots depend on the chunk":
		root[0] ^= byte(first % 3)
	case "slots depend on the past":
		root[1] ^= byte(t.age)
	case "half the root":
		clear(root[16:])
	}
	if n > guest.MaxGenerate && t.fault != "more slots a call" {
		return nil, fmt.Errorf("%d slots in one call", n)
	}
	rows, h, err := traps.Generate(l, p, root, first, n)
	if err != nil {
		return nil, err
	}
	t.spoil(p, rows, h)
	return map[int][]byte{16: rows.Append(nil), 17: h.Append(nil)}, nil
}

// spoil changes the slots after they were made well.
func (t *toy) spoil(p *guest.Plan, rows *guest.Rows, h *guest.Hidden) {
	for i := range h.N {
		target := guest.SlotKind(h.Kind[i]) == guest.SlotTarget
		switch {
		case t.fault == "another circuit" && target:
			at := i * rows.Locations * rows.ElemSize
			x := binary.LittleEndian.Uint16(rows.Data[at:])
			binary.LittleEndian.PutUint16(rows.Data[at:], (x+5)%uint16(len(p.Palette)))
		case t.fault == "wrong pad" && target:
			h.Pad[i*guest.RowBytes(h.Width)] ^= 1
		case t.fault == "a trap with another answer" && !target:
			h.Pad[i*guest.RowBytes(h.Width)] ^= h.Mask[i*guest.RowBytes(h.Width)]
		case t.fault == "a trap too few" && !target && i%50 == 0:
			h.Kind[i], h.Parity[i] = 0, 0
			clear(h.Mask[i*guest.RowBytes(h.Width) : (i+1)*guest.RowBytes(h.Width)])
		}
	}
}

func (t *toy) judge(args []uint64, in map[int][]byte) (map[int][]byte, error) {
	p, err := guest.ParsePlan(in[2])
	if err != nil {
		return nil, err
	}
	h, err := guest.ParseHidden(in[3], p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	o, err := guest.ParseOutcomes(in[4], p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	v, err := traps.Judge(p, h, o, int(args[0]))
	if t.fault == "judges hostile data" && err != nil && o.N == int(p.Shots) && uint64(o.N) == args[0] {
		v, err = &guest.Verdict{Shots: p.Shots, Judged: p.Shots, Traps: p.Traps, TrapPass: p.Shots}, nil
	}
	if err != nil {
		return nil, err
	}
	switch {
	case t.fault == "always passes" && v.Judged == v.Shots:
		v.Decision, v.TrapPass, v.TrapFail = guest.DecisionPass, v.Shots, 0
	case t.fault == "always fails":
		v.Decision, v.TrapPass, v.TrapFail = guest.DecisionFail, 0, v.Shots
	case t.fault == "reads targets" && o.N > 0:
		v.MaxGlobal += int64(o.Rows[0])
	case t.fault == "pending at the end" && v.Decision == guest.DecisionPending && v.Judged > 0:
		v.Decision = guest.DecisionPass
	}
	return map[int][]byte{16: v.Append(nil)}, nil
}

func (t *toy) audit(args []uint64, in map[int][]byte) (map[int][]byte, error) {
	l, err := guest.ParseLayered(in[1])
	if err != nil {
		return nil, err
	}
	p, err := guest.ParsePlan(in[2])
	if err != nil {
		return nil, err
	}
	h, err := guest.ParseHidden(in[3], p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	o, err := guest.ParseOutcomes(in[4], p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	if args[0] != p.Shots && t.fault != "audits any number" {
		return nil, fmt.Errorf("%d slots of %d", args[0], p.Shots)
	}
	a, err := traps.Score(l, p, h, o)
	if err != nil {
		return nil, err
	}
	switch {
	case t.fault == "audit passes" && a.Verdict == guest.AuditFail:
		a.Verdict, a.Fraud, a.Score = guest.AuditPass, false, a.Limit
	case t.fault == "audit scores traps":
		for i := range o.N {
			if h.Kind[i] != 0 && o.Has(i) {
				a.SumP[0] += uint64(o.Rows[i])
			}
		}
	case t.fault == "audit counts wrong":
		a.Shots++
	case t.fault == "audit remembers":
		a.SumP[0] += uint64(t.age)
	}
	return map[int][]byte{16: a.Append(nil)}, nil
}

// compile takes circuits whose gates already form layers on coupled qubits; the
// samples of the suite do not, so it answers with its faults only.
func (t *toy) compile(in map[int][]byte) (map[int][]byte, error) {
	c, err := guest.ParseCircuit(in[1])
	if err != nil {
		return nil, err
	}
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: c.Qubits}, U: make([]circuit.U3Angles, c.Qubits), Clbits: max(c.Clbits, 1), Measure: make([]int, c.Qubits)}
	for q := range l.Measure {
		l.Measure[q] = circuit.NoClbit
	}
	for _, op := range c.Ops {
		if op.Gate == circuit.Measure {
			l.Measure[op.Q[0]] = int(op.Clbit)
		}
	}
	return map[int][]byte{16: guest.AppendLayered(nil, l)}, nil
}

func toyGuest(kind abi.Kind, fault string) abitest.Guest {
	m := wasmtest.New().Traps()
	if fault != "no audit" {
		m.Add("qx_audit", "i", "i", "", wasmtest.I32(0))
	}
	if kind == abi.KindCompiler {
		m = wasmtest.New().Compiler()
	}
	if fault == "no marker" {
		m.Funcs[0].Export = "marker"
	}
	return abitest.Guest{Kind: kind, Wasm: m.Bytes(), Open: func(context.Context) (abi.Caller, func() error, error) {
		return &toy{kind: kind, fault: fault}, func() error { return nil }, nil
	}}
}

// failing runs the checks named, or all, and returns those that fail.
func failing(t *testing.T, g abitest.Guest, only ...string) map[string]error {
	bad := map[string]error{}
	for _, c := range abitest.Checks(g.Kind) {
		if len(only) > 0 && !slices.Contains(only, c.Name) {
			continue
		}
		if err := c.Run(t.Context(), g); err != nil {
			bad[c.Name] = err
		}
	}
	return bad
}

// TestFaults: the toy without a fault passes; each fault is found by the check
// that is about it.
func TestFaults(t *testing.T) {
	require.Empty(t, failing(t, toyGuest(abi.KindTraps, "")))
	for fault, check := range map[string]string{
		"no marker":                     "marker",
		"manifest of another kind":      "describe",
		"manifest changes":              "describe",
		"manifest without a name":       "describe",
		"plan depends on the past":      "plan is a function of its inputs",
		"plan for other shots":          "edges of jobs",
		"slots depend on the chunk":     "slots do not depend on chunks",
		"slots depend on the past":      "slots replay in a fresh instance",
		"half the root":                 "another root, other slots",
		"a trap too few":                "roles fit the plan",
		"another circuit":               "target slots are the circuit",
		"wrong pad":                     "target slots are the circuit",
		"a trap with another answer":    "a device without errors passes every trap",
		"leaks":                         "calls leave no memory behind",
		"trap on " + abi.ExportDescribe: "describe",
		"more slots a call":             "slot numbers outside the job",
		"always passes":                 "judge knows good from bad",
		"always fails":                  "judge knows good from bad",
		"reads targets":                 "judge reads traps only",
		"pending at the end":            "judge at every window",
		"judges hostile data":           "judge and hostile counts",
		"trap on " + abi.ExportPlan:     "plan and lying inputs",
		"trap on " + abi.ExportGenerate: "generate and lying inputs",
		"trap on " + abi.ExportJudge:    "judge and lying inputs",
		"broken by an error":            "plan and lying inputs",
		"audit passes":                  "audit knows good from bad",
		"audit scores traps":            "audit knows good from bad",
		"audit counts wrong":            "audit knows good from bad",
		"audit remembers":               "audit knows good from bad",
		"audits any number":             "audit knows good from bad",
		"trap on " + abi.ExportAudit:    "audit knows good from bad",
	} {
		require.Contains(t, failing(t, toyGuest(abi.KindTraps, fault), check), check, fault)
	}
	require.ErrorIs(t, failing(t, toyGuest(abi.KindTraps, "no audit"))["audit knows good from bad"], abitest.ErrSkip)
}

// TestCompilerFaults: a compiler that drops every gate is found, and so is one
// that traps.
func TestCompilerFaults(t *testing.T) {
	bad := failing(t, toyGuest(abi.KindCompiler, ""))
	require.Contains(t, bad, "the layered circuit means the circuit")
	require.Contains(t, bad, "circuits on coupled devices")
	require.Contains(t, bad, "circuits that cannot be compiled")
	require.NotContains(t, bad, "describe")
	require.NotContains(t, bad, "marker")
	require.Contains(t, failing(t, toyGuest(abi.KindCompiler, "trap on qx_compile")), "compile and lying inputs")
	require.Contains(t, failing(t, toyGuest(abi.KindCompiler, "manifest changes")), "describe")
}
