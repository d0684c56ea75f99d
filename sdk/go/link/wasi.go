package link

import (
	"fmt"

	"github.com/animicaorg/engine/host/wasmbin"
)

// Globals that are added, counted from linker.base.
const (
	globalReady  = iota // i32: the runtime is initialised
	globalClock         // i64: nanoseconds
	globalRandom        // i64: state of the generator
	globals
)

// A clock that stands still ends the Go runtime, so each look at it costs a
// millisecond. The generator is Knuth's 64-bit linear congruence (MMIX): it seeds
// hash tables and is no secret.
const (
	tick       = 1_000_000
	multiplier = 6364136223846793005
	increment  = 1442695040888963407
	badFD      = 8 // EBADF of WASI
)

func (l *linker) addGlobals() {
	l.base = uint32(len(l.in.Globals))
	l.out.Globals = append(append([]wasmbin.Global(nil), l.in.Globals...), wasmbin.Global{Type: wasmbin.I32, Mutable: true},
		wasmbin.Global{Type: wasmbin.I64, Mutable: true}, wasmbin.Global{Type: wasmbin.I64, Mutable: true})
}

// code is a function body under construction: locals, then instructions.
type code []byte

// Instructions that wasmbin does not name.
const (
	opUnreachable = 0x00
	opLocalSet    = 0x21
	opI32Load     = 0x28
	opI32Store    = 0x36
	opI64Store    = 0x37
	opI32Store8   = 0x3a
	opI64Const    = 0x42
	opI32Eqz      = 0x45
	opI32Add      = 0x6a
	opI32Sub      = 0x6b
	opI64Add      = 0x7c
	opI64Mul      = 0x7e
	opI64ShrU     = 0x88
	opI32Wrap     = 0xa7
	blockVoid     = 0x40
)

func body(locals ...wasmbin.ValueType) code { return wasmbin.AppendLocals(nil, locals) }

func (c code) op(b ...byte) code { return append(c, b...) }

func (c code) index(op byte, i uint32) code { return wasmbin.AppendUnsigned(append(c, op), uint64(i)) }

func (c code) get(i uint32) code { return c.index(byte(wasmbin.OpLocalGet), i) }
func (c code) set(i uint32) code { return c.index(byte(wasmbin.Opcode(opLocalSet)), i) }

func (c code) i32(v int64) code { return wasmbin.AppendSigned(append(c, byte(wasmbin.OpI32Const)), v) }
func (c code) i64(v int64) code { return wasmbin.AppendSigned(append(c, opI64Const), v) }

// mem appends a load or store without offset.
func (c code) mem(op byte, align byte) code { return append(c, op, align, 0) }

// bump adds v to local i.
func (c code) bump(i uint32, v int64) code { return c.get(i).i32(v).op(opI32Add).set(i) }

// done returns the status and ends the body.
func (c code) done(status int64) code { return c.i32(status).op(byte(wasmbin.OpEnd)) }

// loop repeats f until local n, which f lowers, is 0.
func (c code) loop(n uint32, f func(code) code) code {
	c = c.op(byte(wasmbin.OpBlock), blockVoid, byte(wasmbin.OpLoop), blockVoid).get(n).op(opI32Eqz).index(byte(wasmbin.OpBrIf), 1)
	return f(c).index(byte(wasmbin.OpBr), 0).op(byte(wasmbin.OpEnd), byte(wasmbin.OpEnd))
}

func (l *linker) global(c code, op wasmbin.Opcode, which uint32) code {
	return c.index(byte(op), l.base+which)
}

// shim is the body of a WASI function: an empty world without files, in which
// time passes only when it is looked at.
func (l *linker) shim(name string, t wasmbin.FuncType) (code, error) {
	if len(t.Results) == 0 {
		return body().op(opUnreachable, byte(wasmbin.OpEnd)), nil // proc_exit
	}
	if len(t.Results) != 1 || t.Results[0] != wasmbin.I32 {
		return nil, fmt.Errorf("link: %s.%s has an unknown type", wasiModule, name)
	}
	arity := map[string]int{"args_sizes_get": 2, "environ_sizes_get": 2, "clock_time_get": 3, "random_get": 2, "fd_write": 4, "poll_oneoff": 4}
	if n, ok := arity[name]; ok && n != len(t.Params) {
		return nil, fmt.Errorf("link: %s.%s takes %d parameters, want %d", wasiModule, name, len(t.Params), n)
	}
	switch name {
	case "sched_yield", "args_get", "environ_get":
		return body().done(0), nil
	case "args_sizes_get", "environ_sizes_get":
		return body().get(0).i32(0).mem(opI32Store, 2).get(1).i32(0).mem(opI32Store, 2).done(0), nil
	case "poll_oneoff": // no event: the time it waits for passes as it looks at the clock
		return body().get(3).i32(0).mem(opI32Store, 2).done(0), nil
	case "clock_time_get":
		c := l.global(body(), wasmbin.OpGlobalGet, globalClock).i64(tick).op(opI64Add)
		c = l.global(c, wasmbin.OpGlobalSet, globalClock).get(2)
		return l.global(c, wasmbin.OpGlobalGet, globalClock).mem(opI64Store, 3).done(0), nil
	case "random_get":
		return l.random(), nil
	case "fd_write":
		return l.write(), nil
	}
	return body().done(badFD), nil
}

// random fills [p, p+n), locals 0 and 1.
func (l *linker) random() code {
	return body().loop(1, func(c code) code {
		c = l.global(c, wasmbin.OpGlobalGet, globalRandom).i64(multiplier).op(opI64Mul).i64(increment).op(opI64Add)
		c = l.global(c, wasmbin.OpGlobalSet, globalRandom).get(0)
		c = l.global(c, wasmbin.OpGlobalGet, globalRandom).i64(56).op(opI64ShrU).op(opI32Wrap).mem(opI32Store8, 0)
		return c.bump(0, 1).bump(1, -1)
	}).done(0)
}

// write sends what is written to any file to qx1.log: parameters 1 and 2 are the
// list of pieces and its length, 3 is where the number of bytes goes.
func (l *linker) write() code {
	const list, n, out, total, size = 1, 2, 3, 4, 5
	c := body(wasmbin.I32, wasmbin.I32).loop(n, func(c code) code {
		c = c.get(list).i32(4).op(opI32Add).mem(opI32Load, 2).set(size)
		c = c.i32(0).get(list).mem(opI32Load, 2).get(size).index(byte(wasmbin.OpCall), l.log)
		return c.get(total).get(size).op(opI32Add).set(total).bump(list, 8).bump(n, -1)
	})
	return c.get(out).get(total).mem(opI32Store, 2).done(0)
}

// wrapper calls an export, the runtime initialised before.
func (l *linker) wrapper(f, start uint32) code {
	c := l.global(body(), wasmbin.OpGlobalGet, globalReady).op(opI32Eqz, byte(wasmbin.OpIf), blockVoid)
	c = l.global(c.i32(1), wasmbin.OpGlobalSet, globalReady).index(byte(wasmbin.OpCall), start).op(byte(wasmbin.OpEnd))
	for i := range l.in.Types[l.typeOf(f)].Params {
		c = c.get(uint32(i))
	}
	return c.index(byte(wasmbin.OpCall), l.at[f]).op(byte(wasmbin.OpEnd))
}
