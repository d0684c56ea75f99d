//go:build wasmtime && cgo

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
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/bytecodealliance/wasmtime-go/v44"
	"github.com/stretchr/testify/require"
)

// second is a metered guest on wasmtime, the engine with the smallest stack.
type second struct {
	store *wasmtime.Store
	inst  *wasmtime.Instance
	world *metertest.World
}

func openSecond(t *testing.T, m *wasmbin.Module, out []byte) *second {
	engine := wasmtime.NewEngine()
	s := &second{store: wasmtime.NewStore(engine), world: metertest.NewWorld(nil)}
	code, err := wasmtime.NewModule(engine, out)
	require.NoError(t, err)
	linker := wasmtime.NewLinker(engine)
	for _, im := range m.Imports {
		ft := m.Types[im.Type]
		call := func(c *wasmtime.Caller, args []wasmtime.Val) ([]wasmtime.Val, *wasmtime.Trap) {
			var raw []uint64
			for _, a := range args {
				raw = append(raw, bits(a.Get()))
			}
			res := s.world.Call(c.GetExport("memory").Memory().UnsafeData(c), im.Name, raw)
			var vals []wasmtime.Val
			for i, r := range ft.Results {
				if r == wasmbin.I32 {
					vals = append(vals, wasmtime.ValI32(int32(res[i])))
				} else {
					vals = append(vals, wasmtime.ValI64(int64(res[i])))
				}
			}
			return vals, nil
		}
		require.NoError(t, linker.FuncNew(im.Module, im.Name, wasmtime.NewFuncType(kinds(ft.Params), kinds(ft.Results)), call))
	}
	s.inst, err = linker.Instantiate(s.store, code)
	require.NoError(t, err)
	return s
}

func kinds(v []wasmbin.ValueType) (out []*wasmtime.ValType) {
	for _, t := range v {
		k := wasmtime.KindI64
		if t == wasmbin.I32 {
			k = wasmtime.KindI32
		}
		out = append(out, wasmtime.NewValType(k))
	}
	return out
}

func bits(v any) uint64 {
	switch v := v.(type) {
	case int32:
		return uint64(uint32(v))
	case int64:
		return uint64(v)
	}
	panic(fmt.Sprintf("%T", v))
}

var trapNames = map[wasmtime.TrapCode]string{
	wasmtime.MemoryOutOfBounds: "out of bounds memory access", wasmtime.IntegerDivisionByZero: "integer divide by zero", wasmtime.IntegerOverflow: "integer overflow",
	wasmtime.UnreachableCodeReached: "unreachable", wasmtime.IndirectCallToNull: "invalid table access", wasmtime.TableOutOfBounds: "invalid table access",
	wasmtime.BadSignature: "indirect call type mismatch",
}

func (s *second) call(t *testing.T, params, export string, fuel int64, depth int32, args ...uint64) (r metertest.Result) {
	fg, dg := s.inst.GetExport(s.store, meter.GlobalFuel).Global(), s.inst.GetExport(s.store, meter.GlobalDepth).Global()
	require.NoError(t, fg.Set(s.store, wasmtime.ValI64(fuel)))
	require.NoError(t, dg.Set(s.store, wasmtime.ValI32(depth)))
	var in []any
	for i, a := range args {
		if params[i] == 'i' {
			in = append(in, int32(a))
		} else {
			in = append(in, int64(a))
		}
	}
	logs := len(s.world.Log)
	out, err := s.inst.GetFunc(s.store, export).Call(s.store, in...)
	var trap *wasmtime.Trap
	if errors.As(err, &trap) {
		r.Trap = trapNames[*trap.Code()]
		require.NotEmpty(t, r.Trap, "%v", err)
	} else {
		require.NoError(t, err)
		switch out := out.(type) {
		case nil:
		case []wasmtime.Val:
			for _, v := range out {
				r.Values = append(r.Values, bits(v.Get()))
			}
		default:
			r.Values = []uint64{bits(out)}
		}
	}
	r.Fuel = fg.Get(s.store).I64()
	r.End = meter.EndOf(r.Fuel, dg.Get(s.store).I32())
	r.Memory = sha256.Sum256(s.inst.GetExport(s.store, "memory").Memory().UnsafeData(s.store))
	r.Log = strings.Join(s.world.Log[logs:], "\n")
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
				require.Equal(t, want, s.call(t, params, name, budget, meter.Depth, args...), "seed %d %s%v", seed, name, args)
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
			require.Equal(t, want, openSecond(t, m, out).call(t, "i", "f", plenty, meter.Depth, uint64(n)), "%v, %d calls", c, n)
		}
	}
}
