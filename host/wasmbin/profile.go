package wasmbin

import "errors"

// Limits bound a module's structure. All are the largest accepted value.
type Limits struct {
	ModuleBytes   int
	CustomBytes   int // all custom sections together
	Types         uint32
	Params        uint32
	Results       uint32
	Imports       uint32
	Functions     uint32
	Globals       uint32
	Exports       uint32
	TableEntries  uint32
	MemoryPages   uint32 // declared maximum, pages of 64 KiB
	ElemSegments  uint32
	DataSegments  uint32
	BodyBytes     uint32
	Locals        uint32 // with parameters, per function
	Nesting       uint32
	Loops         uint32 // loops in one another
	Blocks        uint32 // per function
	LocalsBlocks  uint64 // product, per function
	BrTable       uint32 // labels of one br_table
	BrTableModule uint32 // labels of all
}

// NamedFunc is a function of the ABI.
type NamedFunc struct {
	Name string
	Type FuncType
}

// Profile is what one kind of guest may be.
type Profile struct {
	Name         string
	Limits       Limits
	ImportModule string
	Imports      []NamedFunc // allowed, each optional
	Exports      []NamedFunc // required
	Offers       []NamedFunc // may be there, then with exactly this type
	Optional     []string    // functions with reserved names that may be there, of any type
	Floats       bool        // f32, f64 and their instructions; only for modules that a rewriter makes deterministic
	HostGlobals  []string    // mutable globals that may be exported under these names; only for what a rewriter wrote
}

// reservedPrefixes belong to the ABI (names it does not list yet) and to code
// that the host may add to a module.
var reservedPrefixes = []string{"qx_", "__qx", "__fuel", "__depth", "__meter"}

// reservedNames are entry points of other conventions: their modules expect to
// be initialised by a call that the ABI does not make.
var reservedNames = []string{"_initialize", "_start", "__wasm_call_ctors"}

// limitsL1 is profile L1. The numbers come from measurements of what makes
// engines slow and of what C, Rust and AssemblyScript guests need.
func limitsL1() Limits {
	return Limits{
		ModuleBytes: 1 << 20, CustomBytes: 1 << 20,
		Types: 1000, Params: 16, Results: 4, Imports: 32, Functions: 10_000, Globals: 256, Exports: 64,
		TableEntries: 16_384, MemoryPages: 256, ElemSegments: 64, DataSegments: 65_536,
		BodyBytes: 64 << 10, Locals: 256, Nesting: 1024, Loops: 32, Blocks: 4096, LocalsBlocks: 200_000, BrTable: 4096, BrTableModule: 200_000,
	}
}

func fn(name string, params, results []ValueType) NamedFunc {
	return NamedFunc{name, FuncType{params, results}}
}

func base(name string) Profile {
	i32 := []ValueType{I32}
	return Profile{
		Name: name, Limits: limitsL1(), ImportModule: "qx1",
		Imports: []NamedFunc{
			fn("in_len", i32, []ValueType{I64}),
			fn("in_read", []ValueType{I32, I64, I32, I32}, i32),
			fn("out_write", []ValueType{I32, I32, I32}, i32),
			fn("fail", []ValueType{I32, I32, I32}, nil),
			fn("log", []ValueType{I32, I32, I32}, nil),
		},
		Exports: []NamedFunc{fn("qx_abi_1", nil, i32), fn("qx_describe", nil, i32)},
	}
}

// TrapLibrary is profile L1 for trap libraries: integers only, modules up to
// 1 MiB, memory up to 16 MiB.
func TrapLibrary() Profile {
	p := base("L1/traps")
	i32 := []ValueType{I32}
	p.Exports = append(p.Exports, fn("qx_plan", nil, i32), fn("qx_generate", []ValueType{I64, I32}, i32), fn("qx_judge", i32, i32))
	p.Offers = []NamedFunc{fn("qx_audit", i32, i32)}
	return p
}

// Compiler is profile L1 for compilers: integers only too, modules up to 8 MiB, memory up to 256 MiB.
func Compiler() Profile {
	p := base("L1/compiler")
	p.Limits.ModuleBytes, p.Limits.MemoryPages = 8<<20, 4096
	p.Exports = append(p.Exports, fn("qx_compile", nil, []ValueType{I32}))
	return p
}

// canonicalBytes is the largest module of float policy `canonical`: what the Go
// toolchain makes of a small program is between 2 and 4 MiB.
const canonicalBytes = 4 << 20

// Canonical is the profile under float policy `canonical`: with f32 and f64, for
// modules whose NaNs a rewriter makes canonical, and modules up to 4 MiB.
func (p Profile) Canonical() Profile {
	p.Name, p.Floats = p.Name+"/canonical", true
	if p.Limits.ModuleBytes == limitsL1().ModuleBytes { // a host's own smaller limit stands
		p.Limits.ModuleBytes = canonicalBytes
	}
	return p
}

// ReadWithFloats is Read under float policy `none`, or `canonical` where the module
// cannot do without: *p becomes the profile that it was read under. Bytes behind
// the larger limit are not looked at.
func ReadWithFloats(b []byte, p *Profile) (*Module, error) {
	m, err := Read(b, p)
	var rej *Rejected
	if !errors.As(err, &rej) || rej.Rule != RuleOpFloat && rej.Rule != RuleValueType && rej.Rule != RuleModuleSize {
		return m, err
	}
	c := p.Canonical()
	if m, err = Read(b, &c); err != nil {
		return nil, err
	}
	*p = c
	return m, nil
}
