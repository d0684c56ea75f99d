package circuit

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
