package cheat_test

import (
	"context"
	"flag"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/cheat"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/animicaorg/engine/traps/zoo"
)

var full = flag.Bool("zoo.full", false, "run every strategy 20 times instead of 2")

// device wraps the strategy around a device of the noise that the policy expects,
// or its own.
func device(t testing.TB, name string) backends.Backend {
	t.Helper()
	var inner backends.Backend = sim.New()
	if !slices.Contains([]string{"honest", "noise-2", "noise-3"}, name) {
		h, err := cheat.New("honest", inner)
		require.NoError(t, err)
		inner = h
	}
	b, err := cheat.New(name, inner)
	require.NoError(t, err)
	return b
}

// tally compares passes with a model, by kind.
type tally struct{ passes, expected, variance [2]float64 }

func (y *tally) sigmas(k int) float64 {
	return (y.passes[k] - y.expected[k]) / math.Sqrt(y.variance[k]+1)
}

// add counts the traps that were judged. A run stops at a verdict; passes less
// expected passes stay centred all the same (Wald).
func (y *tally) add(p *engine.Plan, o *engine.Outcome, rates func(window int) (a, b float64)) {
	y.passes[0] += float64(o.Verdict.KA)
	y.passes[1] += float64(o.Verdict.KB)
	for i := range o.Verdict.Judged {
		k := int(p.Hidden.Kind[i]) - int(guest.SlotMatch)
		if guest.SlotKind(p.Hidden.Kind[i]) == guest.SlotTarget {
			continue
		}
		a, b := rates(int(p.Hidden.Window[i]))
		r := [2]float64{a, b}[k]
		y.expected[k] += r
		y.variance[k] += r * (1 - r)
	}
}

// TestZoo runs every strategy through the engine and holds it against its model:
// how many traps of each kind pass, and how often the verdict is fail.
func TestZoo(t *testing.T) {
	runs := 2
	if *full {
		runs = 20
	}
	s, err := zoo.New(8, 16, zoo.Shots, zoo.RatioPPM, stats.RefPolicy())
	require.NoError(t, err)
	require.Len(t, zoo.Strategies(), len(cheat.Names()))
	for i, st := range zoo.Strategies() {
		t.Run(st.Name, func(t *testing.T) {
			jobs := 2000
			model, err := s.Run(t.Context(), st, jobs, zoo.Predicted, 1)
			require.NoError(t, err)
			rates := func(w int) (float64, float64) {
				if st.Frames() {
					return float64(model.PassA) / float64(model.TrapsA), float64(model.PassB) / float64(model.TrapsB)
				}
				a, b := s.Rates(st, w)
				if st.Name == "drop" { // a lost trap has failed
					a, b = a*7/8, b*7/8
				}
				return a, b
			}
			var y tally
			var seen zoo.Count
			e := newEngine(t, device(t, st.Name))
			for n := range runs {
				p, err := e.Plan(context.Background(), task(t, "ref@1", uint64(100*i+n)))
				require.NoError(t, err)
				o, err := e.Run(context.Background(), p)
				require.NoError(t, err)
				y.add(p, o, rates)
				seen.Jobs++
				if o.Verdict.Decision != guest.DecisionPass {
					seen.Detected++
				}
			}
			predicted := zoo.Prediction{Detected: model.Share(), Jobs: model.Jobs}
			t.Logf("%d of %d found out, model %.4f; A %+.2f B %+.2f sigma", seen.Detected, seen.Jobs, model.Share(), y.sigmas(0), y.sigmas(1))
			require.Less(t, math.Abs(y.sigmas(0)), 4.0, "kind A: %v passes, %v expected", y.passes[0], y.expected[0])
			require.Less(t, math.Abs(y.sigmas(1)), 4.0, "kind B: %v passes, %v expected", y.passes[1], y.expected[1])
			require.Less(t, math.Abs(predicted.Sigmas(seen)), 4.0, "%d of %d found out, the model says %v", seen.Detected, seen.Jobs, model.Share())
			if st.Name != "honest" { // an honest one is found out only by chance
				require.Equal(t, cheat.Caught(st.Name), model.Share() > .5)
			}
		})
	}
}

// TestSecondaryFamilies runs noisy and cheating devices through the engine with the
// other libraries: an honest device passes as often as the exact sum says, a cheater
// as the model says.
func TestSecondaryFamilies(t *testing.T) {
	for i, family := range []string{"clifford_parity", "trap_h", "trap_xz", "cst", "iqp", "hidden_angle", "xeb_small"} {
		mix, err := traps.MixOf(family, "1.0.0")
		require.NoError(t, err)
		s, err := zoo.NewOf(mix, 8, 16, zoo.Shots, 300_000, stats.RefPolicy())
		require.NoError(t, err)
		for k, name := range []string{"honest", "fake-half", "uniform", "noise-3"} {
			t.Run(family+" "+name, func(t *testing.T) {
				st, ok := zoo.Find(name)
				require.True(t, ok)
				model, err := s.Run(t.Context(), st, 500, zoo.Predicted, 1)
				require.NoError(t, err)
				e, job := engineOf(t, device(t, name), family), task(t, "ref@1", uint64(9000+10*i+k))
				spec := &job.Lease.Job.Spec
				spec.TrapRatioPPM = 300_000
				require.NoError(t, spec.SetTrapFamily(family+"@1"))
				p, err := e.Plan(t.Context(), job)
				require.NoError(t, err)
				o, err := e.Run(t.Context(), p)
				require.NoError(t, err)
				var y tally
				y.add(p, o, func(w int) (float64, float64) { return s.Rates(st, w) })
				t.Logf("%v of %v and %v of %v expected passes, A %+.2f B %+.2f sigma; found out: %t, model %.3f", y.passes[0], y.expected[0], y.passes[1], y.expected[1],
					y.sigmas(0), y.sigmas(1), o.Verdict.Decision != guest.DecisionPass, model.Share())
				require.Less(t, math.Abs(y.sigmas(0)), 4.0)
				require.Less(t, math.Abs(y.sigmas(1)), 4.0)
				found := zoo.Count{Jobs: 1}
				if o.Verdict.Decision != guest.DecisionPass {
					found.Detected = 1
				}
				predicted := zoo.Prediction{Detected: model.Share(), Jobs: model.Jobs}
				require.Less(t, math.Abs(predicted.Sigmas(found)), 4.0)
			})
		}
	}
}

// keep runs a batch and keeps its outcomes.
type keep struct {
	backends.Backend
	rows, present []byte
}

func (k *keep) Run(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
	k.rows = nil
	return k.Backend.Run(ctx, b, func(o *guest.Outcomes) error {
		k.rows = append(k.rows, o.Rows...)
		return emit(o)
	})
}

// TestRolesShowInTheBatch: comparing slots tells every trap from every target
// without a secret. The verdict is a pass, and the target's outcomes are invented.
func TestRolesShowInTheBatch(t *testing.T) {
	honest := &keep{Backend: sim.New()}
	b, err := cheat.New("traps-honest", honest)
	require.NoError(t, err)
	e := newEngine(t, b)
	p, err := e.Plan(context.Background(), task(t, "exact@1", 1))
	require.NoError(t, err)
	o, err := e.Run(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, guest.DecisionPass, o.Verdict.Decision)
	require.Equal(t, [4]uint64{308, 308, 102, 102}, [4]uint64{o.Verdict.NA, o.Verdict.KA, o.Verdict.NB, o.Verdict.KB})
	changed, targets := 0, 0
	require.Len(t, honest.rows, 4096)
	for i, row := range o.Outcomes.Rows { // one byte a slot at width 8
		if guest.SlotKind(p.Hidden.Kind[i]) != guest.SlotTarget {
			require.Equal(t, honest.rows[i], row, "slot %d is a trap", i)
			continue
		}
		targets++
		if honest.rows[i] != row {
			changed++
		}
	}
	require.Equal(t, 3686, targets)
	require.InDelta(t, 3686*255./256, changed, 30)
}

// TestRetry: every run of one lease invents other slots, and all have the same
// nullifier, so that only one can count.
func TestRetry(t *testing.T) {
	e := newEngine(t, device(t, "retry"))
	p, err := e.Plan(context.Background(), task(t, "ref@1", 2))
	require.NoError(t, err)
	first, err := e.Run(context.Background(), p)
	require.NoError(t, err)
	second, err := e.Run(context.Background(), p)
	require.NoError(t, err)
	require.NotEqual(t, first.OutcomesRoot, second.OutcomesRoot)
	require.Equal(t, first.N, second.N)
}

// TestCountsByHand: whoever judges the committed outcomes again sees other counts
// than those that were written by hand.
func TestCountsByHand(t *testing.T) {
	e := newEngine(t, device(t, "hand-counts"))
	k := task(t, "ref@1", 3)
	p, err := e.Plan(context.Background(), k)
	require.NoError(t, err)
	o, err := e.Run(context.Background(), p)
	require.NoError(t, err)
	forged := *o.Verdict
	forged.KA, forged.KB, forged.Decision, forged.Reasons, forged.FirstBad = forged.NA, forged.NB, guest.DecisionPass, 0, guest.NoWindow
	forged.TrapPass, forged.TrapFail = forged.Shots, 0
	root, err := seed.Root(p.Modules[1].SHA3, k.Lease.Seed, p.J)
	require.NoError(t, err)
	again, err := traps.Rejudge(traps.Accredit, p.CompiledBytes, guest.Header{Shots: 4096, RatioPPM: 100_000}, k.Policy.Record, root, o.Outcomes, o.Verdict.Judged)
	require.NoError(t, err)
	require.Equal(t, p.RowsRoot, again.RowsRoot)
	require.Equal(t, o.Report, again.Report)
	require.NotEqual(t, forged.Append(nil), again.Report)
	require.Equal(t, guest.DecisionFail, again.Verdict.Decision)
}

// TestDeterministic: one batch gives one answer.
func TestDeterministic(t *testing.T) {
	for _, name := range []string{"honest", "fake-10", "shuffle", "traps-honest"} {
		var roots [2]any
		for i := range roots {
			e := newEngine(t, device(t, name))
			p, err := e.Plan(context.Background(), task(t, "ref@1", 4))
			require.NoError(t, err)
			o, err := e.Run(context.Background(), p)
			require.NoError(t, err)
			roots[i] = o.OutcomesRoot
		}
		require.Equal(t, roots[0], roots[1], name)
	}
}

func TestNames(t *testing.T) {
	require.True(t, slices.IsSorted(cheat.Names()))
	for _, name := range cheat.Names() {
		_, ok := zoo.Find(name)
		require.True(t, ok, name)
		b, err := cheat.New(name, sim.New())
		require.NoError(t, err)
		require.Equal(t, cheat.Prefix+name, b.Name())
		require.NotEmpty(t, b.Describe())
	}
	_, err := cheat.New("nobody", sim.New())
	require.ErrorContains(t, err, "traps-honest")
	require.False(t, cheat.Caught("nobody"))
}

// TestPaletteWithoutPaulis: noise cannot be put on a palette that no trap library
// makes.
func TestPaletteWithoutPaulis(t *testing.T) {
	k := task(t, "exact@1", 5)
	p, err := newEngine(t, sim.New()).Plan(context.Background(), k)
	require.NoError(t, err)
	b := p.Batch()
	b.Palette = slices.Clone(b.Palette)[:1]
	b.Rows.Data = make([]byte, len(b.Rows.Data))
	b.Palette[0].Theta, b.Palette[0].Phi, b.Palette[0].Lambda = 1<<50, 1<<51, 1<<52
	c, err := cheat.New("noise-3", sim.New())
	require.NoError(t, err)
	err = c.Run(context.Background(), b, func(*guest.Outcomes) error { return nil })
	require.ErrorIs(t, err, backends.ErrUnsupported)
	b.Rows = nil
	require.ErrorIs(t, c.Run(context.Background(), b, nil), backends.ErrBatch)
}
