// Package metertest runs modules on wazero, with or without the meter, and
// compares what can be seen of them. Tests of host/meter and its corpus program
// use it; it promises nothing beyond what they need.
package metertest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Engine is one of wazero's two.
type Engine struct {
	Name   string
	config func() wazero.RuntimeConfig
	stingy bool
}

// Stingy is the engine on a machine that has no more memory than what a guest
// starts with.
func (e Engine) Stingy() Engine {
	e.stingy = true
	return e
}

// The engines. Compiler is the interpreter on machines that wazero has no
// compiler for.
var (
	Compiler    = Engine{"compiler", wazero.NewRuntimeConfig, false}
	Interpreter = Engine{"interpreter", wazero.NewRuntimeConfigInterpreter, false}
)

// Engines lists both.
var Engines = []Engine{Compiler, Interpreter}

const features = api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps | api.CoreFeatureMultiValue | api.CoreFeatureBulkMemoryOperations |
	api.CoreFeatureReferenceTypes | api.CoreFeatureNonTrappingFloatToIntConversion

func (e Engine) runtime(ctx context.Context) wazero.Runtime {
	return wazero.NewRuntimeWithConfig(ctx, e.config().WithCoreFeatures(features).WithMemoryLimitPages(4096).WithMemoryCapacityFromMax(true).WithDebugInfoEnabled(false))
}

// Validate reports whether the engine accepts a module.
func (e Engine) Validate(wasm []byte) error {
	ctx := context.Background()
	rt := e.runtime(ctx)
	defer rt.Close(ctx)
	_, err := rt.CompileModule(ctx, wasm)
	return err
}

// Result is what can be seen of one call.
type Result struct {
	Values []uint64
	Trap   string // empty: the call returned
	End    meter.End
	Fuel   int64 // that remains; 0 without the meter
	Memory [32]byte
	Log    string // calls of imports during this call, with arguments
}

// Guest is an instance.
type Guest struct {
	World *World
	rt    wazero.Runtime
	code  wazero.CompiledModule
	ctx   context.Context
	mod   api.Module
}

// Open compiles and instantiates.
func (e Engine) Open(m *wasmbin.Module, wasm []byte, world *World) (*Guest, error) {
	ctx := context.Background()
	g := &Guest{World: world, rt: e.runtime(ctx)}
	if err := g.imports(ctx, m); err != nil {
		return nil, err
	}
	if e.stingy {
		ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(uint64, uint64) experimental.LinearMemory { return &fixedMemory{} }))
	}
	g.ctx = ctx
	var err error
	if g.code, err = g.rt.CompileModule(ctx, wasm); err != nil {
		return nil, err
	}
	return g, g.Restart(world)
}

// Restart replaces the instance by a new one.
func (g *Guest) Restart(world *World) (err error) {
	if g.mod != nil {
		err = g.mod.Close(g.ctx)
	}
	if err == nil {
		g.World = world
		g.mod, err = g.rt.InstantiateModule(g.ctx, g.code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	}
	return err
}

// fixedMemory takes the first size that it is asked for and no other.
type fixedMemory struct{ b []byte }

// Reallocate implements experimental.LinearMemory.
func (m *fixedMemory) Reallocate(size uint64) []byte {
	if m.b == nil {
		m.b = make([]byte, size)
	}
	if size > uint64(len(m.b)) {
		return nil
	}
	return m.b
}

// Free implements experimental.LinearMemory.
func (m *fixedMemory) Free() {}

// Close frees the instance.
func (g *Guest) Close() error { return g.rt.Close(context.Background()) }

func (g *Guest) imports(ctx context.Context, m *wasmbin.Module) error {
	builders := map[string]wazero.HostModuleBuilder{}
	for _, im := range m.Imports {
		b := builders[im.Module]
		if b == nil {
			b = g.rt.NewHostModuleBuilder(im.Module)
			builders[im.Module] = b
		}
		t, name := m.Types[im.Type], im.Name
		n := len(t.Params)
		fn := func(_ context.Context, mod api.Module, stack []uint64) {
			var mem []byte
			if memory := mod.Memory(); memory != nil {
				mem, _ = memory.Read(0, memory.Size())
			}
			for i, p := range t.Params {
				if p == wasmbin.I32 || p == wasmbin.F32 {
					stack[i] = uint64(uint32(stack[i])) // the engine leaves the upper half open
				}
			}
			copy(stack, g.World.Call(mem, name, stack[:n]))
		}
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(fn), valueTypes(t.Params), valueTypes(t.Results)).Export(name)
	}
	for name, b := range builders {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("imports of %s: %w", name, err)
		}
	}
	return nil
}

func valueTypes(v []wasmbin.ValueType) []api.ValueType {
	out := make([]api.ValueType, len(v))
	for i, t := range v {
		out[i] = api.ValueType(t)
	}
	return out
}

// Run calls an export. Budgets matter only to a metered module. The error is not
// nil when the engine failed.
func (g *Guest) Run(export string, fuel int64, depth int32, args ...uint64) (r Result, err error) {
	g.set(meter.GlobalFuel, uint64(fuel))
	g.set(meter.GlobalDepth, uint64(uint32(depth)))
	f := g.mod.ExportedFunction(export)
	r.Values, err = f.Call(context.Background(), args...)
	for i, t := range f.Definition().ResultTypes()[:len(r.Values)] {
		if t == api.ValueTypeI32 || t == api.ValueTypeF32 {
			r.Values[i] = uint64(uint32(r.Values[i])) // here too
		}
	}
	if len(r.Values) == 0 {
		r.Values = nil
	}
	if err == nil {
		return r, nil
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	reason, ok := strings.CutPrefix(line, "wasm error: ")
	if !ok && reason != "stack overflow" {
		return r, fmt.Errorf("the engine failed: %w", err)
	}
	r.Trap = reason
	return r, nil
}

// Call is Run with all that can be seen afterwards.
func (g *Guest) Call(export string, fuel int64, depth int32, args ...uint64) (Result, error) {
	logs := len(g.World.Log)
	r, err := g.Run(export, fuel, depth, args...)
	if err != nil {
		return r, err
	}
	if g.mod.ExportedGlobal(meter.GlobalFuel) != nil {
		r.Fuel = g.Fuel()
		r.End = meter.EndOf(r.Fuel, g.Depth())
	}
	r.Memory = sha256.Sum256(g.Memory())
	r.Log = strings.Join(g.World.Log[logs:], "\n")
	return r, nil
}

// Memory is a view of the guest's memory.
func (g *Guest) Memory() []byte {
	b, _ := g.mod.Memory().Read(0, g.mod.Memory().Size())
	return b
}

// Fuel is what remains of the fuel of a metered guest.
func (g *Guest) Fuel() int64 { return int64(g.mod.ExportedGlobal(meter.GlobalFuel).Get()) }

// Depth is what remains of the depth budget.
func (g *Guest) Depth() int32 { return int32(g.mod.ExportedGlobal(meter.GlobalDepth).Get()) }

func (g *Guest) set(name string, v uint64) {
	if global, ok := g.mod.ExportedGlobal(name).(api.MutableGlobal); ok {
		global.Set(v)
	}
}
