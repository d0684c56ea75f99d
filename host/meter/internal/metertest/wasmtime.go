//go:build wasmtime && cgo

package metertest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/bytecodealliance/wasmtime-go/v44"
)

func init() {
	Second = func(m *wasmbin.Module, out []byte, world *World) (Other, error) { return OpenWasmtime(m, out, world) }
	SecondName = "wasmtime"
}

// Wasmtime is a metered guest on wasmtime, the engine with the smallest stack.
type Wasmtime struct {
	World *World

	store *wasmtime.Store
	inst  *wasmtime.Instance
	types map[string]wasmbin.FuncType // of exports
}

// OpenWasmtime compiles and instantiates the metered form of m.
func OpenWasmtime(m *wasmbin.Module, metered []byte, world *World) (*Wasmtime, error) {
	engine := wasmtime.NewEngine()
	g := &Wasmtime{World: world, store: wasmtime.NewStore(engine), types: map[string]wasmbin.FuncType{}}
	for _, x := range m.Exports {
		if t, ok := m.FuncType(x.Index); ok && x.Kind == wasmbin.ExportFunc {
			g.types[x.Name] = t
		}
	}
	code, err := wasmtime.NewModule(engine, metered)
	if err != nil {
		return nil, err
	}
	linker := wasmtime.NewLinker(engine)
	for _, im := range m.Imports {
		ft := m.Types[im.Type]
		if err := linker.FuncNew(im.Module, im.Name, wasmtime.NewFuncType(valTypes(ft.Params), valTypes(ft.Results)), g.importCall(im.Name, ft)); err != nil {
			return nil, err
		}
	}
	g.inst, err = linker.Instantiate(g.store, code)
	return g, err
}

func (g *Wasmtime) importCall(name string, ft wasmbin.FuncType) func(*wasmtime.Caller, []wasmtime.Val) ([]wasmtime.Val, *wasmtime.Trap) {
	return func(c *wasmtime.Caller, args []wasmtime.Val) ([]wasmtime.Val, *wasmtime.Trap) {
		raw := make([]uint64, len(args))
		for i, a := range args {
			raw[i] = valBits(a.Get())
		}
		var mem []byte
		if x := c.GetExport("memory"); x != nil && x.Memory() != nil {
			mem = x.Memory().UnsafeData(c)
		}
		res := g.World.Call(mem, name, raw)
		vals := make([]wasmtime.Val, len(ft.Results))
		for i, r := range ft.Results {
			vals[i] = wasmtime.ValI64(int64(res[i]))
			if r == wasmbin.I32 {
				vals[i] = wasmtime.ValI32(int32(res[i]))
			}
		}
		return vals, nil
	}
}

var valKinds = map[wasmbin.ValueType]wasmtime.ValKind{wasmbin.I32: wasmtime.KindI32, wasmbin.I64: wasmtime.KindI64, wasmbin.F32: wasmtime.KindF32, wasmbin.F64: wasmtime.KindF64}

func valTypes(v []wasmbin.ValueType) (out []*wasmtime.ValType) {
	for _, t := range v {
		out = append(out, wasmtime.NewValType(valKinds[t]))
	}
	return out
}

// valBits is the value in the low bits, as wazero gives it.
func valBits(v any) uint64 {
	switch v := v.(type) {
	case int32:
		return uint64(uint32(v))
	case int64:
		return uint64(v)
	case float32:
		return uint64(math.Float32bits(v))
	case float64:
		return math.Float64bits(v)
	}
	return 0
}

func valOf(t wasmbin.ValueType, b uint64) any {
	switch t {
	case wasmbin.I32:
		return int32(b)
	case wasmbin.F32:
		return math.Float32frombits(uint32(b))
	case wasmbin.F64:
		return math.Float64frombits(b)
	}
	return int64(b)
}

// wasmtimeTraps are wazero's words for wasmtime's traps.
var wasmtimeTraps = map[wasmtime.TrapCode]string{
	wasmtime.MemoryOutOfBounds: "out of bounds memory access", wasmtime.IntegerDivisionByZero: "integer divide by zero", wasmtime.IntegerOverflow: "integer overflow",
	wasmtime.BadConversionToInteger: "invalid conversion to integer", wasmtime.UnreachableCodeReached: "unreachable", wasmtime.IndirectCallToNull: "invalid table access",
	wasmtime.TableOutOfBounds: "invalid table access", wasmtime.BadSignature: "indirect call type mismatch",
}

// Call runs an export and reports all that can be seen. The error is not nil when
// the engine failed, its stack overflow included: the meter must come first.
func (g *Wasmtime) Call(export string, fuel int64, depth int32, args ...uint64) (r Result, err error) {
	fg, dg := g.inst.GetExport(g.store, meter.GlobalFuel).Global(), g.inst.GetExport(g.store, meter.GlobalDepth).Global()
	if err := errors.Join(fg.Set(g.store, wasmtime.ValI64(fuel)), dg.Set(g.store, wasmtime.ValI32(depth))); err != nil {
		return r, err
	}
	t := g.types[export]
	in := make([]any, len(args))
	for i, a := range args {
		in[i] = valOf(t.Params[i], a)
	}
	logs := len(g.World.Log)
	out, err := g.inst.GetFunc(g.store, export).Call(g.store, in...)
	var trap *wasmtime.Trap
	switch {
	case errors.As(err, &trap) && trap.Code() != nil && wasmtimeTraps[*trap.Code()] != "":
		r.Trap = wasmtimeTraps[*trap.Code()]
	case err != nil:
		return r, fmt.Errorf("the engine failed: %w", err)
	}
	switch out := out.(type) {
	case nil:
	case []wasmtime.Val:
		for _, v := range out {
			r.Values = append(r.Values, valBits(v.Get()))
		}
	default:
		r.Values = []uint64{valBits(out)}
	}
	r.Fuel = fg.Get(g.store).I64()
	r.End = meter.EndOf(r.Fuel, dg.Get(g.store).I32())
	r.Memory = sha256.Sum256(g.inst.GetExport(g.store, "memory").Memory().UnsafeData(g.store))
	r.Log = strings.Join(g.World.Log[logs:], "\n")
	return r, nil
}

// Depth is what remains of the depth budget.
func (g *Wasmtime) Depth() int32 {
	return g.inst.GetExport(g.store, meter.GlobalDepth).Global().Get(g.store).I32()
}

// Close frees the instance.
func (g *Wasmtime) Close() error {
	g.store.Close()
	return nil
}
