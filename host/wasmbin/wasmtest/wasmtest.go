// Package wasmtest builds small WebAssembly modules, good and hostile, for
// tests of the sandbox. It promises minimal LEB128 integers and sections in
// order; what a test puts into raw sections and code is its own business. It is
// imported by tests only.
package wasmtest

import (
	"bytes"
	"maps"
	"slices"
)

// Indexes of the ABI's imports in every module that New starts.
const (
	InLen = iota
	InRead
	OutWrite
	Fail
	Log
	firstFunc
)

// Header is the first eight bytes of a module.
const Header = "\x00asm\x01\x00\x00\x00"

// U is the unsigned LEB128 of v, minimal.
func U(v uint64) []byte {
	var b []byte
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// S is the signed LEB128 of v, minimal.
func S(v int64) []byte {
	var b []byte
	for {
		x := byte(v & 0x7f)
		v >>= 7
		if v == 0 && x&0x40 == 0 || v == -1 && x&0x40 != 0 {
			return append(b, x)
		}
		b = append(b, x|0x80)
	}
}

// Cat joins pieces of code or of sections.
func Cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// Op is raw bytes, for opcodes without a helper.
func Op(b ...byte) []byte { return b }

// I32 is i32.const.
func I32(v int64) []byte { return append([]byte{0x41}, S(int64(int32(v)))...) }

// I64 is i64.const.
func I64(v int64) []byte { return append([]byte{0x42}, S(v)...) }

// Call is call.
func Call(f int) []byte { return append([]byte{0x10}, U(uint64(f))...) }

// Get is local.get.
func Get(l int) []byte { return append([]byte{0x20}, U(uint64(l))...) }

// Set is local.set.
func Set(l int) []byte { return append([]byte{0x21}, U(uint64(l))...) }

// Br is br.
func Br(l int) []byte { return append([]byte{0x0c}, U(uint64(l))...) }

// BrIf is br_if.
func BrIf(l int) []byte { return append([]byte{0x0d}, U(uint64(l))...) }

// Vec is a vector: count, then items.
func Vec(items ...[]byte) []byte { return append(U(uint64(len(items))), Cat(items...)...) }

// Name is a name of the binary format.
func Name(s string) []byte { return append(U(uint64(len(s))), s...) }

// Section frames a section's content.
func Section(id byte, content []byte) []byte {
	return Cat([]byte{id}, U(uint64(len(content))), content)
}

// Type is a function type in short form: i is i32, I is i64, f is f32, F is f64.
type Type struct{ Params, Results string }

// Bytes encodes the type.
func (t Type) Bytes() []byte {
	enc := func(s string) []byte {
		b := U(uint64(len(s)))
		for _, c := range s {
			b = append(b, map[rune]byte{'i': 0x7f, 'I': 0x7e, 'f': 0x7d, 'F': 0x7c}[c])
		}
		return b
	}
	return Cat([]byte{0x60}, enc(t.Params), enc(t.Results))
}

// Func is one function of the module; Export is empty for an internal one.
type Func struct {
	Export string
	Type   Type
	Locals string // declared locals in the short form of Type
	Code   []byte // without the final end
}

// Module is a module under construction.
type Module struct {
	Types    []Type
	Imports  []byte // content of section 2
	Funcs    []Func
	Min, Max uint64            // memory pages
	Before   map[byte][]byte   // raw sections, put where their id belongs
	Customs  [][]byte          // contents of custom sections, put at the end
	Exports  map[string][]byte // further exports: kind and index
	imported int
}

// New starts a module with the five imports of ABI qx1 and a memory of one page.
func New() *Module {
	m := &Module{Min: 1, Max: 1, Before: map[byte][]byte{}, Exports: map[string][]byte{}, imported: firstFunc}
	imports := [][]byte{}
	for _, f := range []struct {
		name string
		t    Type
	}{{"in_len", Type{"i", "I"}}, {"in_read", Type{"iIii", "i"}}, {"out_write", Type{"iii", "i"}}, {"fail", Type{"iii", ""}}, {"log", Type{"iii", ""}}} {
		imports = append(imports, Cat(Name("qx1"), Name(f.name), []byte{0}, U(uint64(m.typeIndex(f.t)))))
	}
	m.Imports = Vec(imports...)
	return m
}

// WithoutImports drops the imports; functions then count from 0.
func (m *Module) WithoutImports() *Module {
	m.Imports, m.imported = nil, 0
	return m
}

func (m *Module) typeIndex(t Type) int {
	if i := slices.Index(m.Types, t); i >= 0 {
		return i
	}
	m.Types = append(m.Types, t)
	return len(m.Types) - 1
}

// Add appends a function, exported unless export is empty, and returns its
// index. Types are in the short form of Type; code lacks the final end.
func (m *Module) Add(export, params, results, locals string, code []byte) int {
	return m.add(Func{export, Type{params, results}, locals, code})
}

func (m *Module) add(f Func) int {
	m.typeIndex(f.Type)
	m.Funcs = append(m.Funcs, f)
	return m.imported + len(m.Funcs) - 1
}

// zero is the body of a function that returns 0.
var zero = I32(0)

func (m *Module) complete(funcs []Func) *Module {
	for _, f := range funcs {
		if !slices.ContainsFunc(m.Funcs, func(g Func) bool { return g.Export == f.Export }) {
			m.add(f)
		}
	}
	return m
}

// Traps adds what a trap library must export and does not yet; the functions
// return 0.
func (m *Module) Traps() *Module {
	return m.complete([]Func{{"qx_abi_1", Type{"", "i"}, "", zero}, {"qx_describe", Type{"", "i"}, "", zero}, {"qx_plan", Type{"", "i"}, "", zero},
		{"qx_generate", Type{"Ii", "i"}, "", zero}, {"qx_judge", Type{"i", "i"}, "", zero}})
}

// Compiler adds what a compiler must export and does not yet.
func (m *Module) Compiler() *Module {
	return m.complete([]Func{{"qx_abi_1", Type{"", "i"}, "", zero}, {"qx_describe", Type{"", "i"}, "", zero}, {"qx_compile", Type{"", "i"}, "", zero}})
}

// Bytes encodes the module. Raw sections of Before replace built ones.
func (m *Module) Bytes() []byte {
	sections := map[byte][]byte{}
	var types, funcs, exports, codes [][]byte
	for i, f := range m.Funcs {
		funcs = append(funcs, U(uint64(m.typeIndex(f.Type))))
		if f.Export != "" {
			exports = append(exports, Cat(Name(f.Export), []byte{0}, U(uint64(m.imported+i))))
		}
		body := Cat(locals(f.Locals), f.Code, []byte{0x0b})
		codes = append(codes, Cat(U(uint64(len(body))), body))
	}
	for _, t := range m.Types {
		types = append(types, t.Bytes())
	}
	exports = append(exports, Cat(Name("memory"), []byte{2, 0}))
	for _, name := range slices.Sorted(maps.Keys(m.Exports)) {
		exports = append(exports, Cat(Name(name), m.Exports[name]))
	}
	sections[1], sections[3], sections[7], sections[10] = Vec(types...), Vec(funcs...), Vec(exports...), Vec(codes...)
	sections[5] = Cat(U(1), []byte{1}, U(m.Min), U(m.Max))
	if m.Imports != nil {
		sections[2] = m.Imports
	}
	for id, b := range m.Before {
		sections[id] = b
	}
	out := []byte(Header)
	for _, id := range []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11} {
		if b, ok := sections[id]; ok {
			out = append(out, Section(id, b)...)
		}
	}
	for _, c := range m.Customs {
		out = append(out, Section(0, c)...)
	}
	return out
}

func locals(s string) []byte {
	var runs [][]byte
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && s[j] == s[i] {
			j++
		}
		runs = append(runs, Cat(U(uint64(j-i)), Type{Params: s[i : i+1]}.Bytes()[2:3]))
		i = j
	}
	return Vec(runs...)
}

// Imported says how many functions a replaced Imports holds.
func (m *Module) Imported(n int) *Module {
	m.imported = n
	return m
}

// TypeIndex returns the index of a type, which it adds if it is new.
func (m *Module) TypeIndex(params, results string) int { return m.typeIndex(Type{params, results}) }
