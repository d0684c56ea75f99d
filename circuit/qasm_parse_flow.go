package circuit

// body parses { … } or one statement.
func (p *parser) body() *block {
	if !p.accept(tLBrace) {
		return &block{list: []stmt{p.statement()}}
	}
	b := &block{}
	for p.err == nil && p.kind != tRBrace {
		b.list = append(b.list, p.statement())
	}
	p.expect(tRBrace, "'}'")
	return b
}

func (p *parser) braces() *block {
	if p.kind != tLBrace {
		p.syntax("'{'")
		return &block{}
	}
	return p.body()
}

func (p *parser) condition() *expr {
	p.next()
	p.expect(tLParen, "'('")
	x := p.expr()
	p.expect(tRParen, "')'")
	return x
}

func (p *parser) ifElse(pos int) stmt {
	defer p.shared()()
	s := &ifStmt{cond: p.condition(), then: p.body(), pos: pos}
	if !p.v2 && p.acceptWord("else") {
		s.alt = p.body()
	}
	return s
}

// shared stops the reuse of nodes while several statements live together.
func (p *parser) shared() (restore func()) {
	old := p.reuse
	p.reuse = false
	return func() { p.reuse = old }
}

func (p *parser) forLoop(pos int) stmt {
	defer p.shared()()
	p.next()
	s := &forStmt{pos: pos}
	if p.kind == tIdent && castTypes[p.text()] {
		s.typ = p.typeName()
	}
	s.name = p.ident("a loop variable")
	if !p.acceptWord("in") {
		p.syntax("'in'")
	}
	switch p.kind {
	case tLBrack:
		p.next()
		s.over = p.rangeOrExpr()
		if s.over.kind != xRange || s.over.x == nil || s.over.y == nil {
			p.syntax("a range with both ends")
		}
		p.expect(tRBrack, "']'")
	case tLBrace:
		s.over = p.node(xSet, p.start)
		p.next()
		s.over.list = p.exprList(nil, tRBrace)
		p.expect(tRBrace, "'}'")
	default:
		s.over = p.expr()
	}
	s.body = p.body()
	return s
}

func (p *parser) whileLoop(pos int) stmt {
	defer p.shared()()
	return &whileStmt{cond: p.condition(), body: p.body(), pos: pos}
}

func (p *parser) switchCase(pos int) stmt {
	defer p.shared()()
	s := &switchStmt{on: p.condition(), pos: pos}
	p.expect(tLBrace, "'{'")
	hasDefault := false
	for p.err == nil && p.kind != tRBrace {
		var c switchCase
		switch {
		case hasDefault:
			p.syntax("'}' after the default")
		case p.acceptWord("case"):
			c.values = append(c.values, p.expr())
			for p.accept(tComma) {
				c.values = append(c.values, p.expr())
			}
		case p.acceptWord("default"):
			hasDefault = true
		default:
			p.syntax("'case' or 'default'")
		}
		c.body = p.braces()
		s.cases = append(s.cases, c)
	}
	p.expect(tRBrace, "'}'")
	return s
}

func (p *parser) jump(pos int) stmt {
	s := &jumpStmt{word: p.text(), pos: pos}
	p.next()
	p.semicolon()
	return s
}

func (p *parser) returns(pos int) stmt {
	p.next()
	s := &returnStmt{pos: pos}
	switch {
	case p.kind == tSemi:
	case p.acceptWord("measure"):
		s.measure = p.operand()
	default:
		s.value = p.expr()
	}
	p.semicolon()
	return s
}

func (p *parser) names(end tokKind, what string) (list []string) {
	for p.err == nil && p.kind != end {
		list = append(list, p.ident(what))
		if !p.accept(tComma) {
			break
		}
	}
	return list
}

func (p *parser) gateHead(pos int) *gateDef {
	p.next()
	g := &gateDef{pos: pos, name: p.ident("a gate name")}
	if p.accept(tLParen) {
		g.params = p.names(tRParen, "a parameter name")
		p.expect(tRParen, "')'")
	}
	g.qubits = p.names(tLBrace, "a qubit name")
	return g
}

func (p *parser) gate(pos int) stmt {
	defer p.shared()()
	g := p.gateHead(pos)
	g.body = p.braces()
	p.keep()
	return g
}

func (p *parser) opaque(pos int) stmt {
	g := p.gateHead(pos)
	g.opaque = true
	p.semicolon()
	return g
}

func (p *parser) def(pos int) stmt {
	defer p.shared()()
	p.next()
	d := &defDef{pos: pos, name: p.ident("a name")}
	p.expect(tLParen, "'('")
	for p.err == nil && p.kind != tRParen {
		t := p.typeName()
		d.params = append(d.params, defParam{typ: t, name: p.ident("a parameter name")})
		if !p.accept(tComma) {
			break
		}
	}
	p.expect(tRParen, "')'")
	if p.accept(tArrow) {
		d.result = p.typeName()
	}
	d.body = p.braces()
	p.keep()
	return d
}
