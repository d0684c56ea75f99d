package main

import . "github.com/animicaorg/engine/host/wasmbin/wasmtest"

// kernels are chains in which each operation waits for the one before, except
// where the name says otherwise.
func kernels() []kernel {
	const n = 100_000
	i32 := func(op byte) []byte { return Cat(Get(a32), Get(b32), Op(op), Set(a32)) }
	i64 := func(op byte) []byte { return Cat(Get(a64), Get(b64), Op(op), Set(a64)) }
	one := func(op byte) []byte { return Cat(Get(a64), Op(op), Set(a64)) }
	f64 := func(op byte) []byte { return Cat(Get(aF), Get(bF), Op(op), Set(aF)) }
	odd := Cat(Get(a64), I64(1<<40+1), Op(0x84), Set(a64)) // keeps a dividend large
	list := []kernel{
		{name: "i32.add", times: n, code: i32(0x6a)},
		{name: "i64.add", times: n, code: i64(0x7c)},
		{name: "i64.xor", times: n, code: i64(0x85)},
		{name: "i64.rotl", times: n, code: i64(0x89)},
		{name: "i64.shl, i64.or const", times: n, code: Cat(i64(0x86), odd)},
		{name: "i64.mul", times: n, code: i64(0x7e)},
		{name: "i32.div_s, i32.or", times: n / 10, code: Cat(i32(0x6d), Get(a32), I32(1<<30), Op(0x72), Set(a32))},
		{name: "i64.div_u, i64.or", times: n / 10, code: Cat(i64(0x80), odd)},
		{name: "i64.rem_s, i64.or", times: n / 10, code: Cat(i64(0x81), odd)},
		{name: "i64.clz", times: n, code: one(0x79)},
		{name: "i64.popcnt", times: n, code: one(0x7b)},
		{name: "i32.lt_s, select", times: n, code: Cat(Get(a32), Get(b32), Get(a32), Get(b32), Op(0x48, 0x1b), Set(a32))},
		{name: "global.get, add, global.set", times: n, code: Cat(Op(0x23, 0), Get(a64), Op(0x7c, 0x24, 0))},
		{name: "i64.load, cached", times: n, code: Cat(Get(a32), I32(0xff8), Op(0x71, 0x29, 3, 0), Get(a64), Op(0x7c), Set(a64))},
		{name: "i64.store, cached", times: n, code: Cat(Get(b32), Get(a64), Op(0x37, 3, 0))},
		{name: "i32.load chain, cached", times: n, code: Cat(Get(a32), I32(0xff8), Op(0x71, 0x28, 2, 0), Set(a32))},
		chase("i32.load chain over 1 MiB", 16, n/4),
		chase("i32.load chain over 16 MiB", 256, n/40),
		{name: "if, else", times: n, code: Cat(Get(a32), I32(1), Op(0x71, 0x04, 0x40), Get(a32), I32(3), Op(0x6a), Set(a32), Op(0x05), Get(a32), I32(5), Op(0x6a), Set(a32), Op(0x0b))},
		{name: "br_if not taken", times: n, code: Cat(Op(0x02, 0x40), Get(a64), Op(0x50, 0x0d, 0), Get(a64), I64(3), Op(0x84), Set(a64), Op(0x0b))},
		{name: "br_table", times: n, code: Cat(Op(0x02, 0x40, 0x02, 0x40, 0x02, 0x40), Get(a32), I32(3), Op(0x71, 0x0e, 2, 0, 1, 2, 0x0b), Get(a32), I32(1), Op(0x6a), Set(a32), Op(0x0b, 0x0b), Get(a32), I32(1), Op(0x6a), Set(a32))},
		{name: "call", times: n, code: Cat(Get(a64), Call(Log+1), Set(a64))},
		{name: "call_indirect", times: n, edit: func(m *Module) { m.TypeIndex("I", "I") }, code: indirect()},
		{name: "import in_len", times: n / 10, code: Cat(I32(1), Call(InLen), Set(a64))},
		{name: "import out_write 4 KiB", times: 100, code: Cat(I32(3), I32(0), I32(4096), Call(OutWrite), Op(0x1a))},
		{name: "import in_read 4 KiB", times: 100, code: Cat(I32(1), I64(0), I32(0), I32(4096), Call(InRead), Op(0x1a))},
		{name: "memory.size", times: n, code: Cat(Op(0x3f, 0), Set(a32))},
		{name: "memory.fill 16 bytes", times: n / 10, code: Cat(I32(64), I32(1), I32(16), Op(0xfc, 0x0b, 0))},
		{name: "memory.copy 16 bytes", times: n / 10, code: Cat(I32(64), I32(0), I32(16), Op(0xfc, 0x0a, 0, 0))},
		{name: "memory.fill 1 MiB", times: 4, pages: 64, code: Cat(I32(0), I32(1), I32(1<<20), Op(0xfc, 0x0b, 0))},
		{name: "memory.copy 1 MiB", times: 4, pages: 64, code: Cat(I32(1<<20), I32(0), I32(1<<20), Op(0xfc, 0x0a, 0, 0))},
		{name: "memory.grow 1 page, touched", times: 60, once: true, pages: 1, code: Cat(I32(1), Op(0x40, 0), Set(a32), Get(a32), I32(16), Op(0x74), I32(1), I32(0x10000), Op(0xfc, 0x0b, 0))},
		{name: "memory.grow 0 pages", times: n / 10, code: Cat(I32(0), Op(0x40, 0), Op(0x1a))},
		{name: "f64.add", times: n, code: f64(0xa0)},
		{name: "f64.mul", times: n, code: f64(0xa2)},
		{name: "f64.div", times: n, code: f64(0xa3)},
		{name: "f64.sqrt", times: n, code: Cat(Get(aF), Op(0x9f), Set(aF))},
		{name: "f64.min", times: n, code: f64(0xa4)},
		{name: "f64.nearest", times: n, code: Cat(Get(aF), Op(0x9e), Set(aF))},
		{name: "f64.convert, i64.trunc", times: n, code: Cat(Get(a64), Op(0xb9, 0xb0), Set(a64))},
		{name: "i64.trunc_sat", times: n, code: Cat(Get(a64), Op(0xba, 0xfc, 7), Set(a64))},
		{name: "i64.reinterpret, canonical", times: n, code: Cat(Get(a64), Op(0xbf, 0xbd), Set(a64))},
		{name: "f64.store, canonical", times: n, code: Cat(Get(b32), Get(aF), Op(0x39, 3, 0))},
	}
	return list
}

func indirect() []byte {
	m := New() // the same order of types as in measure
	m.Add("", "I", "I", "", nil)
	return Cat(Get(a64), I32(0), Op(0x11), U(uint64(m.TypeIndex("I", "I"))), Op(0), Set(a64))
}

// chase follows a cycle of pointers through the whole memory in steps that the
// processor cannot foresee: word i holds the next index of a linear congruential
// generator of full period (Knuth, TAOCP 2, 3.2.1.2, theorem A), times 64.
func chase(name string, pages uint64, times int) kernel {
	lines := int64(pages) << 10
	next := func(i []byte) []byte {
		return Cat(i, I32(1664525), Op(0x6c), I32(1013904223), Op(0x6a), I32(lines-1), Op(0x71))
	}
	const i = 1
	setup := Cat(Op(0x03, 0x40), // for each line
		Get(i), I32(6), Op(0x74), next(Get(i)), I32(6), Op(0x74), Op(0x36, 2, 0),
		Get(i), I32(1), Op(0x6a, 0x22), U(i), I32(lines), Op(0x48), BrIf(0), Op(0x0b))
	return kernel{name: name, times: times, pages: pages, setup: setup, code: Cat(Get(b32), Op(0x28, 2, 0), Set(b32))}
}
