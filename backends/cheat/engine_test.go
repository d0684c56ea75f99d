package cheat_test

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/traps"
)

// nativeTraps is the native definition in the module's place.
type nativeTraps struct{ mix traps.Mix }

func (n nativeTraps) Plan(_ context.Context, layered []byte, h guest.Header, p guest.Policy) (*guest.Plan, []byte, error) {
	l, err := guest.ParseLayered(layered)
	if err != nil {
		return nil, nil, err
	}
	plan, err := traps.Plan(l, h, p, n.mix)
	if err != nil {
		return nil, nil, err
	}
	return plan, plan.Append(nil), nil
}

func (nativeTraps) Generate(_ context.Context, layered, plan []byte, _ guest.Header, _ guest.Policy, root [32]byte, first uint64, k int) (*guest.Rows, *guest.Hidden, error) {
	l, err := guest.ParseLayered(layered)
	if err != nil {
		return nil, nil, err
	}
	p, err := guest.ParsePlan(plan)
	if err != nil {
		return nil, nil, err
	}
	return traps.Generate(l, p, root, first, k)
}

func (nativeTraps) Judge(_ context.Context, plan []byte, h *guest.Hidden, o *guest.Outcomes) (*guest.Verdict, []byte, error) {
	p, err := guest.ParsePlan(plan)
	if err != nil {
		return nil, nil, err
	}
	v, err := traps.Judge(p, h, o, o.N)
	if err != nil {
		return nil, nil, err
	}
	return v, v.Append(nil), nil
}

// layering compiles the trapset circuit, which is layers of u3 and CZ already.
type layering struct{}

func (layering) Compile(_ context.Context, c *circuit.Circuit, _ guest.Target) (*circuit.Layered, []byte, error) {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: c.Qubits}, Clbits: c.Qubits, Measure: make([]int, c.Qubits), U: make([]circuit.U3Angles, c.Qubits)}
	for q := range l.Measure {
		l.Measure[q] = q
	}
	open := false // the newest CZ layer still takes pairs
	for _, op := range c.Ops {
		if op.Gate == circuit.U3 {
			open = false
			l.U[len(l.Layers)*c.Qubits+int(op.Q[0])] = circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]}.Normal()
			continue
		}
		if !open {
			l.Layers, l.U, open = append(l.Layers, []circuit.Pair{}), append(l.U, make([]circuit.U3Angles, c.Qubits)...), true
		}
		last := &l.Layers[len(l.Layers)-1]
		*last = append(*last, circuit.Pair{A: op.Q[0], B: op.Q[1]})
	}
	return l, guest.AppendLayered(nil, l), l.Validate()
}

func newEngine(t testing.TB, b backends.Backend) *engine.Engine {
	t.Helper()
	return engineOf(t, b, "accredit")
}

// engineOf has another trap library.
func engineOf(t testing.TB, b backends.Backend, family string) *engine.Engine {
	t.Helper()
	mix, err := traps.MixOf(family, "1.0.0")
	require.NoError(t, err)
	j, err := engine.OpenJournal(filepath.Join(t.TempDir(), "journal"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() })
	at := time.UnixMilli(1_763_830_000_000)
	e, err := engine.New(engine.Config{Compiler: layering{}, Traps: nativeTraps{mix}, Backend: b, Journal: j,
		Modules: transcript.ModuleSet{{Slot: "compiler", Name: "layering", Version: "1", ABI: 1, Size: 1, SHA3: digest.Sum([]byte("compiler"))},
			{Slot: "traps", Name: family, Version: "1", ABI: 1, Size: 1, SHA3: digest.Sum([]byte("traps"))}},
		ProviderID: digest.Sum([]byte("provider")), Version: "engine/0.0.0 numeric/test meter/0",
		Now: func() time.Time { at = at.Add(time.Millisecond); return at }})
	require.NoError(t, err)
	return e
}

// task is the guide's job at 8x16; each n is another job with another seed.
func task(t testing.TB, policy string, n uint64) engine.Task {
	t.Helper()
	pol, err := job.NamedTrapPolicy(policy)
	require.NoError(t, err)
	h, err := pol.Hash()
	require.NoError(t, err)
	name := binary.LittleEndian.AppendUint64(nil, n)
	j := &job.Job{JobID: digest.Sum(append([]byte("job"), name...)), Kind: job.KindQuantum, Spec: job.Spec{CircuitID: "animica.quantum.trapset.v1", Width: 8, Depth: 16,
		Shots: 4096, TrapRatioPPM: 100_000, TrapMode: job.TrapModeProcess, Seed: digest.Sum(append([]byte("seed"), name...))}}
	l, err := job.Local(j, h)
	require.NoError(t, err)
	c, err := circuit.Generate(j.Spec.CircuitID, 8, 16, j.Spec.Seed)
	require.NoError(t, err)
	return engine.Task{Lease: l, Circuit: c, Policy: pol}
}
