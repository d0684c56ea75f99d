package host_test

import (
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	"github.com/animicaorg/engine/host/meter"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// TestBudget follows the table of abi/SPEC.md.
func TestBudget(t *testing.T) {
	in := map[int][]byte{0: make([]byte, 10), 5: make([]byte, 20)}
	for i, row := range []struct {
		export string
		args   []uint64
		in     map[int][]byte
		want   uint64
	}{
		{"qx_describe", nil, nil, 2e9},
		{"qx_plan", nil, in, 2e9 + 30e4},
		{"qx_generate", []uint64{1 << 50, 100}, in, 2e9 + 30e4 + 100*1e6 + 100*30*8},
		{"qx_generate", []uint64{0, 4096}, nil, 2e9 + 4096e6},
		{"qx_generate", []uint64{0, 1<<32 - 1}, nil, 2e9 + 4096e6},
		{"qx_judge", []uint64{4096}, in, 2e9 + 30e4},
		{"qx_generate", []uint64{0, 4096}, map[int][]byte{1: make([]byte, 64<<20)}, 1e12},
	} {
		require.Equal(t, row.want, host.Budget(row.export, row.args, row.in), "row %d", i)
	}
}

// limited is a host whose calls have little fuel.
func limited(t *testing.T, fuel uint64, wasm []byte) *host.Module {
	t.Helper()
	return loadWith(t, host.Config{Limits: host.Limits{Fuel: fuel}, HashMemory: true}, wasm)
}

// TestFuelOfACall: an outcome says what the call used and was given; each call
// has its own budget; the sums are kept.
func TestFuelOfACall(t *testing.T) {
	// i32.const is 1; in_read of 5 bytes is 20 + 4 arguments + 600 + 2.
	code := Cat(I32(1), I64(0), I32(64), I32(5), Call(InRead), Op(0x1a), I32(0))
	const want = 4 + 20 + 600 + 2 + 1
	inst := hosttest.Open(t, limited(t, 20_000_000, plan(code)))
	for range 3 {
		o, err := inst.Call(t.Context(), "qx_plan", nil, map[int][]byte{1: []byte("hello")})
		require.NoError(t, err)
		require.Equal(t, abi.OK, o.Class)
		require.Equal(t, uint64(want), o.Fuel)
		require.Equal(t, uint64(20_000_000), o.Budget)
		require.Equal(t, int32(meter.Depth), o.Depth)
		mem := make([]byte, 65536)
		copy(mem[64:], "hello")
		require.Equal(t, digest.Sum(mem), o.MemoryHash)
	}
	require.Equal(t, []host.Usage{{Export: "qx_plan", Calls: 3, Fuel: 3 * want, Most: want}}, inst.Usage())
}

// TestLoadFuel: the module's size is paid for before any engine compiles it.
func TestLoadFuel(t *testing.T) {
	wasm := plan(I32(0))
	price := hosttest.Load(t, wasm, abi.KindTraps).LoadFuel()
	require.Equal(t, uint64(15000*len(wasm)+8192), price)
	loadWith(t, host.Config{Limits: host.Limits{LoadFuel: price}}, wasm)
	h, err := host.New(host.Config{Limits: host.Limits{LoadFuel: price - 1}})
	require.NoError(t, err)
	_, err = h.Load(t.Context(), wasm, abi.KindTraps)
	require.Equal(t, abi.OutOfFuel, abi.ClassOf(err))
}

// TestMeteredHash: what engines get is what Metered says, whatever the custom
// sections and the limits.
func TestMeteredHash(t *testing.T) {
	m := New().Traps()
	bare := m.Bytes()
	m.Customs = [][]byte{Cat(Name("name"), []byte("debug"))}
	named := m.Bytes()
	out, err := host.Metered(bare, abi.KindTraps)
	require.NoError(t, err)
	for _, wasm := range [][]byte{bare, named} {
		require.Equal(t, digest.Sum(out), hosttest.Load(t, wasm, abi.KindTraps).MeteredHash())
	}
	_, err = host.Metered(bare, abi.KindCompiler)
	require.Equal(t, abi.LoadRejected, abi.ClassOf(err))
}
