//go:build wasmtime && cgo

package wasmtimert

import (
	"context"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/worker"
	"github.com/bytecodealliance/wasmtime-go/v44"
)

// Name is the name of the runtime.
const Name = "wasmtime"

func init() { worker.Register(Runtime()) }

// Runtime is wasmtime's native-code engine.
func Runtime() worker.Runtime { return runtime{} }

type runtime struct{}

// Name implements worker.Runtime.
func (runtime) Name() string { return Name }

type program struct {
	engine *wasmtime.Engine
	module *wasmtime.Module
	pages  uint32
}

// Compile implements worker.Runtime.
func (runtime) Compile(_ context.Context, wasm []byte, memoryPages uint32) (worker.Program, error) {
	cfg := wasmtime.NewConfig()
	cfg.SetWasmBulkMemory(true)
	cfg.SetWasmMultiValue(true)
	cfg.SetWasmReferenceTypes(true) // bulk memory needs them; the validator refused all but memory.copy and fill
	cfg.SetWasmSIMD(false)
	cfg.SetWasmRelaxedSIMD(false)
	cfg.SetWasmMultiMemory(false)
	cfg.SetWasmMemory64(false)
	cfg.SetWasmTailCall(false)
	cfg.SetNativeUnwindInfo(false)
	cfg.SetMemoryInitCOWSet(false) // it wants a memfd, which a worker may not make
	e := wasmtime.NewEngineWithConfig(cfg)
	m, err := wasmtime.NewModule(e, wasm)
	if err != nil {
		return nil, fmt.Errorf("wasmtime: %w", err)
	}
	return &program{e, m, memoryPages}, nil
}

type instance struct {
	store       *wasmtime.Store
	guest       *wasmtime.Instance
	memory      *wasmtime.Memory // nil: none is exported
	fuel, depth *wasmtime.Global
}

// Instantiate implements worker.Program.
func (p *program) Instantiate(_ context.Context, im worker.Imports) (worker.Instance, error) {
	store := wasmtime.NewStore(p.engine)
	store.Limiter(int64(p.pages)<<16, 1<<14, 1, 1, 1)
	linker := wasmtime.NewLinker(p.engine)
	i32, i64 := wasmtime.NewValType(wasmtime.KindI32), wasmtime.NewValType(wasmtime.KindI64)
	for _, f := range []struct {
		name            string
		params, results []*wasmtime.ValType
		fn              func(mem []byte, a []wasmtime.Val) []wasmtime.Val
	}{
		{"in_len", []*wasmtime.ValType{i32}, []*wasmtime.ValType{i64}, func(_ []byte, a []wasmtime.Val) []wasmtime.Val {
			return []wasmtime.Val{wasmtime.ValI64(im.InLen(uint32(a[0].I32())))}
		}},
		{"in_read", []*wasmtime.ValType{i32, i64, i32, i32}, []*wasmtime.ValType{i32}, func(mem []byte, a []wasmtime.Val) []wasmtime.Val {
			return []wasmtime.Val{wasmtime.ValI32(im.InRead(mem, uint32(a[0].I32()), a[1].I64(), uint32(a[2].I32()), uint32(a[3].I32())))}
		}},
		{"out_write", []*wasmtime.ValType{i32, i32, i32}, []*wasmtime.ValType{i32}, func(mem []byte, a []wasmtime.Val) []wasmtime.Val {
			return []wasmtime.Val{wasmtime.ValI32(im.OutWrite(mem, uint32(a[0].I32()), uint32(a[1].I32()), uint32(a[2].I32())))}
		}},
		{"fail", []*wasmtime.ValType{i32, i32, i32}, nil, func(mem []byte, a []wasmtime.Val) []wasmtime.Val {
			im.Fail(mem, a[0].I32(), uint32(a[1].I32()), uint32(a[2].I32()))
			return nil
		}},
		{"log", []*wasmtime.ValType{i32, i32, i32}, nil, func(mem []byte, a []wasmtime.Val) []wasmtime.Val {
			im.Log(mem, a[0].I32(), uint32(a[1].I32()), uint32(a[2].I32()))
			return nil
		}},
	} {
		fn := f.fn
		call := func(c *wasmtime.Caller, args []wasmtime.Val) ([]wasmtime.Val, *wasmtime.Trap) {
			var mem []byte
			if x := c.GetExport("memory"); x != nil && x.Memory() != nil {
				mem = x.Memory().UnsafeData(c)
			}
			return fn(mem, args), nil
		}
		if err := linker.FuncNew("qx1", f.name, wasmtime.NewFuncType(f.params, f.results), call); err != nil {
			return nil, fmt.Errorf("wasmtime: imports: %w", err)
		}
	}
	guest, err := linker.Instantiate(store, p.module)
	if err != nil {
		return nil, fmt.Errorf("wasmtime: %w", err)
	}
	i := &instance{store: store, guest: guest}
	if x := guest.GetExport(store, "memory"); x != nil {
		i.memory = x.Memory()
	}
	for name, g := range map[string]**wasmtime.Global{meter.GlobalFuel: &i.fuel, meter.GlobalDepth: &i.depth} {
		x := guest.GetExport(store, name)
		if x == nil || x.Global() == nil {
			return nil, fmt.Errorf("wasmtime: the module is not metered: no %s", name)
		}
		*g = x.Global()
	}
	return i, nil
}

// Call implements worker.Instance.
func (i *instance) Call(_ context.Context, export string, args []uint64, left *worker.Meter) (int32, error) {
	f := i.guest.GetFunc(i.store, export)
	if f == nil {
		return 0, fmt.Errorf("wasmtime: %q is not exported", export)
	}
	params := f.Type(i.store).Params()
	if len(params) != len(args) {
		return 0, fmt.Errorf("wasmtime: %s takes %d arguments, not %d", export, len(params), len(args))
	}
	in := make([]any, len(args))
	for k, a := range args {
		in[k] = int64(a)
		if params[k].Kind() == wasmtime.KindI32 {
			in[k] = int32(a)
		}
	}
	if err := errors.Join(i.fuel.Set(i.store, wasmtime.ValI64(left.Fuel)), i.depth.Set(i.store, wasmtime.ValI32(left.Depth))); err != nil {
		return 0, fmt.Errorf("wasmtime: meter: %w", err)
	}
	out, err := f.Call(i.store, in...)
	left.Fuel, left.Depth = i.fuel.Get(i.store).I64(), i.depth.Get(i.store).I32()
	var trap *wasmtime.Trap
	switch {
	case errors.As(err, &trap) && trap.Code() != nil:
		return 0, &worker.Trap{Reason: trapName(*trap.Code()), Stack: *trap.Code() == wasmtime.StackOverflow}
	case err != nil:
		return 0, fmt.Errorf("wasmtime: %w", err)
	}
	v, ok := out.(int32)
	if !ok {
		return 0, fmt.Errorf("wasmtime: %s returned %T", export, out)
	}
	return v, nil
}

// trapName uses the words of wazero, so that logs of both read alike.
func trapName(c wasmtime.TrapCode) string {
	switch c {
	case wasmtime.StackOverflow:
		return "stack overflow"
	case wasmtime.MemoryOutOfBounds:
		return "out of bounds memory access"
	case wasmtime.IntegerDivisionByZero:
		return "integer divide by zero"
	case wasmtime.IntegerOverflow:
		return "integer overflow"
	case wasmtime.UnreachableCodeReached:
		return "unreachable"
	case wasmtime.IndirectCallToNull, wasmtime.TableOutOfBounds:
		return "invalid table access"
	case wasmtime.BadSignature:
		return "indirect call type mismatch"
	}
	return fmt.Sprintf("trap %d", c)
}

// Memory implements worker.Instance.
func (i *instance) Memory() []byte {
	if i.memory == nil {
		return nil
	}
	return i.memory.UnsafeData(i.store)
}
