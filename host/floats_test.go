package host_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
)

// nan is a qx_plan that writes the bits of 0/0, and of an infinity minus itself, to
// output 16, each through a truncation that does not trap.
func nan() []byte {
	zero := Op(0x44, 0, 0, 0, 0, 0, 0, 0, 0)
	inf := Op(0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f)
	return Cat(I32(0), zero, zero, Op(0xa3), Op(0x39, 3, 0), // f64.store of 0/0
		I32(8), inf, inf, Op(0xa1), Op(0x39, 3, 0),
		I32(16), zero, zero, Op(0xa3), Op(0xfc, 0x06), Op(0x37, 3, 0), // i64.trunc_sat_f64_s of a NaN is 0
		I32(16), I32(0), I32(24), Call(OutWrite), Op(0x1a), I32(0))
}

// TestFloatPolicy: a module with floating point loads where the host allows it, and
// its NaNs have one bit pattern; without floats nothing changes.
func TestFloatPolicy(t *testing.T) {
	wasm := plan(nan())
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	_, err = h.Load(t.Context(), wasm, abi.KindTraps)
	var refused *host.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, abi.LoadRejected, refused.Class)

	floats, err := host.New(host.Config{Floats: true})
	require.NoError(t, err)
	m, err := floats.Load(t.Context(), wasm, abi.KindTraps)
	require.NoError(t, err)
	require.True(t, m.Floats())
	o, err := hosttest.Open(t, m).Call(t.Context(), "qx_plan", nil, nil)
	require.NoError(t, err)
	require.Equal(t, abi.OK, o.Class, o.Message)
	one := []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x7f}
	require.Equal(t, Cat(one, one, make([]byte, 8)), o.Out[16])

	for _, kind := range []abi.Kind{abi.KindTraps, abi.KindCompiler} {
		build := New().Traps
		if kind == abi.KindCompiler {
			build = New().Compiler
		}
		plain := build().Bytes()
		a, err := h.Load(t.Context(), plain, kind)
		require.NoError(t, err)
		b, err := floats.Load(t.Context(), plain, kind)
		require.NoError(t, err)
		require.False(t, b.Floats())
		require.Equal(t, a.MeteredHash(), b.MeteredHash())
	}
}

// TestFloatLimits: under policy canonical a trap library may have 4 MiB, a host's own
// limit stands, and a module that is refused for another reason says which.
func TestFloatLimits(t *testing.T) {
	long := func(n int) []byte {
		m := New()
		m.Max = 64
		m.Add("qx_plan", "", "i", "", I32(0))
		m.Traps()
		bare := len(m.Bytes())
		m.Customs = [][]byte{Cat(Name("pad"), make([]byte, 1<<20-16))}
		b := m.Bytes()
		require.Greater(t, len(b), bare)
		return append(b, make([]byte, max(0, n-len(b)))...)
	}
	p := wasmbin.TrapLibrary()
	require.Equal(t, 1<<20, p.Limits.ModuleBytes)
	require.Equal(t, 4<<20, p.Canonical().Limits.ModuleBytes)
	compiler := wasmbin.Compiler()
	require.Equal(t, compiler.Limits.ModuleBytes, compiler.Canonical().Limits.ModuleBytes)

	over := long(0) // a little above 1 MiB
	require.Greater(t, len(over), 1<<20)
	for _, c := range []struct {
		cfg  host.Config
		wasm []byte
		rule wasmbin.Rule
	}{
		{host.Config{}, over, wasmbin.RuleModuleSize},
		{host.Config{Floats: true}, over, ""},
		{host.Config{Floats: true, Limits: host.Limits{ModuleBytes: 1000}}, over, wasmbin.RuleModuleSize},
		{host.Config{Floats: true}, long(4<<20 + 1), wasmbin.RuleModuleSize},
		{host.Config{Floats: true}, plan(Op(0xfd, 0x0c)), wasmbin.RuleOpSIMD},
	} {
		h, err := host.New(c.cfg)
		require.NoError(t, err)
		_, err = h.Load(t.Context(), c.wasm, abi.KindTraps)
		if c.rule == "" {
			require.NoError(t, err)
			continue
		}
		var refused *host.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, c.rule, refused.Rule)
	}
}
