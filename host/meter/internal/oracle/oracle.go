// Package oracle is a naive interpreter of WebAssembly that counts fuel and depth
// as SPEC.md of host/meter defines them, on the original module, instruction by
// instruction. Tests compare the rewriter with it.
//
// It shares with the rewriter only the decoding of instructions: weights and
// prices come from its caller, constructs are a tree here, and metered blocks are
// found by walking that tree. It promises nothing about speed, and it trusts its
// input to be a valid module.
package oracle

import (
	"fmt"

	"github.com/animicaorg/engine/host/wasmbin"
)

// Rules are the numbers of the specification.
type Rules struct {
	Weight   func(wasmbin.Opcode) int64
	Price    func(name string, args []uint64) int64 // of an import
	GrowPage int64
	Fill     func(n uint32) int64 // beyond the instruction's weight
	Copy     func(n uint32) int64
	Frame    func(slots int) int64
}

// Host implements imports.
type Host func(o *Machine, name string, args []uint64) []uint64

// Trap is how a run ends that does not return.
type Trap struct{ Reason string }

// Error implements error.
func (t *Trap) Error() string { return t.Reason }

// Reasons that are not traps of the specification.
var (
	OutOfFuel = &Trap{"out of fuel"}
	TooDeep   = &Trap{"too deep"}
)

// Machine is an instance.
type Machine struct {
	Memory   []byte
	Fuel     int64 // what remains
	Stored   int64 // what remained at the last call, return or growth
	Depth    int64 // what remains
	Executed int64 // weights of the instructions that ran, and prices

	m       *wasmbin.Module
	rules   Rules
	host    Host
	maxPage uint64
	globals []uint64
	table   []int64 // function index, -1 for none
	funcs   []function
	stack   []uint64
	due     bool // a metered block begins with the next instruction
	look    bool // and it begins a function or a loop: the rest is looked at
}

type function struct {
	t      wasmbin.FuncType
	locals int // with parameters
	body   []*node
	frame  int64
}

// New makes an instance with room for maxPages of memory.
func New(m *wasmbin.Module, maxPages uint32, rules Rules, host Host) *Machine {
	o := &Machine{m: m, rules: rules, host: host, maxPage: uint64(maxPages), Memory: make([]byte, int(m.Memory.Min)<<16)}
	for _, g := range m.Globals {
		v := uint64(g.Init)
		if g.Type == wasmbin.I32 || g.Type == wasmbin.F32 {
			v = uint64(uint32(v))
		}
		o.globals = append(o.globals, v)
	}
	o.table = make([]int64, m.Table)
	for i := range o.table {
		o.table[i] = -1
	}
	for i := range m.Elems {
		for k, f := range m.Functions(&m.Elems[i]) {
			o.table[int(m.Elems[i].Offset)+k] = int64(f)
		}
	}
	for _, d := range m.Data {
		copy(o.Memory[d.Offset:], m.Bytes[d.Start:d.End])
	}
	for i := range m.Bodies {
		o.funcs = append(o.funcs, o.parse(i))
	}
	return o
}

// Call runs an exported function with the budgets given.
func (o *Machine) Call(export string, fuel, depth int64, args ...uint64) (results []uint64, err error) {
	e, ok := o.m.Export(export)
	if !ok || e.Kind != wasmbin.ExportFunc {
		return nil, fmt.Errorf("%q is no function", export)
	}
	o.Fuel, o.Stored, o.Depth, o.Executed, o.stack = fuel, fuel, depth, 0, append(o.stack[:0], args...)
	defer func() {
		if p := recover(); p != nil {
			t, ok := p.(*Trap)
			if !ok {
				panic(p)
			}
			err = t
		}
	}()
	o.invoke(e.Index)
	return append([]uint64(nil), o.stack...), nil
}

// Global returns the value of a global.
func (o *Machine) Global(i int) uint64 { return o.globals[i] }

func (o *Machine) pay(n int64) {
	if o.Fuel -= n; o.Fuel < 0 {
		o.Fuel, o.Stored = -1, -1
		panic(OutOfFuel)
	}
}

// invoke calls function i of the index space with its arguments on the stack.
func (o *Machine) invoke(i uint32) {
	t, _ := o.m.FuncType(i)
	base := len(o.stack) - len(t.Params)
	n := uint32(len(o.m.Imports))
	if i < n {
		args := append([]uint64(nil), o.stack[base:]...)
		price := o.rules.Price(o.m.Imports[i].Name, args)
		o.pay(price)
		o.Executed += price
		o.Stored = o.Fuel
		o.stack = append(o.stack[:base], o.host(o, o.m.Imports[i].Name, args)...)
		return
	}
	f := &o.funcs[i-n]
	if o.Depth -= f.frame; o.Depth < 0 {
		panic(TooDeep)
	}
	locals := make([]uint64, f.locals)
	copy(locals, o.stack[base:])
	o.stack = o.stack[:base]
	o.due, o.look = true, true
	o.run(f.body, locals)
	o.unwind(base, len(t.Results))
	o.due, o.look = false, false
	o.Stored = o.Fuel
	o.Depth += f.frame
}

// unwind keeps the n topmost operands above base.
func (o *Machine) unwind(base, n int) {
	o.stack = append(o.stack[:base], o.stack[len(o.stack)-n:]...)
}

func (o *Machine) pop() uint64 {
	v := o.stack[len(o.stack)-1]
	o.stack = o.stack[:len(o.stack)-1]
	return v
}

func (o *Machine) push(v uint64) { o.stack = append(o.stack, v) }
