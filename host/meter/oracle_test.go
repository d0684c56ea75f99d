package meter_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	"github.com/animicaorg/engine/host/meter/internal/oracle"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/stretchr/testify/require"
)

const plenty = 1 << 50

// profile is the one that samples are read with.
func profile(floats bool) wasmbin.Profile {
	p := wasmbin.Compiler()
	p.Floats, p.Exports = floats, nil
	p.Optional = []string{"qx_abi_1", "qx_describe", "qx_plan", "qx_generate", "qx_judge", "qx_compile", "qx_audit"}
	return p
}

func readWith(wasm []byte, p wasmbin.Profile) (*wasmbin.Module, error) { return wasmbin.Read(wasm, &p) }

func decode(t testing.TB, wasm []byte) *wasmbin.Module {
	m, err := readWith(wasm, profile(true))
	require.NoError(t, err)
	return m
}

// instrument also checks that the output passes the validator and both engines.
func instrument(t testing.TB, wasm []byte, lim meter.Limits) []byte {
	out, err := meter.Instrument(wasm, lim)
	require.NoError(t, err)
	_, err = readWith(out, meter.OutputProfile(profile(lim.Floats)))
	require.NoError(t, err)
	return out
}

// naive is the oracle as a guest.
type naive struct {
	o     *oracle.Machine
	world *metertest.World
	m     *wasmbin.Module
}

func newNaive(t testing.TB, wasm []byte, pages uint32, world *metertest.World) *naive {
	m := decode(t, wasm)
	types := map[string]wasmbin.FuncType{}
	for _, im := range m.Imports {
		types[im.Name] = m.Types[im.Type]
	}
	if pages == 0 {
		pages = m.Memory.Max
	}
	host := func(o *oracle.Machine, name string, args []uint64) []uint64 {
		return world.Call(o.Memory, name, args)[:len(types[name].Results)]
	}
	return &naive{oracle.New(m, pages, specRules(t), host), world, m}
}

// call runs an export; on a return, the sum of what was executed is what was paid.
func (n *naive) call(t testing.TB, export string, fuel, depth int64, args ...uint64) metertest.Result {
	logs := len(n.world.Log)
	values, err := n.o.Call(export, fuel, depth, args...)
	r := metertest.Result{Values: values, Fuel: n.o.Stored}
	var trap *oracle.Trap
	switch {
	case errors.Is(err, oracle.OutOfFuel):
		r.Trap, r.End = "unreachable", meter.OutOfFuel
	case errors.Is(err, oracle.TooDeep):
		r.Trap, r.End = "unreachable", meter.TooDeep
	case errors.As(err, &trap):
		r.Trap = trap.Reason
	default:
		require.NoError(t, err)
		require.Equal(t, n.o.Executed, fuel-n.o.Fuel, "what ran is what was paid")
	}
	if n.o.Stored < 0 {
		r.End = meter.OutOfFuel // also of a call that returned or trapped with nothing left
	}
	r.Memory = sha256.Sum256(n.o.Memory)
	r.Log = strings.Join(n.world.Log[logs:], "\n")
	return r
}

func openGuest(t testing.TB, e metertest.Engine, wasm, original []byte, world *metertest.World) *metertest.Guest {
	g, err := e.Open(decode(t, original), wasm, world)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

func arguments(r *rand.Rand, types string) []uint64 {
	var args []uint64
	for _, c := range types {
		v := r.Uint64() >> (r.Uint64() & 63)
		if c == 'i' {
			v = uint64(uint32(v))
		}
		args = append(args, v)
	}
	return args
}

// compareAll runs the exports of a generated module on the oracle, on the metered
// module on both engines and, where the budgets did not end the run, on the
// original.
func compareAll(t testing.TB, seed uint64, fuel int64, depth int32) {
	g := metertest.Generate(seed)
	out := instrument(t, g.Bytes, meter.Limits{})
	world := func() *metertest.World { return metertest.NewWorld(nil) }
	ref := newNaive(t, g.Bytes, 0, world())
	metered := []*metertest.Guest{openGuest(t, metertest.Compiler, out, g.Bytes, world()), openGuest(t, metertest.Interpreter, out, g.Bytes, world())}
	plain := []*metertest.Guest{openGuest(t, metertest.Compiler, g.Bytes, g.Bytes, world()), openGuest(t, metertest.Interpreter, g.Bytes, g.Bytes, world())}
	r := rand.New(rand.NewPCG(seed, 2))
	for i, params := range g.Params {
		name, args := fmt.Sprint("f", i), arguments(r, params)
		want := ref.call(t, name, fuel, int64(depth), args...)
		for _, m := range metered {
			got, err := m.Call(name, fuel, depth, args...)
			require.NoError(t, err)
			require.Equal(t, want, got, "seed %d %s%v", seed, name, args)
			if got.Trap == "" {
				require.Equal(t, depth, m.Depth(), "depth is given back")
			}
		}
		if want.End != meter.Ordinary {
			return // from here on the original is somewhere else
		}
		for _, m := range plain {
			got, err := m.Call(name, 0, 0, args...)
			require.NoError(t, err)
			want.Fuel = 0
			require.Equal(t, want, got, "seed %d %s%v, original", seed, name, args)
		}
	}
}

// TestGeneratedModules compares random modules at large and small budgets.
func TestGeneratedModules(t *testing.T) {
	for seed := range uint64(100) {
		compareAll(t, seed, 300_000, meter.Depth)
		compareAll(t, seed, int64(seed%37)*11, int32(seed%5)*20)
	}
}
