package circuit

// bitState is one classical bit of the program.
type bitState struct {
	clbit    int32 // -1 until the bit has a place in the outcome
	assigned int8  // 0 or 1: the value by assignment; -1: whatever the run measured, 0 at first
	measured bool
	reg      *bitReg
}

// bitReg is a declared bit or bit register. Those declared at top level without
// a value enter the outcome at once; others when something is measured into
// them, and then as a whole.
type bitReg struct {
	name  string
	ids   []int32
	local bool
	quiet bool // no warning when it enters the outcome
}

// indices evaluates what stands in [ ] against a register of the given size;
// single is true for one plain index.
func (e *elab) indices(x *expr, size int) (idx []int, single bool, err error) {
	at := func(n int64, pos *expr) (int, error) {
		if n < 0 {
			n += int64(size) // counted from the end
		}
		if n < 0 || n >= int64(size) {
			return 0, e.fault(pos, CodeIndexRange, "index outside of a register of size %d", size)
		}
		return int(n), nil
	}
	one := func(x *expr) error {
		n, err := e.integer(x)
		if err != nil {
			return err
		}
		i, err := at(n, x)
		idx = append(idx, i)
		return err
	}
	switch x.kind {
	case xRange:
		idx, err = e.rangeIndices(x, size, at)
	case xSet:
		for _, y := range x.list {
			if err := one(y); err != nil {
				return nil, false, err
			}
		}
	default:
		err = one(x)
		return idx, true, err
	}
	return idx, false, err
}

func (e *elab) rangeIndices(x *expr, size int, at func(int64, *expr) (int, error)) ([]int, error) {
	step := int64(1)
	var err error
	if x.z != nil {
		if step, err = e.integer(x.z); err != nil {
			return nil, err
		}
		if step == 0 {
			return nil, e.fault(x.z, CodeIndexRange, "a range does not step by 0")
		}
	}
	from, to := 0, size-1
	if step < 0 {
		from, to = size-1, 0
	}
	for _, end := range []struct {
		x *expr
		p *int
	}{{x.x, &from}, {x.y, &to}} {
		if end.x == nil {
			continue
		}
		n, err := e.integer(end.x)
		if err != nil {
			return nil, err
		}
		if *end.p, err = at(n, end.x); err != nil {
			return nil, err
		}
	}
	var idx []int
	if step > int64(size) || step < -int64(size) {
		step = int64(size) * (step / max(step, -step))
	}
	for i := from; step > 0 && i <= to || step < 0 && i >= to; i += int(step) {
		idx = append(idx, i)
	}
	if len(idx) == 0 {
		return nil, e.fault(x, CodeIndexRange, "an empty range")
	}
	return idx, nil
}

// register finds the symbol of an operand through a one-entry cache.
func (e *elab) register(x *expr) *symbol {
	if c := e.cached[1]; c != nil && c.name == x.text {
		return c
	}
	sym := e.lookup(x.text)
	e.cached[1] = sym
	return sym
}

// qubitsOf resolves a quantum operand; single is true for one qubit that is
// not a register.
func (e *elab) qubitsOf(x *expr, buf []uint16) (list []uint16, single bool, err error) {
	switch x.kind {
	case xHardware:
		q, err := e.physicalQubit(x)
		return append(buf, q), true, err
	case xIdent, xIndex:
	default:
		return nil, false, e.fault(x, CodeType, "a qubit wanted")
	}
	sym := e.register(x)
	if sym == nil {
		return nil, false, e.fault(x, CodeUnknownName, "%q is not defined here", clipText(x.text, 40))
	}
	if sym.kind != symQubits {
		return nil, false, e.fault(x, CodeType, "%q is not a qubit", x.text)
	}
	if x.kind == xIdent {
		return append(buf, sym.qubits...), sym.single, nil
	}
	if i := x.x; i.kind == xInt && i.i < uint64(len(sym.qubits)) {
		return append(buf, sym.qubits[i.i]), true, nil
	}
	idx, single, err := e.indices(x.x, len(sym.qubits))
	if err != nil {
		return nil, false, err
	}
	for _, i := range idx {
		buf = append(buf, sym.qubits[i])
	}
	return buf, single, nil
}

func (e *elab) physicalQubit(x *expr) (uint16, error) {
	if e.declared {
		return 0, e.fault(x, CodeMixedQubits, "physical qubits beside declared qubits")
	}
	if x.i >= uint64(e.limits.Qubits) {
		return 0, e.fault(x, CodeLimitQubits, "physical qubit $%d; the limit is %d qubits", x.i, e.limits.Qubits)
	}
	e.physical = true
	e.c.Qubits = max(e.c.Qubits, int(x.i)+1)
	return uint16(x.i), nil
}

// bitsOf resolves a classical bit operand.
func (e *elab) bitsOf(x *expr) ([]int32, error) {
	if x.kind != xIdent && x.kind != xIndex {
		return nil, e.fault(x, CodeType, "a bit wanted")
	}
	sym := e.lookup(x.text)
	if sym == nil {
		return nil, e.fault(x, CodeUnknownName, "%q is not defined here", clipText(x.text, 40))
	}
	if sym.kind == symValue {
		return nil, e.fault(x, CodeRuntimeValue, "%q is not a bit, and measurement results are kept in bits only", x.text)
	}
	if sym.kind != symBits {
		return nil, e.fault(x, CodeType, "%q is not a bit", x.text)
	}
	if x.kind == xIdent {
		return sym.bits, nil
	}
	idx, _, err := e.indices(x.x, len(sym.bits))
	if err != nil {
		return nil, err
	}
	out := make([]int32, len(idx))
	for k, i := range idx {
		out[k] = sym.bits[i]
	}
	return out, nil
}

func (e *elab) declareQubits(d *qubitDec) error {
	n := int64(1)
	if d.size != nil {
		var err error
		if n, err = e.integer(d.size); err != nil {
			return err
		}
	}
	if e.scope != e.global {
		return e.errorf(CodeSyntax, "qubits are declared outside of blocks")
	}
	if e.physical {
		return e.errorf(CodeMixedQubits, "declared qubits beside physical qubits")
	}
	if n < 1 || n > int64(e.limits.Qubits-e.c.Qubits) {
		return e.errorf(CodeLimitQubits, "%d qubits more than the %d declared; the limit is %d, and a register has at least one", n, e.c.Qubits, e.limits.Qubits)
	}
	e.declared = true
	sym := &symbol{kind: symQubits, name: d.name, single: d.size == nil, qubits: make([]uint16, n)}
	for i := range sym.qubits {
		sym.qubits[i] = uint16(e.c.Qubits + i)
	}
	e.c.Qubits += int(n)
	e.c.QRegs = append(e.c.QRegs, Register{d.name, int(n)})
	return e.define(sym)
}

func (e *elab) execAlias(a *aliasStmt) error {
	if len(a.list) == 1 && a.list[0].kind == xIdent {
		if sym := e.lookup(a.list[0].text); sym != nil && sym.kind == symBits {
			alias := *sym
			alias.name = a.name
			return e.define(&alias)
		}
	}
	sym := &symbol{kind: symQubits, name: a.name}
	for _, x := range a.list {
		var err error
		if sym.qubits, sym.single, err = e.qubitsOf(x, sym.qubits); err != nil {
			return err
		}
		if err := e.step(len(sym.qubits)); err != nil {
			return err
		}
		if len(sym.qubits) > e.limits.Qubits {
			return e.errorf(CodeLimitQubits, "an alias of more than %d qubits", e.limits.Qubits)
		}
	}
	sym.single = sym.single && len(a.list) == 1
	return e.define(sym)
}

// newBits makes a register; assigned is the bits' value, or -1 for bits that
// enter the outcome at once.
func (e *elab) newBits(name string, n int, value uint64, assigned bool) ([]int32, error) {
	if n > e.limits.Clbits-len(e.bits) {
		return nil, e.errorf(CodeLimitClbits, "more than %d bits", e.limits.Clbits)
	}
	r := &bitReg{name: name, ids: make([]int32, n), local: e.scope != e.global}
	for i := range r.ids {
		b := bitState{clbit: -1, assigned: -1, reg: r}
		if assigned {
			b.assigned = 0
			if i < 64 {
				b.assigned = int8(value >> i & 1)
			}
		}
		r.ids[i] = int32(len(e.bits))
		e.bits = append(e.bits, b)
	}
	e.regs = append(e.regs, r)
	if !assigned {
		e.place(r)
	}
	return r.ids, nil
}

// place gives a register its clbits.
func (e *elab) place(r *bitReg) {
	for _, id := range r.ids {
		e.bits[id].clbit = int32(e.c.Clbits)
		e.c.Clbits++
	}
	e.c.CRegs = append(e.c.CRegs, Register{r.name, len(r.ids)})
	if r.local && !r.quiet {
		e.warn(WarnLocalBit, "bit %q of a block becomes part of the outcome", r.name)
	}
}

func (e *elab) execReset(s *resetStmt) error {
	e.at = s.q.pos
	list, _, err := e.qubitsOf(s.q, nil)
	if err != nil {
		return err
	}
	for _, q := range list {
		if err := e.emit(Op{Gate: Reset, NQ: 1, Q: [MaxOpQubits]uint16{q}}); err != nil {
			return err
		}
	}
	return nil
}

func (e *elab) execMeasure(s *measureStmt) error {
	list, _, err := e.qubitsOf(s.from, nil)
	if err != nil {
		return err
	}
	if s.to == nil {
		return e.errorf(CodeDiscarded, "the outcome of this measurement goes nowhere").hint("declare a bit and measure into it, or reset the qubit")
	}
	sym := e.lookup(s.to.text)
	if sym != nil && sym.readonly {
		return e.errorf(CodeType, "%q is a parameter that came by value", sym.name)
	}
	if err := e.measuredAngle(sym); err != nil {
		return err
	}
	ids, err := e.bitsOf(s.to)
	if err != nil {
		return err
	}
	return e.measureInto(list, ids)
}

func (e *elab) measureInto(list []uint16, ids []int32) error {
	if len(list) != len(ids) {
		return e.errorf(CodeSizeMismatch, "%d qubits into %d bits", len(list), len(ids))
	}
	for i, q := range list {
		if err := e.measureBit(q, ids[i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *elab) measureBit(q uint16, id int32) error {
	b := &e.bits[id]
	if e.cond != 0 && b.assigned == 1 {
		return e.errorf(CodeRuntimeValue, "a conditional measurement into a bit that was set to 1 by assignment")
	}
	if b.clbit < 0 {
		e.place(b.reg)
	}
	if err := e.emit(Op{Gate: Measure, NQ: 1, Q: [MaxOpQubits]uint16{q}, Clbit: uint32(b.clbit)}); err != nil {
		return err
	}
	b.assigned, b.measured = -1, true
	for _, l := range e.levels {
		l.touch(uint32(b.clbit))
	}
	return nil
}

// execBarrier writes a barrier on more than four qubits as several that share
// the first qubit, there and back, which aligns all of them.
func (e *elab) execBarrier(s *barrierStmt) error {
	var list []uint16
	for _, x := range s.list {
		var err error
		if list, _, err = e.qubitsOf(x, list); err != nil {
			return err
		}
		if len(list) > 2*MaxQubits {
			return e.errorf(CodeLimitQubits, "a barrier on too many qubits")
		}
	}
	list = distinct(list)
	if len(s.list) == 0 || len(list) == e.c.Qubits && e.declared {
		return e.emit(Op{Gate: Barrier})
	}
	if len(list) <= MaxOpQubits {
		return e.emit(barrierOn(list))
	}
	var parts []Op
	for rest := list[1:]; len(rest) > 0; {
		n := min(len(rest), MaxOpQubits-1)
		parts = append(parts, barrierOn(append([]uint16{list[0]}, rest[:n]...)))
		rest = rest[n:]
	}
	for i := range 2*len(parts) - 1 {
		if err := e.emit(parts[i%len(parts)]); err != nil {
			return err
		}
	}
	return nil
}

func barrierOn(list []uint16) Op {
	op := Op{Gate: Barrier, NQ: uint8(len(list))}
	copy(op.Q[:], list)
	return op
}

func distinct(list []uint16) []uint16 {
	seen := map[uint16]bool{}
	out := list[:0]
	for _, q := range list {
		if !seen[q] {
			seen[q] = true
			out = append(out, q)
		}
	}
	return out
}
