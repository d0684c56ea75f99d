package wasmtimert_test

import (
	"strings"

	"github.com/animicaorg/engine/abi"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
)

// own is the index of the first function that a test adds.
const own = Log + 1

// sample is a trap library that misbehaves in qx_generate(first, n).
type sample struct {
	wasm  []byte
	n     uint64
	class abi.Class
}

// library is a trap library with the given qx_generate; locals 2 and 3 are i32.
func library(code []byte) []byte {
	m := New()
	m.Max = 256
	m.Add("qx_generate", "Ii", "i", "ii", code)
	return m.Traps().Bytes()
}

func loop(body []byte) []byte { return Cat(Op(0x03, 0x40), body, Br(0), Op(0x0b)) }

// finished makes an endless body well typed.
func finished(code []byte) []byte { return library(Cat(code, I32(0))) }

func samples() map[string]sample {
	drop, add := Op(0x1a), Op(0x6a)
	load, store, grow := Op(0x28, 2, 0), Op(0x36, 2, 0), Op(0x40, 0)
	step := Cat(Get(2), I32(1), add, Set(2))
	count := func(body []byte) []byte { // n times
		return Cat(Op(0x03, 0x40), body, step, Get(2), Get(1), Op(0x49), BrIf(0), Op(0x0b), I32(0))
	}
	one := func(class abi.Class, code []byte) sample { return sample{library(code), 100, class} }
	return map[string]sample{
		"empty loop":                    {finished(loop(nil)), 0, abi.OutOfFuel},
		"loop that counts":              {finished(loop(step)), 0, abi.OutOfFuel},
		"loops in loops":                {finished(loop(loop(loop(step)))), 0, abi.OutOfFuel},
		"loop that ends":                one(abi.OK, count(nil)),
		"recursion":                     {library(Cat(Get(0), Get(1), Call(own))), 0, abi.Depth},
		"mutual recursion":              {mutual(), 0, abi.Depth},
		"recursion through the table":   {indirect(true), 0, abi.Depth},
		"indirect calls without end":    {indirect(false), 0, abi.OutOfFuel},
		"stores all over the memory":    {finished(loop(Cat(Get(2), Get(2), store, Get(2), I32(4099), add, I32(0xfffc), Op(0x71), Set(2)))), 0, abi.OutOfFuel},
		"chase through 16 MiB":          {finished(Cat(I32(255), grow, drop, loop(Cat(Get(2), load, I32(1013904223), add, I32(0xfffffc), Op(0x71), Set(2))))), 0, abi.OutOfFuel},
		"memory to its maximum":         one(abi.OK, Cat(count(Cat(I32(2), grow, drop)), Op(0x3f, 0), I32(201), Op(0x47), Op(0x6a))),
		"memory beyond its maximum":     one(abi.OK, Cat(I32(256), grow, I32(-1), Op(0x47))),
		"growth by 2^32-1 pages":        one(abi.OK, Cat(I32(-1), grow, I32(-1), Op(0x47))),
		"growth without end":            {finished(loop(Cat(I32(1), grow, drop))), 0, abi.OutOfFuel},
		"fill of all":                   one(abi.OK, Cat(I32(0), I32(0xab), I32(65536), Op(0xfc, 11, 0), I32(0))),
		"fill that cannot be paid":      one(abi.OutOfFuel, Cat(I32(0), I32(0xab), I32(-1), Op(0xfc, 11, 0), I32(0))),
		"fill beyond the end":           one(abi.Trap, Cat(I32(60000), I32(1), I32(60000), Op(0xfc, 11, 0), I32(0))),
		"copy onto itself":              one(abi.OK, Cat(I32(5), I32(0), I32(60000), Op(0xfc, 10, 0, 0), I32(0))),
		"copy beyond the end":           one(abi.Trap, Cat(I32(1), I32(0), I32(65536), Op(0xfc, 10, 0, 0), I32(0))),
		"unreachable":                   one(abi.Trap, Op(0x00)),
		"unreachable in the middle":     one(abi.Trap, Cat(count(Cat(Get(2), I32(50), Op(0x46, 0x04, 0x40, 0x00, 0x0b))))),
		"division by zero":              one(abi.Trap, Cat(I32(1), Get(2), Op(0x6d))),
		"division that overflows":       one(abi.Trap, Cat(I32(-1<<31), I32(-1), Op(0x6d))),
		"load outside":                  one(abi.Trap, Cat(I32(-4), load)),
		"import at the deepest frame":   {countdown(0, 0), 500, abi.OK},
		"reads without end":             {finished(loop(Cat(I32(1), I64(0), I32(0), I32(1000), Call(InRead), drop))), 0, abi.OutOfFuel},
		"writes without end":            {finished(loop(Cat(I32(16), I32(0), I32(1000), Call(OutWrite), drop))), 0, abi.OutOfFuel},
		"messages without end":          {finished(loop(Cat(I32(1), I32(0), I32(1000), Call(Log)))), 0, abi.OutOfFuel},
		"a message that cannot be paid": one(abi.OutOfFuel, Cat(I32(1), I32(0), I32(-1), Call(Log), I32(0))),
		"a write of lies":               one(abi.OK, Cat(I32(16), I32(-1), I32(4096), Call(OutWrite), I32(-2), Op(0x47))),
		"echo":                          one(abi.OK, Cat(I32(1), I64(0), I32(64), I32(5), Call(InRead), drop, I32(16), I32(64), I32(5), Call(OutWrite), drop, I32(0))),
		"a domain error":                one(abi.DomainError, Cat(I32(7), I32(0), I32(4), Call(Fail), I32(7))),
		"a broken contract":             one(abi.ABIViolation, I32(-1)),
		"fail and then a trap":          one(abi.ABIViolation, Cat(I32(0), I32(0), I32(0), Call(Fail), Op(0x00))),
		"fail and then a loop":          one(abi.ABIViolation, Cat(I32(0), I32(0), I32(0), Call(Fail), loop(nil), I32(0))),
		"wide switch":                   one(abi.OK, count(Cat(Op(0x02, 0x40, 0x02, 0x40, 0x02, 0x40), Get(2), I32(3), Op(0x71, 0x0e, 2, 0, 1, 2, 0x0b), I32(9), Set(3), Op(0x0b), I32(8), Set(3), Op(0x0b)))),
	}
}

// mutual is two functions that call each other.
func mutual() []byte {
	m := New()
	m.Max = 1
	m.Add("qx_generate", "Ii", "i", "", Call(own+1))
	m.Add("", "", "i", "", Call(own+2))
	m.Add("", "", "i", "", Call(own+1))
	return m.Traps().Bytes()
}

// indirect calls through a table of one function: itself, or one that returns, for
// ever.
func indirect(recursive bool) []byte {
	m := New()
	m.Max = 1
	t := byte(m.TypeIndex("", "i"))
	call := Cat(I32(0), Op(0x11, t, 0))
	outer, inner := call, I32(0)
	if recursive {
		inner = call
	} else {
		outer = Cat(loop(Cat(call, Op(0x1a))), I32(0))
	}
	m.Add("qx_generate", "Ii", "i", "", outer)
	m.Add("", "", "i", "", inner)
	m.Before[4] = Cat(U(1), Op(0x70, 1), U(1), U(1))
	m.Before[9] = Cat(U(1), Op(0), I32(0), Op(0x0b), Vec(U(own+1)))
	return m.Traps().Bytes()
}

// countdown is a library whose qx_generate calls a function that calls itself n
// times; live locals and operands wait under every call, and the deepest call asks
// the host for something.
func countdown(live, operands int) []byte {
	m := New()
	m.Max = 1
	m.Add("qx_generate", "Ii", "i", "", Cat(Get(1), Call(own+1), Op(0x1a), I32(0)))
	var code []byte
	for i := range live {
		code = Cat(code, Get(0), Op(0xac), I64(int64(i)), Op(0x7e), Set(1+i))
	}
	for range operands {
		code = Cat(code, Get(0))
	}
	code = Cat(code, Get(0), Op(0x04, 0x7f), Get(0), I32(1), Op(0x6b), Call(own+1), Op(0x05), I32(1), Call(InLen), Op(0xa7, 0x0b))
	for i := range live {
		code = Cat(code, Get(1+i), Op(0xa7, 0x6a))
	}
	m.Add("", "i", "i", strings.Repeat("I", live), Cat(code, []byte(strings.Repeat("\x6a", operands))))
	return m.Traps().Bytes()
}
