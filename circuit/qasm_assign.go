package circuit

import "math"

// declareClassical declares numbers and bits.
func (e *elab) declareClassical(d *classicalDec) error {
	if d.typ.name == "qubit" {
		return e.errorf(CodeType, "an input is classical")
	}
	t, err := e.valType(d.typ)
	if err != nil {
		return err
	}
	if d.input {
		return e.declareInput(d, t)
	}
	if t.kind == vBits && !d.konst {
		return e.declareBits(d, t.width)
	}
	if d.measure != nil {
		return e.errorf(CodeRuntimeValue, "measurement results are kept in bits only").hint("declare a bit")
	}
	v := value{kind: vInt}
	if d.init != nil {
		if v, err = e.eval(d.init); err != nil {
			return err
		}
	}
	v, ok := v.convert(t)
	if !ok {
		return e.errorf(CodeType, "the value does not convert to %s", d.typ.name)
	}
	return e.define(&symbol{kind: symValue, name: d.name, val: v, typ: t, konst: d.konst, level: len(e.levels)})
}

func (e *elab) declareInput(d *classicalDec, t valType) error {
	f, ok := e.opt.Params[d.name]
	if !ok {
		return e.errorf(CodeMissingInput, "input %q has no value", d.name)
	}
	if e.scope != e.global {
		return e.errorf(CodeSyntax, "inputs are declared outside of blocks")
	}
	e.inputs[d.name] = true
	v := floatValue(f)
	if !v.isFloat() || !finite(f) || t.kind != vFloat && t.kind != vAngle && f != math.Trunc(f) {
		return e.errorf(CodeType, "%v is not a value of input %s %q", f, d.typ.name, d.name)
	}
	if t.kind == vBits {
		v, ok = v.convert(valType{kind: vInt})
		if ok && t.width < 64 && (int64(v.i) < 0 || v.i>>t.width != 0) {
			ok = false
		}
	}
	if ok {
		v, ok = v.convert(t)
	}
	if !ok {
		return e.errorf(CodeType, "%v is not a value of input %s %q", f, d.typ.name, d.name)
	}
	return e.define(&symbol{kind: symValue, name: d.name, val: v, typ: t, konst: true})
}

func (e *elab) declareBits(d *classicalDec, width int) error {
	if e.frame != nil && e.scope == e.frame.scope && e.frame.alias == d.name && len(e.frame.dest) == width {
		if d.init != nil {
			return e.errorf(CodeRuntimeValue, "a register that is returned takes its values by measure")
		}
		return e.bindBits(d, e.frame.dest)
	}
	call := d.init != nil && d.init.kind == xCall && e.isDef(d.init.text)
	var v value
	if d.init != nil && !call {
		var err error
		var ok bool
		if v, err = e.eval(d.init); err != nil {
			return err
		}
		if v, ok = v.convert(valType{kind: vBits, width: width}); !ok {
			return e.errorf(CodeType, "the value does not convert to bit[%d]", width)
		}
	}
	ids, err := e.newBits(d.name, width, v.i, v.i != 0 || e.scope != e.global)
	if err != nil {
		return err
	}
	if call {
		if _, err := e.callDef(d.init.text, d.init.list, ids, d.init); err != nil {
			return err
		}
	}
	return e.bindBits(d, ids)
}

// bindBits defines the name and measures, where the declaration says so.
func (e *elab) bindBits(d *classicalDec, ids []int32) error {
	err := e.define(&symbol{kind: symBits, name: d.name, single: d.typ.width == nil, bits: ids})
	if err != nil || d.measure == nil {
		return err
	}
	list, _, err := e.qubitsOf(d.measure, nil)
	if err != nil {
		return err
	}
	return e.measureInto(list, ids)
}

func (e *elab) isDef(name string) bool {
	sym := e.lookup(name)
	return sym != nil && sym.kind == symDef
}

func (e *elab) execAssign(a *assign) error {
	if a.target.kind != xIdent && a.target.kind != xIndex {
		return e.errorf(CodeType, "only names can be assigned to")
	}
	sym := e.lookup(a.target.text)
	if sym == nil {
		return e.errorf(CodeUnknownName, "%q is not defined here", clipText(a.target.text, 40))
	}
	switch {
	case sym.readonly || sym.konst:
		return e.errorf(CodeType, "%q cannot be assigned to", sym.name)
	case sym.kind == symBits && sym.angle && (a.op == tShl || a.op == tShr) && a.target.kind == xIdent:
		return e.shiftAngle(sym, a)
	case sym.kind == symBits:
		return e.execAssignBits(a)
	case sym.kind != symValue || a.target.kind == xIndex:
		return e.errorf(CodeType, "%q cannot be assigned to", sym.name)
	case sym.level != len(e.levels):
		return e.errorf(CodeRuntimeValue, "assigning to %q under a condition on measured bits would make it a run-time value", sym.name)
	}
	value := a.value
	if a.op != tAssign {
		value = &expr{kind: xBinary, op: a.op, pos: a.pos, x: a.target, y: a.value}
	}
	v, err := e.eval(value)
	if err != nil {
		return err
	}
	v, ok := v.convert(sym.typ)
	if !ok {
		return e.errorf(CodeType, "the value does not convert to %s", kindNames[sym.typ.kind])
	}
	sym.val = v
	return nil
}

func (e *elab) execAssignBits(a *assign) error {
	ids, err := e.bitsOf(a.target)
	if err != nil {
		return err
	}
	if a.op == tAssign && a.value.kind == xCall && e.isDef(a.value.text) {
		_, err := e.callDef(a.value.text, a.value.list, ids, a.value)
		return err
	}
	value := a.value
	if a.op != tAssign {
		value = &expr{kind: xBinary, op: a.op, pos: a.pos, x: a.target, y: a.value}
	}
	v, err := e.eval(value)
	if err != nil {
		return err
	}
	v, ok := v.convert(valType{kind: vBits, width: len(ids)})
	if !ok {
		return e.errorf(CodeType, "the value does not convert to %d bits", len(ids))
	}
	return e.assignBits(ids, v)
}

// assignBits sets bits to a value known before the run.
func (e *elab) assignBits(ids []int32, v value) error {
	if len(ids) > 64 && v.i != 0 {
		return e.errorf(CodeOverflow, "at most 64 bits at a time")
	}
	for k, id := range ids {
		b := &e.bits[id]
		bit := int8(0)
		if k < 64 {
			bit = int8(v.i >> k & 1)
		}
		if b.measured || len(e.levels) > 0 && !(b.assigned < 0 && bit == 0) && b.assigned != bit {
			return e.errorf(CodeRuntimeValue, "assigning to a measured bit, or under a condition on measured bits, is not supported").
				hint("use another bit")
		}
		if b.assigned >= 0 || bit == 1 {
			b.assigned = bit
		}
	}
	return nil
}
