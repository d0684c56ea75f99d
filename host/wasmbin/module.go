// Package wasmbin reads WebAssembly binaries strictly, before any engine sees
// them.
//
// It promises: every count is checked against the bytes that remain before
// anything is allocated; integers have one encoding (minimal LEB128); a module
// that Read accepts stays inside the limits of its profile; every refusal is a
// *Rejected with a stable rule and a byte offset; Strip is a pure function of the
// module's bytes. It walks every instruction of every body, but it does not
// check the types of operands: the engine does that behind it. It uses the
// standard library only and does no I/O.
//
// The decoded Module keeps the byte range of each section, segment, body and
// instruction, so that a rewriter can copy what it does not change.
package wasmbin

// ValueType is a type of a parameter, result, local or global.
type ValueType byte

// The value types that profile L1 knows. Floats exist only where Profile.Floats
// allows them.
const (
	I32 ValueType = 0x7f
	I64 ValueType = 0x7e
	F32 ValueType = 0x7d
	F64 ValueType = 0x7c
)

// String returns the name of the text format.
func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	}
	return "unknown"
}

// FuncType is a function signature.
type FuncType struct {
	Params, Results []ValueType
}

// Equal reports whether two signatures are the same.
func (t FuncType) Equal(u FuncType) bool {
	return string(valueBytes(t.Params)) == string(valueBytes(u.Params)) && string(valueBytes(t.Results)) == string(valueBytes(u.Results))
}

func valueBytes(v []ValueType) []byte {
	b := make([]byte, len(v))
	for i, t := range v {
		b[i] = byte(t)
	}
	return b
}

// Range is Module.Bytes[Start:End].
type Range struct{ Start, End int }

// Section is one section. Start..End is its content; Header is where its id byte is.
type Section struct {
	ID     byte
	Header int
	Range
}

// Import is an imported function.
type Import struct {
	Module, Name string
	Type         uint32 // index into Types
}

// Export kinds of the binary format.
const (
	ExportFunc   byte = 0
	ExportTable  byte = 1
	ExportMemory byte = 2
	ExportGlobal byte = 3
)

// Export is one export; Index counts in the index space of Kind.
type Export struct {
	Name  string
	Kind  byte
	Index uint32
}

// Global is a global of the module; Init is its initial value, of a float its bits.
type Global struct {
	Type    ValueType
	Mutable bool
	Init    int64
}

// Memory is the one memory, in pages of 64 KiB.
type Memory struct{ Min, Max uint32 }

// Elem is an active element segment of table 0; the function indexes were checked.
type Elem struct {
	Offset uint32
	Count  uint32
	Range  // the whole segment
}

// Data is an active data segment of memory 0. Range is its bytes.
type Data struct {
	Offset uint32
	Range
}

// Body is the code of one function of the module.
type Body struct {
	Range            // locals and instructions, behind the size
	Code      int    // first instruction
	Locals    uint32 // declared locals, without parameters
	Blocks    uint32 // block, loop and if instructions
	Nesting   uint32 // deepest nesting, 0 without blocks
	BrTargets uint32 // labels in br_table instructions
}

// Module is a decoded module. Slices of bytes are ranges of Bytes.
type Module struct {
	Bytes    []byte
	Sections []Section // in file order, custom sections too
	Types    []FuncType
	Imports  []Import
	Funcs    []uint32 // type index of each function of the module
	Table    uint32   // entries of the one table, 0 for none
	HasTable bool
	Memory   Memory
	Globals  []Global
	Exports  []Export
	Elems    []Elem
	Bodies   []Body // one per Funcs
	Data     []Data
}

// FuncType returns the signature of function i of the index space, in which
// imports come first.
func (m *Module) FuncType(i uint32) (FuncType, bool) {
	n := uint32(len(m.Imports))
	switch {
	case i < n:
		return m.Types[m.Imports[i].Type], true
	case i-n < uint32(len(m.Funcs)):
		return m.Types[m.Funcs[i-n]], true
	}
	return FuncType{}, false
}

// Export finds an export by name.
func (m *Module) Export(name string) (Export, bool) {
	for _, e := range m.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}

// Strip returns the module without its custom sections, all other bytes as they
// were. It is what an engine may see.
func (m *Module) Strip() []byte {
	out := make([]byte, 0, len(m.Bytes))
	out = append(out, m.Bytes[:headerSize]...)
	for _, s := range m.Sections {
		if s.ID != sectionCustom {
			out = append(out, m.Bytes[s.Header:s.End]...)
		}
	}
	return out
}
