package circuit

// raise turns a list into its inverse for a negative power and multiplies the
// angles where that is the same; times is how often to run the list.
func raise(ops []phased, power int64) ([]phased, int64) {
	if power < 0 {
		inv := make([]phased, len(ops))
		for i, o := range ops {
			if o.op.Gate != Barrier && o.op.Gate != gphaseOp {
				o.op.Gate, o.op.Params = o.op.Gate.Inverse(o.op.Params[:gateTable[o.op.Gate].Params])
			}
			o.phase = -o.phase
			inv[len(ops)-1-i] = o
		}
		ops, power = inv, -power
	}
	if len(ops) == 1 && (ops[0].op.Gate == gphaseOp || ops[0].op.Gate != Barrier && gateTable[ops[0].op.Gate].Scales) {
		o := ops[0]
		o.phase *= Angle(power)
		o.op.Params[0] *= Angle(power)
		if power == 0 {
			return nil, 0
		}
		return []phased{o}, 1
	}
	if len(ops) == 0 {
		power = 0
	}
	return ops, power
}

// controlled emits a list times times under controls.
func (e *elab) controlled(ops []phased, times int64, on []bool, ctrl []int) error {
	// A gate under n controls takes up to about 16·n² gates of the table.
	if n := len(ctrl); n > 8 && times > 0 && 16*n*n > e.limits.Gates/2 {
		return e.errorf(CodeLimitGates, "%d controls take more than %d operations", n, e.limits.Gates/2)
	}
	flip := func() error {
		for i, c := range ctrl {
			if !on[i] && times > 0 {
				if err := e.emit(gateOp(X, nil, c)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := flip(); err != nil {
		return err
	}
	for range times {
		for _, o := range ops {
			if err := e.step(1); err != nil {
				return err
			}
			if len(ctrl) == 0 {
				if err := e.emitPhased(o); err != nil {
					return err
				}
				continue
			}
			for _, op := range o.controlled(ctrl) {
				if err := e.emit(op); err != nil {
					return err
				}
			}
		}
	}
	return flip()
}

// base appends the gate itself.
func (e *elab) base(sym *symbol, p []float64, q []uint16) error {
	if sym.kind == symGate {
		return e.expand(sym.gate, p, q)
	}
	op := Op{Gate: sym.builtin.gate, NQ: uint8(len(q))}
	copy(op.Q[:], q)
	for i, f := range p {
		a, err := AngleFromRadians(f)
		if err != nil {
			return e.errorf(CodeNotFinite, "parameter %d of %q is %v", i+1, sym.name, f)
		}
		op.Params[i] = a
	}
	if op.Gate == gphaseOp {
		return e.emitPhased(phased{op: Op{Gate: gphaseOp}, phase: op.Params[0]})
	}
	if e.sink == nil {
		return e.emit(op)
	}
	o := phased{op: op}
	if sym.builtin.phase != nil {
		p := op.Params
		o.phase = sym.builtin.phase(p[:])
	}
	return e.emitPhased(o)
}

// expand runs the body of a user's gate.
func (e *elab) expand(g *gateDef, p []float64, q []uint16) error {
	if g.opaque {
		return e.errorf(CodeOpaque, "gate %q is opaque: nobody knows what it does", g.name)
	}
	if err := e.enterCall(); err != nil {
		return err
	}
	s := &scope{parent: e.global, fence: true}
	for i, name := range g.params {
		s.put(&symbol{kind: symValue, name: name, val: floatValue(p[i]), readonly: true})
	}
	for i, name := range g.qubits {
		s.put(&symbol{kind: symQubits, name: name, single: true, qubits: q[i : i+1 : i+1]})
	}
	err := e.inScope(s, func() error {
		_, err := e.execList(g.body.list)
		return err
	})
	e.depth--
	return err
}

// emitPhased appends to the list being collected, or to the circuit, where the
// global phase is dropped.
func (e *elab) emitPhased(o phased) error {
	if e.sink == nil {
		if o.op.Gate == gphaseOp {
			return e.step(1)
		}
		return e.emit(o.op)
	}
	if len(*e.sink) >= e.limits.Gates/4 {
		return e.errorf(CodeLimitGates, "more than %d operations under one modifier", e.limits.Gates/4)
	}
	*e.sink = append(*e.sink, o)
	return e.step(1)
}

// emit appends an operation under the condition in force.
func (e *elab) emit(op Op) error {
	if e.sink != nil {
		return e.emitPhased(phased{op: op})
	}
	if e.gates++; e.gates > e.limits.Gates {
		return e.errorf(CodeLimitGates, "more than %d operations after expansion", e.limits.Gates)
	}
	if e.cond != 0 && op.Gate != Barrier {
		for _, l := range e.levels {
			if l.stale {
				return e.errorf(CodeClobbered, "an operation after its condition was overwritten inside the block")
			}
		}
		op.Cond = e.cond
	}
	e.c.Ops = append(e.c.Ops, op)
	return nil
}
