package wasmbin_test

import (
	"context"
	"testing"

	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// Bugs of the pinned engine that the validator keeps guests away from. A canary
// asserts that the bug is still there, so that an upgrade that mends it is noticed;
// then the denial may be thought over, and the canary goes.

// activeSegments is a module that uses segments after instantiation dropped them:
// memory.init and table.init of one item of an active segment. WebAssembly Core
// 2.0, §4.5.4 (instantiation, steps 14 to 16), drops active segments, so both must
// trap.
func activeSegments() []byte {
	m := New().WithoutImports()
	m.Add("data", "", "i", "", Cat(I32(10), I32(0), I32(1), Op(0xfc, 0x08, 0, 0), I32(10), Op(0x2d, 0, 0)))
	m.Add("table", "", "i", "", Cat(I32(1), I32(0), I32(1), Op(0xfc, 0x0c, 0, 0), I32(1), Op(0x11), U(uint64(m.TypeIndex("", "i"))), Op(0)))
	seven := m.Add("", "", "i", "", I32(7))
	m.Before[4] = Cat(U(1), Op(0x70, 1, 2, 2))
	m.Before[9] = Vec(Cat(Op(0), I32(0), Op(0x0b), Vec(U(uint64(seven)))))
	m.Before[12] = U(1)
	m.Before[11] = Vec(Cat(Op(0), I32(0), Op(0x0b), Name("A")))
	return m.Bytes()
}

func TestCanaryActiveSegments(t *testing.T) {
	ctx := context.Background()
	wasm := activeSegments()
	for name, cfg := range map[string]wazero.RuntimeConfig{"compiler": wazero.NewRuntimeConfig(), "interpreter": wazero.NewRuntimeConfigInterpreter()} {
		rt := wazero.NewRuntimeWithConfig(ctx, cfg.WithCoreFeatures(api.CoreFeaturesV2))
		m, err := rt.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig())
		require.NoError(t, err, name)
		got, err := m.ExportedFunction("data").Call(ctx)
		require.NoError(t, err, "%s: wazero drops active data segments now: think over the denial of memory.init", name)
		require.Equal(t, []uint64{'A'}, got, name)
		_, err = m.ExportedFunction("table").Call(ctx)
		require.ErrorContains(t, err, "invalid table access", "%s: element segments are dropped, as they should be", name)
		require.NoError(t, rt.Close(ctx))
	}
	// No guest can get there: the instructions are refused, each by its rule, and so
	// are passive segments.
	for _, row := range []struct {
		code []byte
		rule wasmbin.Rule
	}{
		{Cat(I32(0), I32(0), I32(0), Op(0xfc, 0x08, 0, 0)), wasmbin.RuleOpBulk}, {Op(0xfc, 0x09, 0), wasmbin.RuleOpBulk},
		{Cat(I32(0), I32(0), I32(0), Op(0xfc, 0x0c, 0, 0)), wasmbin.RuleOpTable}, {Op(0xfc, 0x0d, 0), wasmbin.RuleOpBulk},
	} {
		_, rule := read(t, withPlan(row.code, ""))
		require.Equal(t, row.rule, rule)
	}
	_, rule := read(t, wasm)
	require.NotEmpty(t, rule)
}
