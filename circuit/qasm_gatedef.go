package circuit

// checkGate checks the body of a gate at its definition: known gates with the
// right counts, formal qubits, known names. It binds each call, so that a later
// definition cannot change the meaning and a gate cannot reach itself.
func (e *elab) checkGate(g *gateDef) error {
	if err := distinctNames(g.params, g.qubits); err != "" {
		return e.errorf(CodeRedefined, "gate %q: %q is named twice", g.name, err)
	}
	if len(g.qubits) == 0 || len(g.qubits) > e.limits.Qubits {
		return e.errorf(CodeArgumentCount, "gate %q has %d qubits", g.name, len(g.qubits))
	}
	if g.opaque {
		return nil
	}
	c := gateCheck{e: e, g: g, qubits: set(g.qubits), names: set(g.params)}
	return c.list(g.body.list)
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

func distinctNames(lists ...[]string) string {
	seen := map[string]bool{}
	for _, l := range lists {
		for _, n := range l {
			if seen[n] {
				return n
			}
			seen[n] = true
		}
	}
	return ""
}

type gateCheck struct {
	e             *elab
	g             *gateDef
	qubits, names map[string]bool
}

func (c *gateCheck) list(list []stmt) error {
	for _, s := range list {
		if err := c.stmt(s); err != nil {
			return err
		}
	}
	return nil
}

func (c *gateCheck) stmt(s stmt) error {
	switch s := s.(type) {
	case *gateCall:
		return c.call(s)
	case *barrierStmt:
		c.e.at = s.pos
		return c.operands(s.list)
	case *pragmaStmt:
		return nil
	case *block:
		return c.list(s.list)
	case *forStmt:
		c.e.at = s.pos
		if err := c.expr(s.over); err != nil {
			return err
		}
		old := c.names[s.name]
		c.names[s.name] = true
		err := c.list(s.body.list)
		c.names[s.name] = old
		return err
	}
	return c.e.errorf(CodeType, "the body of gate %q holds something that is not a gate", c.g.name)
}

func (c *gateCheck) call(s *gateCall) error {
	e := c.e
	e.at = s.pos
	if s.name == c.g.name && e.lookup(s.name) == nil {
		return e.errorf(CodeRecursion, "gate %q calls itself", s.name)
	}
	sym, err := e.gateSymbol(s.name)
	if err != nil {
		return err
	}
	if sym.kind == symDef {
		return e.errorf(CodeType, "gate %q calls the def %q", c.g.name, s.name)
	}
	s.ref = sym
	np, nq := sym.arity()
	if len(s.params) != np || len(s.operands) < nq || len(s.mods) == 0 && len(s.operands) != nq {
		return e.errorf(CodeArgumentCount, "%q takes %d parameters and %d qubits, not %d and %d", s.name, np, nq, len(s.params), len(s.operands))
	}
	for _, m := range s.mods {
		if m.arg != nil {
			if err := c.expr(m.arg); err != nil {
				return err
			}
		}
	}
	for _, x := range s.params {
		if err := c.expr(x); err != nil {
			return err
		}
	}
	return c.operands(s.operands)
}

func (c *gateCheck) operands(list []*expr) error {
	for i, x := range list {
		if x.kind != xIdent || !c.qubits[x.text] {
			return c.e.fault(x, CodeUnknownName, "gates act on their own qubits only, by name")
		}
		for _, y := range list[:i] {
			if x.text == y.text {
				return c.e.fault(x, CodeRepeatedQubit, "%q twice", x.text)
			}
		}
	}
	return nil
}

// expr checks that names are parameters, loop variables or constants.
func (c *gateCheck) expr(x *expr) error {
	if x == nil {
		return nil
	}
	if x.kind == xIdent || x.kind == xIndex {
		sym := c.e.lookup(x.text)
		_, known := constants[x.text]
		if !known && !c.names[x.text] && (sym == nil || sym.kind != symValue || !sym.konst) {
			return c.e.fault(x, CodeUnknownName, "%q is neither a parameter nor a constant", clipText(x.text, 40))
		}
	}
	for _, y := range append([]*expr{x.x, x.y, x.z}, x.list...) {
		if err := c.expr(y); err != nil {
			return err
		}
	}
	return nil
}
