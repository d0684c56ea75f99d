//go:build wasmtime && cgo

package meter_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/stretchr/testify/require"
)

func openSecond(t *testing.T, m *wasmbin.Module, out []byte) *metertest.Wasmtime {
	t.Helper()
	g, err := metertest.OpenWasmtime(m, out, metertest.NewWorld(nil))
	require.NoError(t, err)
	return g
}

func callSecond(t *testing.T, g *metertest.Wasmtime, export string, fuel int64, args ...uint64) metertest.Result {
	t.Helper()
	r, err := g.Call(export, fuel, meter.Depth, args...)
	require.NoError(t, err)
	return r
}

// TestWasmtimeGenerated: random modules end on wasmtime as on the oracle.
func TestWasmtimeGenerated(t *testing.T) {
	for seed := range uint64(150) {
		for _, budget := range []int64{300_000, int64(seed%37) * 11} {
			g := metertest.Generate(seed)
			m := decode(t, g.Bytes)
			s := openSecond(t, m, instrument(t, g.Bytes, meter.Limits{}))
			ref := newNaive(t, g.Bytes, 0, metertest.NewWorld(nil))
			r := rand.New(rand.NewPCG(seed, 2))
			for i, params := range g.Params {
				name, args := fmt.Sprint("f", i), arguments(r, params)
				want := ref.call(t, name, budget, meter.Depth, args...)
				require.Equal(t, want, callSecond(t, s, name, budget, args...), "seed %d %s%v", seed, name, args)
				if want.End != meter.Ordinary {
					break
				}
			}
		}
	}
}

// TestWasmtimeDepth: its stack of 512 KiB is never met before the depth budget.
func TestWasmtimeDepth(t *testing.T) {
	for _, c := range [][2]int{{0, 0}, {20, 3}, {250, 0}, {0, 250}, {250, 250}} {
		wasm := countdown(c[0], c[1])
		m := decode(t, wasm)
		out := instrument(t, wasm, meter.Limits{})
		fits := meter.Depth/frameWeight(1+c[0]+c[1]+2) - 1
		for _, n := range []int64{fits, fits + 1} {
			want := newNaive(t, wasm, 0, metertest.NewWorld(nil)).call(t, "f", plenty, meter.Depth, uint64(n))
			require.Equal(t, n > fits, want.End == meter.TooDeep)
			require.Equal(t, want, callSecond(t, openSecond(t, m, out), "f", plenty, uint64(n)), "%v, %d calls", c, n)
		}
	}
}
