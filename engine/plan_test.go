package engine_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/traps"
	"github.com/stretchr/testify/require"
)

func TestPlanIsReproducible(t *testing.T) {
	ctx := context.Background()
	a, err := newEngine(t, config(t, bits(silent))).Plan(ctx, task(t, 4, 8, 512, 200_000))
	require.NoError(t, err)
	b, err := newEngine(t, config(t, bits(silent))).Plan(ctx, task(t, 4, 8, 512, 200_000))
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.Equal(t, 512, a.Rows.N)

	// One changed byte in the trap module changes M, X and every row.
	cfg := config(t, bits(silent))
	cfg.Modules[1].SHA3[0] ^= 1
	c, err := newEngine(t, cfg).Plan(ctx, task(t, 4, 8, 512, 200_000))
	require.NoError(t, err)
	require.Equal(t, a.J, c.J)
	require.NotEqual(t, a.M, c.M)
	require.NotEqual(t, a.X, c.X)
	for i := range a.Rows.N {
		require.NotEqual(t, a.Rows.Row(i), c.Rows.Row(i), "slot %d", i)
	}
}

// altered changes what the trap library generates.
type altered struct {
	nativeTraps
	rows   func(*guest.Rows, *guest.Hidden)
	plan   func(*guest.Plan)
	report func(*guest.Verdict)
}

func (a altered) Plan(ctx context.Context, layered []byte, h guest.Header, p guest.Policy) (*guest.Plan, []byte, error) {
	plan, raw, err := a.nativeTraps.Plan(ctx, layered, h, p)
	if err == nil && a.plan != nil {
		a.plan(plan)
		raw = plan.Append(nil)
	}
	return plan, raw, err
}

func (a altered) Generate(ctx context.Context, layered, plan []byte, h guest.Header, p guest.Policy, root [32]byte, first uint64, n int) (*guest.Rows, *guest.Hidden, error) {
	r, hid, err := a.nativeTraps.Generate(ctx, layered, plan, h, p, root, first, n)
	if err == nil && a.rows != nil {
		a.rows(r, hid)
	}
	return r, hid, err
}

func (a altered) Judge(ctx context.Context, plan []byte, h *guest.Hidden, o *guest.Outcomes) (*guest.Verdict, []byte, error) {
	v, raw, err := a.nativeTraps.Judge(ctx, plan, h, o)
	if err == nil && a.report != nil {
		a.report(v)
		raw = v.Append(nil)
	}
	return v, raw, err
}

func firstTarget(h *guest.Hidden) int { return bytes.IndexByte(h.Kind, byte(guest.SlotTarget)) }
func firstTrap(h *guest.Hidden) int   { return bytes.IndexByte(h.Kind, byte(guest.SlotMatch)) }

func TestPlanRefusesWhatTheTrapLibraryAlters(t *testing.T) {
	for name, a := range map[string]altered{
		"another gate in a target slot": {rows: func(r *guest.Rows, h *guest.Hidden) {
			row := r.Row(firstTarget(h))
			other := r.Row(firstTrap(h))
			copy(row, other)
		}},
		"a wrong pad":        {rows: func(_ *guest.Rows, h *guest.Hidden) { h.Pad[firstTarget(h)*guest.RowBytes(h.Width)] ^= 1 }},
		"a trap less":        {rows: func(_ *guest.Rows, h *guest.Hidden) { h.Kind[firstTrap(h)] = 0 }},
		"another window":     {rows: func(_ *guest.Rows, h *guest.Hidden) { h.Window[0]++ }},
		"other slots":        {rows: func(r *guest.Rows, h *guest.Hidden) { r.First++; h.First++ }},
		"another ratio":      {plan: func(p *guest.Plan) { p.RatioPPM++ }},
		"a milder policy":    {plan: func(p *guest.Plan) { p.Policy.RO *= 100 }},
		"another skeleton":   {plan: func(p *guest.Plan) { p.Skeleton.Layers[0] = p.Skeleton.Layers[0][1:] }},
		"a palette too thin": {plan: func(p *guest.Plan) { p.Palette = p.Palette[:20] }, rows: func(r *guest.Rows, _ *guest.Hidden) { clear(r.Data) }},
	} {
		cfg := config(t, bits(silent))
		a.nativeTraps = nativeTraps{traps.Accredit}
		cfg.Traps = a
		_, err := newEngine(t, cfg).Plan(context.Background(), task(t, 4, 8, 512, 200_000))
		require.Error(t, err, name)
		if name != "another skeleton" && name != "a palette too thin" { // the native library itself refuses those
			require.ErrorIs(t, err, engine.ErrViolation, name)
		}
	}
}

func TestPlanRefusesWrongDeclarations(t *testing.T) {
	ctx := context.Background()
	e := newEngine(t, config(t, bits(silent)))
	for name, change := range map[string]func(*engine.Task){
		"spec.width is 5":         func(k *engine.Task) { k.Lease.Job.Spec.Width = 5 },
		"spec.depth is 9":         func(k *engine.Task) { k.Lease.Job.Spec.Depth = 9 },
		"spec.shots is 0":         func(k *engine.Task) { k.Lease.Job.Spec.Shots = 0 },
		"spec.shots is 10000001":  func(k *engine.Task) { k.Lease.Job.Spec.Shots = 10_000_001 },
		"lease.policy_hash is 00": func(k *engine.Task) { k.Lease.PolicyHash = [32]byte{} },
	} {
		k := task(t, 4, 8, 512, 200_000)
		change(&k)
		_, err := e.Plan(ctx, k)
		require.ErrorIs(t, err, engine.ErrRefused, name)
		require.ErrorContains(t, err, name)
	}
	k := task(t, 20, 120, 2_000_000, 1_000)
	_, err := e.Plan(ctx, k)
	require.ErrorIs(t, err, engine.ErrRefused)
	require.ErrorContains(t, err, "shots fit")
}

// TestDriversViewHoldsNoSecret looks for what must never leave the engine in
// every byte that a backend is given.
func TestDriversViewHoldsNoSecret(t *testing.T) {
	k := task(t, 4, 8, 512, 200_000)
	cfg := config(t, bits(silent))
	p, err := newEngine(t, cfg).Plan(context.Background(), k)
	require.NoError(t, err)
	b := p.Batch()
	require.Zero(t, b.Key)
	root, err := seed.Root(cfg.Modules[1].SHA3, k.Lease.Seed, p.J)
	require.NoError(t, err)
	view := append([]byte(b.Meta.JobID+b.Meta.LeaseID), b.Rows.Append(nil)...)
	for _, u := range b.Palette {
		for _, a := range []uint64{uint64(u.Theta), uint64(u.Phi), uint64(u.Lambda)} {
			view = append(view, byte(a), byte(a>>8), byte(a>>16), byte(a>>24), byte(a>>32), byte(a>>40), byte(a>>48), byte(a>>56))
		}
	}
	for name, secret := range map[string][]byte{"seed": k.Lease.Seed[:], "root": root[:], "pads": p.Hidden.Pad, "kinds": p.Hidden.Kind, "masks": p.Hidden.Mask,
		"seed in hex": []byte(k.Lease.Seed.String()), "module hash": cfg.Modules[1].SHA3[:], "library": []byte("accredit")} {
		require.False(t, bytes.Contains(view, secret), name)
	}
}

// TestPlanRefusesDynamicCircuits: traps cannot cover them.
func TestPlanRefusesDynamicCircuits(t *testing.T) {
	for name, op := range map[string]circuit.Op{"reset": {Gate: circuit.Reset, NQ: 1}, "conditional": {Gate: circuit.X, NQ: 1, Cond: 1}} {
		k := task(t, 4, 8, 512, 200_000)
		k.Lease.Job.Spec.Depth = 0
		k.Circuit.Clbits, k.Circuit.Conds = 4, []circuit.Cond{{Terms: []circuit.CondTerm{{Bits: []uint32{0}, Value: 1}}}}
		k.Circuit.Ops = append(k.Circuit.Ops, circuit.Op{Gate: circuit.Measure, NQ: 1}, op)
		_, err := newEngine(t, config(t, bits(silent))).Plan(context.Background(), k)
		require.ErrorIs(t, err, engine.ErrRefused, name)
		require.ErrorIs(t, err, backends.ErrUnsupported, name)
	}
}
