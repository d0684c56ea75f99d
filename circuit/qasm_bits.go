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
