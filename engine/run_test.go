package engine_test

import (
	"context"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends/cheat"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/stretchr/testify/require"
)

// withModules replaces the native parts by the shipped modules in their workers.
func withModules(t *testing.T, cfg engine.Config) engine.Config {
	t.Helper()
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	c, ok := embedded.Lookup("layered")
	require.True(t, ok)
	tr, ok := embedded.Lookup("accredit")
	require.True(t, ok)
	g, err := engine.OpenGuests(context.Background(), h, c.Bytes, tr.Bytes)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	cfg.Compiler, cfg.Traps, cfg.Modules = g.Compiler, g.Traps, g.Modules
	return cfg
}

func runTask(t *testing.T, cfg engine.Config, k engine.Task) (*engine.Plan, *engine.Outcome) {
	t.Helper()
	e := newEngine(t, cfg)
	p, err := e.Plan(context.Background(), k)
	require.NoError(t, err)
	o, err := e.Run(context.Background(), p)
	require.NoError(t, err)
	return p, o
}

func TestHonestRunPasses(t *testing.T) {
	modules := withModules(t, config(t, sim.New()))
	p, o := runTask(t, modules, task(t, 6, 12, 4096, 100_000))
	require.Equal(t, guest.DecisionPass, o.Verdict.Decision)
	require.Equal(t, uint64(410), o.Verdict.Traps)
	require.Equal(t, []uint64{308, 308, 102, 102}, []uint64{o.Verdict.NA, o.Verdict.KA, o.Verdict.NB, o.Verdict.KB})
	require.Equal(t, uint64(4096), o.Verdict.TrapPass)
	require.Equal(t, uint64(3686), o.TargetShots)
	require.EqualValues(t, engine.StatusCompleted, o.Status)

	// The native definition in the trap library's place gives the same bytes.
	cfg := config(t, sim.New())
	cfg.Compiler, cfg.Modules = modules.Compiler, p.Modules
	cfg.Threads = 1
	q, n := runTask(t, cfg, task(t, 6, 12, 4096, 100_000))
	require.Equal(t, p.CompiledBytes, q.CompiledBytes)
	require.Equal(t, p.TrapBytes, q.TrapBytes)
	require.Equal(t, p.X, q.X)
	require.Equal(t, o.Report, n.Report)
	require.Equal(t, o.OutcomesRoot, n.OutcomesRoot)
	require.Equal(t, o.G, n.G)
}

func TestCheatingBackendsFail(t *testing.T) {
	for _, name := range cheat.Names() {
		b, err := cheat.New(name, sim.New())
		require.NoError(t, err)
		_, o := runTask(t, config(t, b), task(t, 6, 12, 4096, 100_000))
		if !cheat.Caught(name) { // traps cannot see it, and must not seem to
			require.Equal(t, guest.DecisionPass, o.Verdict.Decision, name)
			continue
		}
		require.Equal(t, guest.DecisionFail, o.Verdict.Decision, name)
		require.NotEqualValues(t, engine.StatusCompleted, o.Status, name)
		require.Less(t, o.Verdict.TrapPass, uint64(4096), name)
		require.Equal(t, uint64(4096), o.Verdict.TrapPass+o.Verdict.TrapFail, name)
	}
}

func TestTooFewTrapsAreInsufficient(t *testing.T) {
	for _, k := range []engine.Task{task(t, 6, 12, 32, 100_000), task(t, 6, 12, 4096, 0)} {
		_, o := runTask(t, config(t, sim.New()), k)
		require.Equal(t, guest.DecisionInsufficient, o.Verdict.Decision)
		require.Zero(t, o.Verdict.TrapPass)
		require.EqualValues(t, engine.StatusFailed, o.Status)
	}
}

// TestAlwaysFail: the verdict is the module's.
func TestAlwaysFail(t *testing.T) {
	cfg := config(t, sim.New())
	cfg.Traps = altered{nativeTraps: cfg.Traps.(nativeTraps), report: func(v *guest.Verdict) {
		v.Decision, v.FirstBad, v.TrapPass, v.TrapFail = guest.DecisionFail, 0, 0, v.Shots
	}}
	_, o := runTask(t, cfg, task(t, 6, 12, 4096, 100_000))
	require.Equal(t, guest.DecisionFail, o.Verdict.Decision)
	require.EqualValues(t, engine.StatusAborted, o.Status)
	require.Less(t, o.Outcomes.Executed(), uint64(4096), "fail-fast")
}
