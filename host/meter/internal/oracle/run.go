package oracle

import (
	"math"

	"github.com/animicaorg/engine/host/wasmbin"
)

// Results of run: fall through, leave the function, or the number of constructs
// to leave besides the innermost.
const (
	through = -1
	leave   = math.MaxInt
)

func (o *Machine) run(list []*node, locals []uint64) int {
	for _, n := range list {
		if o.due {
			if n.ahead < 0 {
				n.ahead = o.lookAhead(n.seq, n.at)
			}
			if o.Fuel -= n.ahead; n.ahead > 0 && o.look {
				o.pay(0)
			}
			o.due, o.look = false, false
		}
		o.Executed += o.rules.Weight(n.Op)
		if to := o.step(n, locals); to != through {
			return to
		}
	}
	return through
}

func (o *Machine) step(n *node, locals []uint64) int {
	switch n.Op {
	case wasmbin.OpUnreachable:
		panic(&Trap{"unreachable"})
	case 0x01:
	case wasmbin.OpBlock, wasmbin.OpLoop:
		return o.construct(n, n.body, locals)
	case wasmbin.OpIf:
		arm := n.body
		if uint32(o.pop()) == 0 {
			arm = n.other
		}
		o.due = true
		return o.construct(n, arm, locals)
	case wasmbin.OpBr:
		return int(n.A)
	case wasmbin.OpBrIf:
		if uint32(o.pop()) != 0 {
			return int(n.A)
		}
		o.due = true
	case wasmbin.OpBrTable:
		return int(n.labels[min(uint64(uint32(o.pop())), uint64(len(n.labels)-1))])
	case wasmbin.OpReturn:
		return leave
	case wasmbin.OpCall:
		o.Stored = o.Fuel
		o.invoke(uint32(n.A))
	case wasmbin.OpCallIndirect:
		o.Stored = o.Fuel
		o.indirect(n.B)
	case 0x1a:
		o.pop()
	case 0x1b:
		if c, b := o.pop(), o.pop(); uint32(c) == 0 {
			o.stack[len(o.stack)-1] = b
		}
	case wasmbin.OpLocalGet:
		o.push(locals[n.A])
	case 0x21:
		locals[n.A] = o.pop()
	case wasmbin.OpLocalTee:
		locals[n.A] = o.stack[len(o.stack)-1]
	case wasmbin.OpGlobalGet:
		o.push(o.globals[n.A])
	case wasmbin.OpGlobalSet:
		o.globals[n.A] = o.pop()
	case wasmbin.OpI32Const, 0x43:
		o.push(uint64(uint32(n.A)))
	case wasmbin.OpI64Const, 0x44:
		o.push(n.A)
	default:
		if !o.memory(n) {
			o.numeric(n.Op)
		}
	}
	return through
}

// construct runs an arm of a block, loop or if.
func (o *Machine) construct(n *node, arm []*node, locals []uint64) int {
	base := len(o.stack) - n.params
	for {
		if n.Op == wasmbin.OpLoop && n.named {
			o.due, o.look = true, true
		}
		to := o.run(arm, locals)
		switch {
		case to == 0 && n.Op == wasmbin.OpLoop:
			o.unwind(base, n.params)
			continue
		case to == leave:
			return leave
		case to > 0:
			return to - 1
		}
		o.unwind(base, n.results)
		o.due = o.due || n.Op == wasmbin.OpIf || n.Op == wasmbin.OpBlock && n.named
		return through
	}
}

func (o *Machine) indirect(want uint32) {
	i := uint64(uint32(o.pop()))
	if i >= uint64(len(o.table)) || o.table[i] < 0 {
		panic(&Trap{"invalid table access"})
	}
	f := uint32(o.table[i])
	if t, _ := o.m.FuncType(f); !t.Equal(o.m.Types[want]) {
		panic(&Trap{"indirect call type mismatch"})
	}
	o.invoke(f)
}

// window returns n bytes of memory at an address, or traps.
func (o *Machine) window(at, n uint64) []byte {
	if at+n > uint64(len(o.Memory)) {
		panic(&Trap{"out of bounds memory access"})
	}
	return o.Memory[at : at+n]
}

// memory runs an instruction on memory, if it is one.
func (o *Machine) memory(n *node) bool {
	switch n.Op {
	case wasmbin.OpMemorySize:
		o.push(uint64(len(o.Memory) >> 16))
	case wasmbin.OpMemoryGrow:
		o.Stored = o.Fuel
		o.push(o.growBy(uint32(o.pop())))
	case wasmbin.OpMemoryFill:
		size, v, to := uint32(o.pop()), byte(o.pop()), uint32(o.pop())
		o.dynamic(o.rules.Fill(size))
		w := o.window(uint64(to), uint64(size))
		for i := range w {
			w[i] = v
		}
	case wasmbin.OpMemoryCopy:
		size, from, to := uint32(o.pop()), uint32(o.pop()), uint32(o.pop())
		o.dynamic(o.rules.Copy(size))
		src := o.window(uint64(from), uint64(size))
		copy(o.window(uint64(to), uint64(size)), src)
	default:
		return o.loadStore(n)
	}
	return true
}

func (o *Machine) dynamic(n int64) {
	o.pay(n)
	o.Executed += n
}

func (o *Machine) growBy(pages uint32) uint64 {
	old := uint64(len(o.Memory) >> 16)
	if old+uint64(pages) > o.maxPage {
		return math.MaxUint32
	}
	o.dynamic(o.rules.GrowPage * int64(pages))
	o.Stored = o.Fuel
	o.Memory = append(o.Memory, make([]byte, int(pages)<<16)...)
	return old
}

// width and sign extension of each load and store, from 0x28 on: bytes, negative
// for a load that extends the sign; the loads' second number is the bits of the
// result.
var accesses = [...][2]int{
	{4, 32}, {8, 64}, {4, 32}, {8, 64}, {-1, 32}, {1, 32}, {-2, 32}, {2, 32}, {-1, 64}, {1, 64}, {-2, 64}, {2, 64}, {-4, 64}, {4, 64},
	{4}, {8}, {4}, {8}, {1}, {2}, {1}, {2}, {4},
}

func (o *Machine) loadStore(n *node) bool {
	if n.Op < 0x28 || n.Op > 0x3e {
		return false
	}
	a := accesses[n.Op-0x28]
	size := a[0]
	if size < 0 {
		size = -size
	}
	if n.Op >= 0x36 {
		v := o.pop()
		switch n.Op {
		case 0x38:
			v = canonical32(v)
		case 0x39:
			v = canonical64(v)
		}
		w := o.window(uint64(uint32(o.pop()))+uint64(n.B), uint64(size))
		for i := range w {
			w[i] = byte(v >> (8 * i))
		}
		return true
	}
	v := uint64(0)
	for i, b := range o.window(uint64(uint32(o.pop()))+uint64(n.B), uint64(size)) {
		v |= uint64(b) << (8 * i)
	}
	if a[0] < 0 {
		shift := 64 - 8*size
		v = uint64(int64(v<<shift) >> shift)
	}
	if a[1] == 32 {
		v = uint64(uint32(v))
	}
	o.push(v)
	return true
}
