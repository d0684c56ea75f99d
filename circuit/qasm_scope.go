package circuit

import "strings"

type symKind uint8

const (
	symQubits symKind = iota
	symBits
	symValue
	symGate
	symDef
	symBuiltin
)

// symbol is what a name stands for.
type symbol struct {
	kind   symKind
	name   string
	single bool // one qubit or bit, not a register
	qubits []uint16
	bits   []int32 // positions in elab.bits
	angle  bool    // symBits that stand for an angle
	// symValue
	val      value
	typ      valType
	konst    bool
	readonly bool // loop variables, parameters of a def that came by value
	level    int  // number of run-time conditions around the declaration

	gate    *gateDef
	def     *defDef
	builtin builtin
}

// builtin is a gate of the table under one of its names.
type builtin struct {
	gate Gate
	// phase is what the name's unitary has beyond the table's matrix: it shows
	// only under a control.
	phase func(p []Angle) Angle
	core  bool // part of the language
	file  bool // part of the include file: not to be redefined where that is included
}

// gphaseOp marks a pure phase in lists of phased operations.
const gphaseOp = numGates

type scope struct {
	parent *scope
	fence  bool // names outside are visible only if they are constants, gates or defs
	names  []string
	syms   []*symbol
	index  map[string]*symbol // instead of the lists once there are many names
}

func (s *scope) get(name string) *symbol {
	if s.index != nil {
		return s.index[name]
	}
	for i, n := range s.names {
		if n == name {
			return s.syms[i]
		}
	}
	return nil
}

func (s *scope) put(sym *symbol) {
	if s.index == nil && len(s.names) < 8 {
		s.names, s.syms = append(s.names, sym.name), append(s.syms, sym)
		return
	}
	if s.index == nil {
		s.index = map[string]*symbol{}
		for i, n := range s.names {
			s.index[n] = s.syms[i]
		}
	}
	s.index[sym.name] = sym
}

// lookup finds a name as seen from the current scope.
func (e *elab) lookup(name string) *symbol {
	fenced := false
	for s := e.scope; s != nil; s = s.parent {
		if sym := s.get(name); sym != nil {
			visible := sym.kind == symGate || sym.kind == symDef || sym.kind == symValue && sym.konst
			if fenced && !visible {
				return nil
			}
			return sym
		}
		fenced = fenced || s.fence
	}
	return nil
}

// define adds a symbol to the current scope.
func (e *elab) define(sym *symbol) error {
	if e.scope.get(sym.name) != nil {
		return e.errorf(CodeRedefined, "%q is defined twice in one scope", sym.name)
	}
	e.scope.put(sym)
	e.cached[0], e.cached[1] = nil, nil
	return nil
}

// global runs f with names resolved outside all blocks.
func (e *elab) inScope(s *scope, f func() error) error {
	old := e.scope
	e.scope = s
	e.cached[0], e.cached[1] = nil, nil
	err := f()
	e.scope = old
	e.cached[0], e.cached[1] = nil, nil
	return err
}

// includeNames are the names that programs may not redefine once they include
// the standard file: for version 2 those of the first qelib1.inc (later ones
// have more, and programs for earlier readers define these themselves).
var includeNames = map[bool]string{
	true:  "u3 u2 u1 cx id x y z h s sdg t tdg rx ry rz cz cy ch ccx crz cu1 cu3",
	false: "p x y z h s sdg t tdg sx rx ry rz cx cy cz cp crx cry crz ch swap ccx cswap cu CX phase cphase id u1 u2 u3",
}

// builtin names. Version 2 knows U and CX by itself, version 3 U.
var builtins2, builtins3 = builtinNames(true), builtinNames(false)

func builtinNames(v2 bool) map[string]*symbol {
	m := map[string]*symbol{}
	add := func(name string, b builtin) {
		m[name] = &symbol{kind: symBuiltin, name: name, builtin: b}
	}
	file := set(strings.Fields(includeNames[v2]))
	for g := range numGates {
		i := &gateTable[g]
		if !i.Unitary() {
			continue
		}
		for _, name := range append([]string{i.Name, i.QASM2, i.QASM3}, i.qasmAlias...) {
			if name != "" && m[name] == nil {
				add(name, builtin{gate: g, file: file[name]})
			}
		}
	}
	spin := func(p []Angle) Angle { return -half(p[0] + p[1]) }
	if !v2 { // stdgates.inc: u2 and u3 have determinant 1; U by the specification
		add("u2", builtin{gate: U2, file: true, phase: spin})
		add("u3", builtin{gate: U3, file: true, phase: func(p []Angle) Angle { return -half(p[1] + p[2]) }})
	}
	add("U", builtin{gate: U3, core: true, phase: func(p []Angle) Angle { return half(p[0]) }})
	add("CX", builtin{gate: CX, core: v2, file: true})
	if !v2 {
		m["gphase"] = &symbol{kind: symBuiltin, name: "gphase", builtin: builtin{gate: gphaseOp, core: true}}
	}
	return m
}

// prelude holds the rarer gates of qelib1.inc, elaborated on first use.
var prelude = map[string]string{
	"u0":      "gate u0(g) a { id a; }",
	"csx":     "gate csx a, b { ctrl @ sx a, b; }",
	"c3x":     "gate c3x a, b, c, d { ctrl(3) @ x a, b, c, d; }",
	"c4x":     "gate c4x a, b, c, d, e { ctrl(4) @ x a, b, c, d, e; }",
	"c3sqrtx": "gate c3sqrtx a, b, c, d { ctrl(3) @ sx a, b, c, d; }",
	"rccx":    "gate rccx a, b, c { h c; t c; cx b, c; tdg c; cx a, c; t c; cx b, c; tdg c; h c; }",
	"rc3x": "gate rc3x a, b, c, d { h d; t d; cx c, d; tdg d; h d; cx a, d; t d; cx b, d; tdg d; cx a, d; t d; cx b, d; tdg d;" +
		" h d; t d; cx c, d; tdg d; h d; }",
}
