package circuit

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// elab runs a program symbolically: statements are parsed one at a time and
// executed at once, appending operations to the circuit.
type elab struct {
	parser
	c        *Circuit
	limits   Limits
	opt      Options
	warnings []Warning
	warned   map[Code]bool

	global   *scope
	scope    *scope
	builtins map[string]*symbol
	rare     map[string]*symbol // prelude gates in use
	cached   [2]*symbol         // last gate and last register looked up
	included bool

	bits     []bitState
	regs     []*bitReg
	inputs   map[string]bool
	declared bool // a qubit register exists
	physical bool // $n is in use

	terms   []CondTerm // the run-time condition in force
	cond    uint32     // its number in c.Conds plus one, 0: none
	condIDs map[string]uint32
	levels  []*condLevel

	frame *frame
	stack []uint16  // operands of the calls in progress
	sink  *[]phased // where gates go while a body is collected; nil: the circuit

	at         int // offset for messages
	depth      int
	gates      int
	loops      int
	steps      int
	whileLimit int
}

// phased is an operation with a phase that matters under a control. A pure
// phase has the gate gphaseOp.
type phased struct {
	op    Op
	phase Angle
}

// flow says how a statement ended.
type flow uint8

const (
	flowNext flow = iota
	flowBreak
	flowContinue
	flowReturn
	flowEnd
)

func newElab(src string, limits Limits, opt Options) *elab {
	e := &elab{limits: limits, opt: opt, c: &Circuit{}, warned: map[Code]bool{}, inputs: map[string]bool{}, condIDs: map[string]uint32{}, whileLimit: opt.WhileLimit}
	e.parser = parser{lexer: lexer{src: src, maxTokens: limits.Tokens}, maxDepth: limits.Nesting}
	e.global = &scope{index: map[string]*symbol{}}
	e.scope, e.builtins = e.global, builtins3
	return e
}

func (e *elab) errorf(code Code, format string, args ...any) *Error {
	return newError(e.src, e.at, code, format, args...)
}

// warn reports each code once, at its first occurrence, pragmas and local bits
// each time up to 100.
func (e *elab) warn(code Code, format string, args ...any) {
	once := code != WarnPragma && code != WarnLocalBit && code != WarnAnnotation
	if once && e.warned[code] || len(e.warnings) >= 100 {
		return
	}
	e.warned[code] = true
	w := newError(e.src, e.at, code, format, args...)
	e.warnings = append(e.warnings, Warning{Code: code, Line: w.Line, Column: w.Column, Msg: w.Msg})
}

// program is the whole text.
func (e *elab) program() (*Circuit, error) {
	e.next()
	e.version()
	e.c.Ops = make([]Op, 0, min(strings.Count(e.src, ";"), 1<<17)) // a guess
	for e.err == nil && e.kind != tEOF {
		e.reset()
		e.reuse = true
		s := e.statement()
		if e.err != nil {
			break
		}
		e.reuse = false
		f, err := e.exec(s)
		if err != nil {
			return nil, err
		}
		if f == flowEnd {
			break
		}
		if f != flowNext {
			return nil, e.errorf(CodeSyntax, "break, continue or return outside of what it leaves")
		}
	}
	if e.err != nil {
		return nil, e.err
	}
	return e.c, e.finish()
}

func (e *elab) version() {
	if !e.acceptWord("OPENQASM") {
		return
	}
	major, minor, _ := strings.Cut(e.text(), ".")
	if e.kind != tInt && e.kind != tFloat || major != "2" && major != "3" || minor != "" && minor != "0" && (major == "2" || minor != "1") {
		e.fail(e.start, CodeVersion, "version %q: 2.0, 3, 3.0 and 3.1 are known", clipText(e.text(), 20))
		return
	}
	if major == "2" {
		e.v2, e.builtins = true, builtins2
	}
	e.next()
	e.semicolon()
}

// finish checks what only the end of the program shows.
func (e *elab) finish() error {
	for _, name := range slices.Sorted(maps.Keys(e.opt.Params)) {
		if !e.inputs[name] {
			return e.errorf(CodeUnknownInput, "parameter %q is not an input of the program", name)
		}
	}
	if e.c.Qubits == 0 {
		return e.errorf(CodeNoQubits, "the program declares no qubit")
	}
	for _, r := range e.regs {
		for _, id := range r.ids {
			if b := e.bits[id]; b.clbit >= 0 && b.assigned == 1 && !r.local {
				return e.errorf(CodeRuntimeValue, "register %q ends with a bit set by assignment, which a measurement result cannot carry", r.name)
			}
		}
	}
	return nil
}

// exec runs one statement.
func (e *elab) exec(s stmt) (flow, error) {
	switch s := s.(type) {
	case *gateCall:
		if s.pos >= 0 { // prelude gates have no place in the source
			e.at = s.pos
		}
		return flowNext, e.execGate(s)
	case *measureStmt:
		e.at = s.pos
		return flowNext, e.execMeasure(s)
	case *block:
		return e.execList(s.list)
	case *qubitDec:
		e.at = s.pos
		return flowNext, e.declareQubits(s)
	case *classicalDec:
		e.at = s.pos
		return flowNext, e.declareClassical(s)
	case *assign:
		e.at = s.pos
		return flowNext, e.execAssign(s)
	case *resetStmt:
		return flowNext, e.execReset(s)
	case *barrierStmt:
		e.at = s.pos
		return flowNext, e.execBarrier(s)
	case *aliasStmt:
		e.at = s.pos
		return flowNext, e.execAlias(s)
	case *gateDef:
		e.at = s.pos
		return flowNext, e.defineGate(s)
	case *defDef:
		e.at = s.pos
		return flowNext, e.defineDef(s)
	case *callStmt:
		e.at = s.call.pos
		_, err := e.callDef(s.call.text, s.call.list, nil, nil)
		return flowNext, err
	case *pragmaStmt:
		e.at = s.pos
		return flowNext, e.execPragma(s.text)
	}
	return e.execFlow(s)
}

func (e *elab) execList(list []stmt) (flow, error) {
	for _, s := range list {
		if f, err := e.exec(s); err != nil || f != flowNext {
			return f, err
		}
	}
	return flowNext, nil
}

// execBlock runs a body in a scope of its own.
func (e *elab) execBlock(b *block) (f flow, err error) {
	if err := e.enterCall(); err != nil {
		return flowNext, err
	}
	defer func() { e.depth-- }()
	err = e.inScope(&scope{parent: e.scope}, func() error {
		f, err = e.execList(b.list)
		return err
	})
	return f, err
}

// enterCall counts blocks and calls that are running inside each other.
func (e *elab) enterCall() error {
	if e.depth++; e.depth > 4*e.limits.Nesting {
		return e.errorf(CodeLimitNesting, "calls and blocks nested deeper than %d", 4*e.limits.Nesting)
	}
	return e.step(2)
}

// step counts work of the evaluation.
func (e *elab) step(n int) error {
	if e.steps += n; e.steps > e.limits.EvalSteps {
		return e.errorf(CodeLimitSteps, "more than %d evaluation steps", e.limits.EvalSteps)
	}
	return nil
}

// execPragma handles include, output, annotations and pragmas.
func (e *elab) execPragma(text string) error {
	switch {
	case text == "include":
		e.included = true
	case text == "output":
		e.warn(WarnOutput, "output: the outcome holds all bits, in order of declaration")
	case strings.HasPrefix(text, "@"):
		e.warn(WarnAnnotation, "annotation %s is kept in the source only", clipText(strings.Fields(text)[0], 40))
	default:
		words := strings.Fields(strings.TrimPrefix(text, "#"))
		if len(words) == 3 && words[1] == "engine.while_limit" {
			n, err := strconv.Atoi(words[2])
			if err != nil || n < 1 {
				return e.errorf(CodeSyntax, "engine.while_limit wants a positive integer")
			}
			e.whileLimit = n
			return nil
		}
		e.warn(WarnPragma, "%s", clipText(text, 60))
	}
	return nil
}

func (e *elab) defineGate(g *gateDef) error {
	if e.scope != e.global {
		return e.errorf(CodeSyntax, "gates are defined outside of blocks")
	}
	if b := e.builtins[g.name]; b != nil {
		if b.builtin.file && e.included || b.builtin.core {
			return e.errorf(CodeRedefined, "gate %q is built in", g.name)
		}
		if b.builtin.gate.Valid() && sameDefinition(e.src[g.pos:], b.builtin.gate.Info().qasm) {
			return nil // the definition that the exporters write: the table's own gate
		}
	}
	if err := e.checkGate(g); err != nil {
		return err
	}
	return e.define(&symbol{kind: symGate, name: g.name, gate: g})
}

// sameDefinition compares the beginning of src with a definition, spaces
// aside.
func sameDefinition(src, def string) bool {
	if def == "" {
		return false
	}
	i := 0
	for k := 0; k < len(def); k++ {
		if class[def[k]] == classSpace {
			continue
		}
		for i < len(src) && class[src[i]] == classSpace {
			i++
		}
		if i == len(src) || src[i] != def[k] {
			return false
		}
		i++
	}
	return true
}

func (e *elab) defineDef(d *defDef) error {
	if e.scope != e.global {
		return e.errorf(CodeSyntax, "defs are defined outside of blocks")
	}
	return e.define(&symbol{kind: symDef, name: d.name, def: d})
}

// asError restores the public type at the boundary.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
