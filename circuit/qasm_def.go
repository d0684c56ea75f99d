package circuit

// frame is a def being inlined.
type frame struct {
	def   *defDef
	dest  []int32 // bits that take the result; nil: none wanted
	alias string  // local register that is returned and therefore lives in dest
	scope *scope
	ret   value
}

// callDef inlines a def. dest takes a bit result.
func (e *elab) callDef(name string, args []*expr, dest []int32, at *expr) (value, error) {
	sym := e.lookup(name)
	if sym == nil || sym.kind != symDef {
		code, what := CodeUnknownName, "is not defined"
		if _, ok := e.builtins[name]; ok || sym != nil {
			code, what = CodeType, "is not a def; gates take their qubits without parentheses"
		}
		return value{}, e.errorf(code, "%q %s", clipText(name, 40), what)
	}
	d := sym.def
	if d.active {
		return value{}, e.errorf(CodeRecursion, "def %q calls itself", name)
	}
	if len(args) != len(d.params) {
		return value{}, e.errorf(CodeArgumentCount, "%q takes %d arguments, not %d", name, len(d.params), len(args))
	}
	if err := e.enterCall(); err != nil {
		return value{}, err
	}
	f := &frame{def: d, scope: &scope{parent: e.global, fence: true}}
	for i, p := range d.params {
		s, err := e.argument(p, args[i])
		if err != nil {
			return value{}, err
		}
		if f.scope.get(s.name) != nil {
			return value{}, e.errorf(CodeRedefined, "def %q: %q is named twice", name, s.name)
		}
		f.scope.put(s)
	}
	if err := e.resultBits(f, dest); err != nil {
		return value{}, err
	}
	call, old := e.at, e.frame
	e.frame, d.active = f, true
	err := e.inScope(f.scope, func() error {
		end, err := e.execList(d.body.list)
		if err == nil && end != flowReturn && (end != flowNext || d.result != nil) {
			e.at = call
			err = e.errorf(CodeType, "def %q ends without return", name)
		}
		return err
	})
	e.frame, d.active = old, false
	e.depth--
	e.at = call
	return f.ret, err
}

// resultBits checks dest against the declared result and finds the local
// register that is returned.
func (e *elab) resultBits(f *frame, dest []int32) error {
	r := f.def.result
	if r == nil || r.name != "bit" {
		if dest != nil {
			return e.errorf(CodeType, "def %q does not return bits", f.def.name)
		}
		return nil
	}
	var t valType
	err := e.inScope(e.global, func() (err error) {
		t, err = e.valType(r)
		return err
	})
	if err != nil {
		return err
	}
	if dest != nil && len(dest) != t.width {
		return e.errorf(CodeSizeMismatch, "def %q returns %d bits into %d", f.def.name, t.width, len(dest))
	}
	f.dest = dest
	for _, s := range f.def.body.list {
		if ret, ok := s.(*returnStmt); ok && ret.value != nil && ret.value.kind == xIdent && dest != nil {
			f.alias = ret.value.text
		}
	}
	return nil
}

// argument binds one parameter: qubits and measured bits by reference,
// everything else by value.
func (e *elab) argument(p defParam, x *expr) (*symbol, error) {
	var t valType
	if p.typ.name != "qubit" || p.typ.width != nil {
		err := e.inScope(e.global, func() (err error) {
			if p.typ.name != "qubit" {
				t, err = e.valType(p.typ)
				return err
			}
			n, err := e.integer(p.typ.width)
			if err == nil && (n < 1 || n > MaxQubits) {
				err = e.fault(p.typ.width, CodeLimitQubits, "a parameter of %d qubits", n)
			}
			t.width = int(n)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if p.typ.name == "qubit" {
		list, _, err := e.qubitsOf(x, nil)
		if err != nil {
			return nil, err
		}
		if len(list) != max(t.width, 1) {
			return nil, e.fault(x, CodeSizeMismatch, "%d qubits for a parameter of %d", len(list), max(t.width, 1))
		}
		return &symbol{kind: symQubits, name: p.name, single: p.typ.width == nil, qubits: list}, nil
	}
	if t.kind == vBits && e.runtime(x) {
		ids, err := e.bitsOf(x)
		if err == nil && len(ids) != t.width {
			err = e.fault(x, CodeSizeMismatch, "%d bits for a parameter of %d", len(ids), t.width)
		}
		return &symbol{kind: symBits, name: p.name, single: p.typ.width == nil, bits: ids, readonly: true}, err
	}
	v, err := e.eval(x)
	if err != nil {
		return nil, err
	}
	v, ok := v.convert(t)
	if !ok {
		return nil, e.fault(x, CodeType, "this does not convert to %s", p.typ.name)
	}
	return &symbol{kind: symValue, name: p.name, val: v, typ: t, level: len(e.levels)}, nil
}

func (e *elab) execReturn(s *returnStmt) error {
	f := e.frame
	if f == nil {
		return e.errorf(CodeSyntax, "return outside of a def")
	}
	r := f.def.result
	switch {
	case s.value == nil && s.measure == nil:
		if r != nil {
			return e.errorf(CodeType, "def %q returns a value", f.def.name)
		}
		return nil
	case r == nil:
		return e.errorf(CodeType, "def %q returns nothing", f.def.name)
	case s.measure != nil:
		if r.name != "bit" {
			return e.errorf(CodeRuntimeValue, "measurement results are returned as bits only")
		}
		if f.dest == nil {
			return e.errorf(CodeDiscarded, "the outcome of this measurement goes nowhere").hint("assign the result of " + f.def.name + " to a bit")
		}
		list, _, err := e.qubitsOf(s.measure, nil)
		if err != nil {
			return err
		}
		return e.measureInto(list, f.dest)
	case s.value.kind == xIdent && f.alias == s.value.text:
		if sym := f.scope.get(f.alias); sym != nil && sym.kind == symBits && !sym.readonly {
			return nil // it already is the destination
		}
	case r.name == "bit" && s.value.kind == xCall:
		if sym := e.lookup(s.value.text); sym != nil && sym.kind == symDef {
			_, err := e.callDef(s.value.text, s.value.list, f.dest, s.value)
			return err
		}
	}
	v, err := e.eval(s.value)
	if err != nil {
		return err
	}
	t, err := e.valType(r)
	if err != nil {
		return err
	}
	v, ok := v.convert(t)
	if !ok {
		return e.fault(s.value, CodeType, "this does not convert to the result of %q", f.def.name)
	}
	f.ret = v
	if f.dest != nil {
		return e.assignBits(f.dest, v)
	}
	return nil
}
