//go:build wasmtime && cgo

package wasmtimert_test

import (
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/abitest"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	"github.com/animicaorg/engine/host/wasmtimert"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/stretchr/testify/require"
)

func init() { runtimes = append(runtimes, wasmtimert.Name) }

func open(t *testing.T, runtime, module string, kind abi.Kind) *host.Instance {
	t.Helper()
	m, ok := embedded.Lookup(module)
	require.True(t, ok)
	h, err := host.New(host.Config{Runtime: runtime})
	require.NoError(t, err)
	loaded, err := h.Load(t.Context(), m.Bytes, kind)
	require.NoError(t, err)
	return hosttest.Open(t, loaded)
}

// TestRuntimesAgree runs one job through the shipped guests on all runtimes and
// wants the same bytes.
func TestRuntimesAgree(t *testing.T) {
	c, err := circuit.Generate("animica.quantum.trapset.v1", 5, 10, [32]byte{7})
	require.NoError(t, err)
	low, err := c.Lower()
	require.NoError(t, err)
	h, pol := guest.Header{Shots: 256, RatioPPM: 250_000}, guest.Policy{P1: 1000, P2: 1000, RO: 1000, AlphaE: 500_000, AlphaA: 400_000, AlphaB: 100_000, TMinAlpha: 1_000_000, TMinBeta: 1000}
	type result struct{ layered, plan, rows, hidden, report []byte }
	var first *result
	for _, name := range runtimes {
		var r result
		_, r.layered, err = abi.Compiler{Caller: open(t, name, "layered", abi.KindCompiler)}.Compile(t.Context(), low, guest.Target{})
		require.NoError(t, err, name)
		lib := abi.TrapLibrary{Caller: open(t, name, "accredit", abi.KindTraps)}
		_, r.plan, err = lib.Plan(t.Context(), r.layered, h, pol)
		require.NoError(t, err, name)
		rows, hidden, err := lib.Generate(t.Context(), r.layered, r.plan, h, pol, [32]byte{9}, 0, 256)
		require.NoError(t, err, name)
		r.rows, r.hidden = rows.Append(nil), hidden.Append(nil)
		out := &guest.Outcomes{N: 256, Width: 5, Rows: make([]byte, 256), Present: make([]byte, 32)}
		_, r.report, err = lib.Judge(t.Context(), r.plan, hidden, out)
		require.NoError(t, err, name)
		if first == nil {
			first = &r
			continue
		}
		require.Equal(t, *first, r, name)
	}
}

// TestConformance scores the shipped guests on wasmtime.
func TestConformance(t *testing.T) {
	h, err := host.New(host.Config{Runtime: wasmtimert.Name})
	require.NoError(t, err)
	for name, kind := range map[string]abi.Kind{"layered": abi.KindCompiler, "accredit": abi.KindTraps} {
		m, ok := embedded.Lookup(name)
		require.True(t, ok)
		abitest.Run(t, abitest.OnHost(h, m.Bytes, kind))
	}
}
