package circuit

func (p *parser) register(pos int) stmt {
	quantum := p.text() == "qreg"
	p.next()
	name := p.ident("a register name")
	size := p.designator()
	p.semicolon()
	if quantum {
		return &qubitDec{name: name, size: size, pos: pos}
	}
	return &classicalDec{typ: &typeName{name: "bit", width: size, pos: pos}, name: name, pos: pos}
}

func (p *parser) qubits(pos int) stmt {
	p.next()
	d := &qubitDec{size: p.designator(), pos: pos}
	d.name = p.ident("a name")
	p.semicolon()
	return d
}

func (p *parser) typeName() *typeName {
	t := &typeName{pos: p.start, name: p.ident("a type")}
	switch t.name {
	case "int", "uint", "float", "angle", "bit", "qubit":
		t.width = p.designator()
	case "qreg":
		t.name, t.width = "qubit", p.designator()
	case "creg":
		t.name, t.width = "bit", p.designator()
	case "bool":
	case "complex":
		p.fail(t.pos, CodeComplex, "complex numbers are not supported")
	case "duration", "stretch":
		p.fail(t.pos, CodeTiming, "%s is not supported", t.name)
	case "array", "readonly", "mutable":
		p.fail(t.pos, CodeArray, "array is not supported")
	default:
		p.fail(t.pos, CodeSyntax, "a type wanted, not %q", clipText(t.name, 40))
	}
	return t
}

func (p *parser) classical(pos int, konst bool) stmt {
	d := &classicalDec{typ: p.typeName(), konst: konst, pos: pos}
	d.name = p.ident("a name")
	if p.accept(tAssign) {
		if p.acceptWord("measure") {
			d.measure = p.operand()
		} else {
			d.init = p.expr()
		}
	}
	if konst && d.init == nil {
		p.syntax("'=' and a value")
	}
	p.semicolon()
	return d
}

func (p *parser) konst(pos int) stmt {
	p.next()
	return p.classical(pos, true)
}

func (p *parser) input(pos int) stmt {
	p.next()
	d := &classicalDec{typ: p.typeName(), input: true, pos: pos}
	d.name = p.ident("a name")
	p.semicolon()
	return d
}

func (p *parser) output(pos int) stmt {
	p.next()
	d := p.classical(pos, false)
	return &block{list: []stmt{&pragmaStmt{text: "output", pos: pos}, d}}
}

func (p *parser) alias(pos int) stmt {
	p.next()
	a := &aliasStmt{name: p.ident("a name"), pos: pos}
	p.expect(tAssign, "'='")
	a.list = append(a.list, p.operand())
	for p.accept(tConcat) {
		a.list = append(a.list, p.operand())
	}
	p.semicolon()
	return a
}
