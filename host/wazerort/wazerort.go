// Package wazerort runs guests on wazero. Importing it registers two runtimes,
// "wazero" (the compiler where the machine has one) and "wazero-interpreter".
//
// It promises to switch on only the features of profile L1, to bound memory by
// the pages it is given, and to let a guest reach nothing but the imports of the
// ABI. It never uses wazero's own interruption, which makes guests many times
// slower: a guest that loops stops its whole process, which is why only worker
// processes call this package.
package wazerort

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"strings"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/worker"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

func init() {
	worker.Register(Compiler())
	worker.Register(Interpreter())
}

// Names of the runtimes.
const (
	NameCompiler    = "wazero"
	NameInterpreter = "wazero-interpreter"
)

// features is Core 1.0 with what profile L1 allows. Bulk memory brings reference
// types along in wazero; the validator refused both but for memory.copy and fill.
const features = api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps | api.CoreFeatureNonTrappingFloatToIntConversion | api.CoreFeatureMultiValue | api.CoreFeatureBulkMemoryOperations | api.CoreFeatureReferenceTypes

type runtime struct {
	name   string
	config func() wazero.RuntimeConfig
}

// Compiler is wazero's native-code engine, or its interpreter on machines that
// the compiler does not know.
func Compiler() worker.Runtime { return runtime{NameCompiler, wazero.NewRuntimeConfig} }

// Interpreter is wazero's interpreter, about a hundred times slower; an arbiter
// when the compiler is in doubt.
func Interpreter() worker.Runtime {
	return runtime{NameInterpreter, wazero.NewRuntimeConfigInterpreter}
}

// Name implements worker.Runtime.
func (r runtime) Name() string { return r.name }

// Pace implements worker.Pacer. The slowest loops of the interpreter take 80 ns a
// unit of fuel, those of the compiler 8.
func (r runtime) Pace() int {
	if r.name == NameCompiler && (goruntime.GOARCH == "amd64" || goruntime.GOARCH == "arm64") {
		return 1
	}
	return 10
}

type program struct {
	rt       wazero.Runtime
	compiled wazero.CompiledModule
}

// Compile implements worker.Runtime.
func (r runtime) Compile(ctx context.Context, wasm []byte, memoryPages uint32) (worker.Program, error) {
	return r.compile(ctx, wasm, r.settings(memoryPages))
}

func (r runtime) settings(memoryPages uint32) wazero.RuntimeConfig {
	return r.config().WithCoreFeatures(features).WithMemoryLimitPages(memoryPages).WithMemoryCapacityFromMax(true).WithDebugInfoEnabled(false)
}

func (r runtime) compile(ctx context.Context, wasm []byte, cfg wazero.RuntimeConfig) (worker.Program, error) {
	rt := wazero.NewRuntimeWithConfig(ctx, cfg)
	c, err := rt.CompileModule(ctx, wasm)
	if err != nil {
		return nil, fmt.Errorf("wazero: %w", err)
	}
	return &program{rt, c}, nil
}

// Instantiate implements worker.Program.
func (p *program) Instantiate(ctx context.Context, im worker.Imports) (worker.Instance, error) {
	b := p.rt.NewHostModuleBuilder("qx1")
	i32, i64 := api.ValueTypeI32, api.ValueTypeI64
	for _, f := range []struct {
		name            string
		fn              func(mem []byte, s []uint64)
		params, results []api.ValueType
	}{
		{"in_len", func(_ []byte, s []uint64) { s[0] = uint64(im.InLen(uint32(s[0]))) }, []api.ValueType{i32}, []api.ValueType{i64}},
		{"in_read", func(mem []byte, s []uint64) {
			s[0] = api.EncodeI32(im.InRead(mem, uint32(s[0]), int64(s[1]), uint32(s[2]), uint32(s[3])))
		}, []api.ValueType{i32, i64, i32, i32}, []api.ValueType{i32}},
		{"out_write", func(mem []byte, s []uint64) {
			s[0] = api.EncodeI32(im.OutWrite(mem, uint32(s[0]), uint32(s[1]), uint32(s[2])))
		}, []api.ValueType{i32, i32, i32}, []api.ValueType{i32}},
		{"fail", func(mem []byte, s []uint64) { im.Fail(mem, int32(s[0]), uint32(s[1]), uint32(s[2])) }, []api.ValueType{i32, i32, i32}, nil},
		{"log", func(mem []byte, s []uint64) { im.Log(mem, int32(s[0]), uint32(s[1]), uint32(s[2])) }, []api.ValueType{i32, i32, i32}, nil},
	} {
		b = b.NewFunctionBuilder().WithGoModuleFunction(withMemory(f.fn), f.params, f.results).Export(f.name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		return nil, fmt.Errorf("wazero: imports: %w", err)
	}
	m, err := p.rt.InstantiateModule(ctx, p.compiled, wazero.NewModuleConfig().WithName("guest").WithStartFunctions())
	if err != nil {
		return nil, fmt.Errorf("wazero: %w", err)
	}
	fuel, ok := m.ExportedGlobal(meter.GlobalFuel).(api.MutableGlobal)
	depth, ok2 := m.ExportedGlobal(meter.GlobalDepth).(api.MutableGlobal)
	if !ok || !ok2 {
		return nil, errors.New("wazero: the module is not metered")
	}
	return &instance{m, fuel, depth}, nil
}

// withMemory hands the guest's whole memory, as it is now, to an import.
func withMemory(fn func(mem []byte, stack []uint64)) api.GoModuleFunc {
	return func(_ context.Context, m api.Module, stack []uint64) {
		var mem []byte
		if memory := m.Memory(); memory != nil {
			mem, _ = memory.Read(0, memory.Size()) // a view; always inside
		}
		fn(mem, stack)
	}
}

type instance struct {
	m           api.Module
	fuel, depth api.MutableGlobal
}

// trapPrefix begins the text of every error that the WebAssembly semantics
// define; others are the engine's own failures.
const trapPrefix = "wasm error: "

// overflow is the text of a call stack above the engine's limit; the compiler
// gives it without the prefix.
const overflow = "stack overflow"

// Call implements worker.Instance.
func (i *instance) Call(ctx context.Context, export string, args []uint64, left *worker.Meter) (int32, error) {
	f := i.m.ExportedFunction(export)
	if f == nil {
		return 0, fmt.Errorf("wazero: %q is not exported", export)
	}
	i.fuel.Set(uint64(left.Fuel))
	i.depth.Set(api.EncodeI32(left.Depth))
	res, err := f.Call(ctx, args...)
	left.Fuel, left.Depth = int64(i.fuel.Get()), api.DecodeI32(i.depth.Get())
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		reason, ok := strings.CutPrefix(first, trapPrefix)
		if stack := reason == overflow; ok || stack {
			return 0, &worker.Trap{Reason: reason, Stack: stack}
		}
		return 0, fmt.Errorf("wazero: %w", err)
	}
	if len(res) != 1 {
		return 0, fmt.Errorf("wazero: %s returned %d values", export, len(res))
	}
	return api.DecodeI32(res[0]), nil
}

// Memory implements worker.Instance.
func (i *instance) Memory() []byte {
	m := i.m.Memory()
	if m == nil {
		return nil
	}
	b, _ := m.Read(0, m.Size()) // always inside
	return b
}
