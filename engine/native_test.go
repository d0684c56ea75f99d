package engine_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/traps"
	"github.com/stretchr/testify/require"
)

// nativeTraps runs the native definition in the module's place.
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

func (n nativeTraps) Generate(_ context.Context, layered, plan []byte, _ guest.Header, _ guest.Policy, root [32]byte, first uint64, k int) (*guest.Rows, *guest.Hidden, error) {
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

func (n nativeTraps) Judge(_ context.Context, plan []byte, h *guest.Hidden, o *guest.Outcomes) (*guest.Verdict, []byte, error) {
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

// layering compiles circuits that are layers of u3 and CZ already.
type layering struct{}

func (layering) Compile(_ context.Context, c *circuit.Circuit, _ guest.Target) (*circuit.Layered, []byte, error) {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: c.Qubits}, Clbits: c.Qubits, Measure: make([]int, c.Qubits)}
	for q := range l.Measure {
		l.Measure[q] = q
	}
	l.U = make([]circuit.U3Angles, c.Qubits)
	open := false // the newest CZ layer still takes pairs
	for _, op := range c.Ops {
		switch op.Gate {
		case circuit.U3:
			open = false
			l.U[len(l.Layers)*c.Qubits+int(op.Q[0])] = circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]}.Normal()
		case circuit.CZ:
			if !open {
				l.Layers = append(l.Layers, []circuit.Pair{})
				l.U = append(l.U, make([]circuit.U3Angles, c.Qubits)...)
				open = true
			}
			last := &l.Layers[len(l.Layers)-1]
			*last = append(*last, circuit.Pair{A: op.Q[0], B: op.Q[1]})
		default:
			return nil, nil, errors.New("not layered")
		}
	}
	return l, guest.AppendLayered(nil, l), l.Validate()
}

// rows is a backend whose outcomes a function gives.
type rows struct {
	name string
	run  func(ctx context.Context, b *backends.Batch, emit backends.Emit) error
}

func (r rows) Name() string { return r.name }
func (r rows) Close() error { return nil }
func (r rows) Capabilities(context.Context) (backends.Capabilities, error) {
	return backends.Capabilities{Simulator: true, Device: transcript.SimulatorDevice("numeric/test")}, nil
}
func (r rows) Run(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
	return r.run(ctx, b, emit)
}

// bits emits slots in groups, each row from f.
func bits(f func(slot int, row []byte)) rows {
	return rows{"bits", func(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
		w := b.Skeleton.Width
		for first := 0; first < b.Rows.N; first += 64 {
			n := min(64, b.Rows.N-first)
			o := &guest.Outcomes{First: uint64(first), N: n, Width: w, Rows: make([]byte, n*guest.RowBytes(w)), Present: transcript.AllPresent(uint64(n))}
			for i := range n {
				f(first+i, o.Row(i))
			}
			if err := emit(o); err != nil {
				return err
			}
		}
		return ctx.Err()
	}}
}

func silent(int, []byte) {}

func named(t testing.TB, name string) digest.Digest {
	t.Helper()
	return digest.Sum([]byte(name))
}

// config is a provider's, with native parts.
func config(t testing.TB, b backends.Backend) engine.Config {
	t.Helper()
	j, err := engine.OpenJournal(filepath.Join(t.TempDir(), "journal"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() })
	at := time.UnixMilli(1_763_830_000_000)
	return engine.Config{Compiler: layering{}, Traps: nativeTraps{traps.Accredit}, Backend: b, Journal: j,
		Modules: transcript.ModuleSet{{Slot: "compiler", Name: "layering", Version: "1", ABI: 1, Size: 1, SHA3: named(t, "compiler")},
			{Slot: "traps", Name: "accredit", Version: "1", ABI: 1, Size: 1, SHA3: named(t, "traps")}},
		ProviderID: named(t, "provider"), Version: "engine/0.0.0 numeric/test meter/0",
		Now: func() time.Time { at = at.Add(time.Millisecond); return at }}
}

// task is a bare trapset job.
func task(t testing.TB, width, depth int, shots, ppm uint64) engine.Task {
	t.Helper()
	pol, err := job.NamedTrapPolicy(job.ExactPolicy)
	require.NoError(t, err)
	h, err := pol.Hash()
	require.NoError(t, err)
	j := &job.Job{JobID: named(t, "job"), Kind: job.KindQuantum, Spec: job.Spec{CircuitID: "animica.quantum.trapset.v1", Width: uint64(width), Depth: uint64(depth),
		Shots: shots, TrapRatioPPM: ppm, TrapMode: job.TrapModeProcess, Seed: named(t, "seed")}}
	l, err := job.Local(j, h)
	require.NoError(t, err)
	c, err := circuit.Generate(j.Spec.CircuitID, width, depth, j.Spec.Seed)
	require.NoError(t, err)
	return engine.Task{Lease: l, Circuit: c, Policy: pol}
}

func newEngine(t *testing.T, cfg engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.New(cfg)
	require.NoError(t, err)
	return e
}
