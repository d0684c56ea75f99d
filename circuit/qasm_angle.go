package circuit

import "math"

// An angle register that is measured into, as in iterative phase estimation,
// holds bits: angle[n] c is the sum of 2π·2^j/2^n over its bits j. A rotation by
// it is a rotation for each bit under the condition that the bit is 1, and
// shifting it renames the bits. Each measured bit becomes one clbit of the
// outcome, in order of measurement.

// measuredAngle turns an angle variable into bits when it is about to take a
// measurement.
func (e *elab) measuredAngle(sym *symbol) error {
	if sym == nil || sym.kind != symValue || sym.typ.kind != vAngle || sym.typ.width == 0 || sym.konst || sym.readonly || sym.level != len(e.levels) {
		return nil
	}
	n := sym.typ.width
	if n > 52 {
		return e.errorf(CodeRuntimeValue, "a measured angle has at most 52 bits")
	}
	e.warn(WarnAngleBits, "the measured bits of angle %q enter the outcome in order of measurement", sym.name)
	pattern := uint64(math.RoundToEven(math.Ldexp(sym.val.f/math.Pi, n-1)))
	sym.bits = nil
	for j := range n {
		id, err := e.angleBit(sym.name, pattern>>j&1)
		if err != nil {
			return err
		}
		sym.bits = append(sym.bits, id)
	}
	sym.kind, sym.angle = symBits, true
	return nil
}

// angleBit makes a bit that enters the outcome when it is measured.
func (e *elab) angleBit(name string, v uint64) (int32, error) {
	ids, err := e.newBits(name, 1, v, true)
	if err != nil {
		return 0, err
	}
	e.bits[ids[0]].reg.local = true // it need not end with a measured value
	e.bits[ids[0]].reg.quiet = true
	return ids[0], nil
}

// shiftAngle renames the bits of a measured angle.
func (e *elab) shiftAngle(sym *symbol, a *assign) error {
	k, err := e.integer(a.value)
	if err != nil {
		return err
	}
	n := int64(len(sym.bits))
	if k < 0 || len(e.levels) > 0 {
		return e.errorf(CodeRuntimeValue, "a measured angle is shifted by 0 or more, and not under a condition on measured bits")
	}
	if a.op == tShr {
		k = -k
	}
	bits := make([]int32, n)
	for j := range n {
		if from := j - k; from >= 0 && from < n {
			bits[j] = sym.bits[from]
		} else if bits[j], err = e.angleBit(sym.name, 0); err != nil {
			return err
		}
	}
	sym.bits = bits
	return nil
}

// angleOperand recognises a measured angle, or its negative, as a parameter.
func (e *elab) angleOperand(x *expr) (ids []int32, sign float64) {
	sign = 1
	for x.kind == xUnary && x.op == tMinus {
		x, sign = x.x, -sign
	}
	if x.kind != xIdent {
		return nil, 0
	}
	if sym := e.lookup(x.text); sym != nil && sym.kind == symBits && sym.angle {
		return sym.bits, sign
	}
	return nil, 0
}

// angleGate applies a rotation by a measured angle, bit by bit.
func (e *elab) angleGate(g *gateCall, sym *symbol, controls []bool, power int64, ids []int32, sign float64) error {
	if sym.kind != symBuiltin || sym.builtin.gate == gphaseOp || !gateTable[sym.builtin.gate].Scales {
		return e.errorf(CodeRuntimeValue, "%q takes no measured angle: only p, rx, ry, rz and their controlled and two-qubit forms do", g.name)
	}
	for j, id := range ids {
		b := e.bits[id]
		if b.assigned == 0 {
			continue
		}
		p := []float64{sign * math.Ldexp(2*math.Pi, j-len(ids))}
		run := func() error { return e.broadcast(g, sym, controls, power, p) }
		var err error
		if b.assigned == 1 {
			err = run()
		} else {
			err = e.under([]CondTerm{{Bits: []uint32{uint32(b.clbit)}, Value: 1}}, run)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
