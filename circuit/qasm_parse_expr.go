package circuit

import (
	"strconv"
	"strings"
)

// precedence of binary operators, higher binds tighter; 0: not binary.
var precedence = [tOpAssign + 1]uint8{
	tOr: 1, tAnd: 2, tPipe: 3, tCaret: 4, tAmp: 5, tEq: 6, tNe: 6, tLt: 7, tLe: 7, tGt: 7, tGe: 7,
	tShl: 8, tShr: 8, tPlus: 9, tMinus: 9, tStar: 10, tSlash: 10, tPercent: 10, tPower: 12,
}

const unaryPrecedence = 11

func (p *parser) expr() *expr { return p.binary(1) }

func (p *parser) binary(least uint8) *expr {
	if !p.enter() {
		return p.node(xInt, p.start)
	}
	defer p.leave()
	left := p.unary()
	for p.err == nil {
		op := p.kind
		if op == tCaret && p.v2 {
			op = tPower
		}
		prec := precedence[op]
		if prec < least || prec == 0 {
			break
		}
		n := p.node(xBinary, p.start)
		p.next()
		if op != tPower { // ** associates to the right
			prec++
		}
		n.op, n.x, n.y = op, left, p.binary(prec)
		n.depth = max(n.x.depth, n.y.depth) + 1
		if int(n.depth) > p.maxDepth {
			p.fail(n.pos, CodeLimitNesting, "expression deeper than %d", p.maxDepth)
		}
		left = n
	}
	return left
}

func (p *parser) unary() *expr {
	switch p.kind {
	case tMinus, tBang, tTilde, tPlus:
		n := p.node(xUnary, p.start)
		n.op = p.kind
		p.next()
		n.x = p.binary(unaryPrecedence)
		n.depth = n.x.depth + 1
		return n
	}
	return p.primary()
}

func (p *parser) primary() *expr {
	n := p.node(xInt, p.start)
	text := p.text()
	switch p.kind {
	case tInt:
		p.intLiteral(n, text)
	case tFloat:
		n.kind = xFloat
		if strings.IndexByte(text, '_') >= 0 {
			text = strings.ReplaceAll(text, "_", "")
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			p.fail(n.pos, CodeNotFinite, "%s is not a finite number", clipText(text, 40))
		}
		n.f = f
	case tString:
		n.kind, n.text = xBits, strings.ReplaceAll(text[1:len(text)-1], "_", "")
		if strings.Trim(n.text, "01") != "" || n.text == "" {
			p.fail(n.pos, CodeSyntax, "a bit string holds 0 and 1 only")
		}
	case tHardware:
		n.kind = xHardware
		p.hardware(n, text)
	case tLParen:
		p.next()
		n = p.expr()
		p.expect(tRParen, "')'")
		return n
	case tIdent:
		return p.name(n, text)
	case tTiming:
		p.fail(n.pos, CodeTiming, "durations are not supported")
	case tImaginary:
		p.fail(n.pos, CodeComplex, "complex numbers are not supported")
	default:
		p.syntax("an expression")
	}
	p.next()
	return n
}

func (p *parser) intLiteral(n *expr, text string) {
	if len(text) < 19 { // the usual case, without strconv's base detection
		v := uint64(0)
		for i := 0; i < len(text); i++ {
			d := text[i] - '0'
			if d > 9 {
				v = 1 << 63
				break
			}
			v = v*10 + uint64(d)
		}
		if v < 1<<63 {
			n.i = v
			return
		}
	}
	base := 10
	if len(text) > 2 && text[0] == '0' && text[1] > '9' && text[1] != '_' {
		base = map[byte]int{'x': 16, 'o': 8, 'b': 2}[text[1]|0x20]
		text = text[2:]
	}
	v, err := strconv.ParseUint(strings.ReplaceAll(text, "_", ""), base, 64)
	if err != nil {
		p.fail(n.pos, CodeOverflow, "%s is not an integer of at most 64 bits", clipText(text, 40))
	}
	n.i = v
}

func (p *parser) hardware(n *expr, text string) {
	v, err := strconv.ParseUint(text[1:], 10, 32)
	if err != nil {
		p.fail(n.pos, CodeSyntax, "%s is not a physical qubit", clipText(text, 40))
	}
	n.i = v
}

var castTypes = map[string]bool{"int": true, "uint": true, "float": true, "angle": true, "bool": true, "bit": true}

// name parses what begins with an identifier.
func (p *parser) name(n *expr, text string) *expr {
	p.next()
	if !p.v2 {
		switch text {
		case "true", "false":
			n.kind, n.i = xBool, 0
			if text == "true" {
				n.i = 1
			}
			return n
		case "durationof":
			p.fail(n.pos, CodeTiming, "durationof is not supported")
		case "complex":
			p.fail(n.pos, CodeComplex, "complex numbers are not supported")
		}
		if castTypes[text] && (p.kind == tLParen || p.kind == tLBrack) {
			n.kind, n.typ = xCast, &typeName{name: text, pos: n.pos}
			n.typ.width = p.designator()
			p.expect(tLParen, "'('")
			n.x = p.expr()
			n.depth = n.x.depth + 1
			p.expect(tRParen, "')'")
			return n
		}
	}
	n.text = text
	switch p.kind {
	case tLParen:
		n.kind = xCall
		p.next()
		n.list = p.exprList(nil, tRParen)
		for _, a := range n.list {
			n.depth = max(n.depth, a.depth+1)
		}
		p.expect(tRParen, "')'")
	case tLBrack:
		p.index(n)
	default:
		n.kind = xIdent
	}
	return n
}

// index parses the [ ] behind a name.
func (p *parser) index(n *expr) {
	n.kind = xIndex
	p.next()
	if p.kind == tLBrace {
		set := p.node(xSet, p.start)
		p.next()
		set.list = p.exprList(nil, tRBrace)
		p.expect(tRBrace, "'}'")
		n.x = set
	} else {
		n.x = p.rangeOrExpr()
	}
	n.depth = n.x.depth + 1
	if p.kind == tComma {
		p.fail(p.start, CodeArray, "arrays are not supported")
	}
	p.expect(tRBrack, "']'")
	if p.kind == tLBrack {
		p.fail(p.start, CodeArray, "an index of an index is not supported")
	}
}

// rangeOrExpr parses i, a:b and a:step:b.
func (p *parser) rangeOrExpr() *expr {
	pos := p.start
	var first *expr
	if p.kind != tColon {
		first = p.expr()
		if p.kind != tColon {
			return first
		}
	}
	n := p.node(xRange, pos)
	n.x = first
	p.next()
	if p.kind != tRBrack {
		n.y = p.expr()
	}
	if p.accept(tColon) {
		n.z, n.y = n.y, p.expr()
	}
	return n
}

func (p *parser) exprList(list []*expr, end tokKind) []*expr {
	for p.err == nil && p.kind != end {
		list = append(list, p.expr())
		if p.kind != tComma {
			break
		}
		p.next()
	}
	return list
}

// designator parses an optional [size].
func (p *parser) designator() *expr {
	if p.kind != tLBrack {
		return nil
	}
	p.next()
	x := p.expr()
	p.expect(tRBrack, "']'")
	return x
}
