package circuit

import (
	"strings"
)

// statement parses one statement. After an error the result means nothing.
func (p *parser) statement() stmt {
	if !p.enter() {
		return nil
	}
	defer p.leave()
	switch p.kind {
	case tIdent:
		word := p.text()
		if f, ok := statements[word]; ok && (!p.v2 || words2[word]) {
			return f(p, p.start)
		}
		return p.identStatement(p.start)
	case tHardware:
		return p.assignment(p.operand(), p.start)
	case tPragma:
		return p.pragma(p.start)
	case tAt:
		pos := p.start
		text := p.restOfLine()
		p.next()
		return &pragmaStmt{text: text, pos: pos}
	}
	p.syntax("a statement")
	return nil
}

// words2 are the statements of OpenQASM 2; other words are plain names there.
var words2 = map[string]bool{
	"include": true, "qreg": true, "creg": true, "gate": true, "opaque": true, "measure": true, "reset": true, "barrier": true, "if": true, "pragma": true,
}

// statements by their first word.
var statements map[string]func(p *parser, pos int) stmt

func init() {
	classical := func(p *parser, pos int) stmt { return p.classical(pos, false) }
	refuse := func(code Code, what string) func(*parser, int) stmt {
		return func(p *parser, pos int) stmt {
			p.fail(pos, code, "%s not supported", what)
			return nil
		}
	}
	modified := func(p *parser, pos int) stmt { return p.gateCall(pos, "", nil, nil) }
	statements = map[string]func(*parser, int) stmt{
		"OPENQASM": refuse(CodeVersion, "a version line after the first statement is"),
		"include":  (*parser).include, "pragma": (*parser).pragma,
		"qreg": (*parser).register, "creg": (*parser).register, "qubit": (*parser).qubits,
		"int": classical, "uint": classical, "float": classical, "angle": classical, "bool": classical, "bit": classical,
		"const": (*parser).konst, "input": (*parser).input, "output": (*parser).output, "let": (*parser).alias,
		"gate": (*parser).gate, "opaque": (*parser).opaque, "def": (*parser).def,
		"measure": (*parser).measure, "reset": (*parser).reset1, "barrier": (*parser).barrier, "nop": (*parser).nop,
		"if": (*parser).ifElse, "for": (*parser).forLoop, "while": (*parser).whileLoop, "switch": (*parser).switchCase,
		"return": (*parser).returns, "break": (*parser).jump, "continue": (*parser).jump, "end": (*parser).jump,
		"ctrl": modified, "negctrl": modified, "inv": modified, "pow": modified,
		"extern": refuse(CodeExtern, "extern is"), "complex": refuse(CodeComplex, "complex numbers are"),
		"cal": refuse(CodeCalibration, "cal is"), "defcal": refuse(CodeCalibration, "defcal is"), "defcalgrammar": refuse(CodeCalibration, "defcalgrammar is"),
		"duration": refuse(CodeTiming, "duration is"), "stretch": refuse(CodeTiming, "stretch is"), "delay": refuse(CodeTiming, "delay is"),
		"box": refuse(CodeBox, "box is"), "array": refuse(CodeArray, "array is"), "readonly": refuse(CodeArray, "array is"), "mutable": refuse(CodeArray, "array is"),
	}
}

func (p *parser) semicolon() { p.expect(tSemi, "';'") }

// identStatement parses gate calls, def calls and assignments.
func (p *parser) identStatement(pos int) stmt {
	name := p.text()
	p.next()
	switch p.kind {
	case tLParen:
		p.next()
		list := p.exprList(p.params[:0], tRParen)
		if p.reuse {
			p.params = list
		}
		p.expect(tRParen, "')'")
		if p.kind == tSemi && name != "gphase" {
			p.next()
			call := p.node(xCall, pos)
			call.text, call.list = name, append([]*expr{}, list...)
			return &callStmt{call}
		}
		if !p.reuse {
			list = append([]*expr{}, list...)
		}
		return p.gateCall(pos, name, list, nil)
	case tLBrack:
		n := p.node(xIndex, pos)
		n.text = name
		p.index(n)
		return p.assignment(n, pos)
	case tAssign, tOpAssign:
		n := p.node(xIdent, pos)
		n.text = name
		return p.assignment(n, pos)
	}
	return p.gateCall(pos, name, nil, nil)
}

// gateCall parses modifiers (when name is empty), name, parameters and
// operands.
func (p *parser) gateCall(pos int, name string, params []*expr, mods []modifier) stmt {
	if name == "" {
		mods = p.modifiers()
		pos = p.start
		name = p.ident("a gate")
		if p.accept(tLParen) {
			params = p.exprList(nil, tRParen)
			p.expect(tRParen, "')'")
		}
	}
	if p.kind == tLBrack {
		p.fail(p.start, CodeTiming, "a duration on a gate is not supported")
	}
	g := &p.call
	var operands []*expr
	if p.reuse {
		operands = p.operands[:0]
	} else {
		g = new(gateCall)
	}
	for p.err == nil && p.kind != tSemi {
		operands = append(operands, p.operand())
		if !p.accept(tComma) {
			break
		}
	}
	if p.reuse {
		p.operands = operands
	}
	p.semicolon()
	*g = gateCall{name: name, pos: pos, mods: mods, params: params, operands: operands}
	return g
}

var modifierWords = map[string]modKind{"ctrl": modCtrl, "negctrl": modNegCtrl, "inv": modInv, "pow": modPow}

func (p *parser) modifiers() (mods []modifier) {
	for p.err == nil && p.kind == tIdent {
		kind, ok := modifierWords[p.text()]
		if !ok {
			break
		}
		m := modifier{kind: kind, pos: p.start}
		p.next()
		if p.accept(tLParen) {
			m.arg = p.expr()
			p.expect(tRParen, "')'")
		}
		if m.arg == nil && kind == modPow || m.arg != nil && kind == modInv {
			p.fail(m.pos, CodeArgumentCount, "pow takes one argument, ctrl and negctrl at most one, inv none")
		}
		p.expect(tAt, "'@'")
		mods = append(mods, m)
	}
	return mods
}

// operand parses q, q[i], q[a:b] or $n.
func (p *parser) operand() *expr {
	n := p.node(xIdent, p.start)
	switch p.kind {
	case tHardware:
		n.kind = xHardware
		p.hardware(n, p.text())
		p.next()
	case tIdent:
		n.text = p.text()
		p.next()
		if p.kind == tLBrack {
			p.index(n)
		}
	default:
		p.syntax("a qubit or bit")
	}
	return n
}

// assignment parses what follows an assignment's target.
func (p *parser) assignment(target *expr, pos int) stmt {
	op := tAssign
	if p.kind == tOpAssign {
		op = p.op
		p.next()
	} else {
		p.expect(tAssign, "'='")
	}
	if op == tAssign && p.acceptWord("measure") {
		m := &measureStmt{from: p.operand(), to: target, pos: pos}
		p.semicolon()
		return m
	}
	a := &assign{target: target, op: op, value: p.expr(), pos: pos}
	p.semicolon()
	return a
}

func (p *parser) include(pos int) stmt {
	p.next()
	name := strings.Trim(p.text(), `"'`)
	if p.kind != tString {
		p.syntax("a file name")
	} else if name != "qelib1.inc" && name != "stdgates.inc" {
		p.fail(p.start, CodeInclude, "cannot include %q: only qelib1.inc and stdgates.inc, which are built in", clipText(name, 40))
	}
	p.next()
	p.semicolon()
	return &pragmaStmt{text: "include", pos: pos}
}

func (p *parser) pragma(pos int) stmt {
	text := p.restOfLine()
	p.next()
	return &pragmaStmt{text: text, pos: pos}
}

func (p *parser) measure(pos int) stmt {
	p.next()
	m := &measureStmt{from: p.operand(), pos: pos}
	if p.accept(tArrow) {
		m.to = p.operand()
	}
	p.semicolon()
	return m
}

func (p *parser) reset1(int) stmt {
	p.next()
	r := &resetStmt{q: p.operand()}
	p.semicolon()
	return r
}

func (p *parser) barrier(pos int) stmt {
	p.next()
	b := &barrierStmt{pos: pos}
	if p.kind != tSemi {
		b.list = append(b.list, p.operand())
		for p.accept(tComma) {
			b.list = append(b.list, p.operand())
		}
	}
	p.semicolon()
	return b
}

// nop marks qubits as used and does nothing.
func (p *parser) nop(int) stmt {
	p.next()
	for p.err == nil && p.kind != tSemi {
		p.operand()
		p.accept(tComma)
	}
	p.semicolon()
	return &block{}
}
