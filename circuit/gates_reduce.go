package circuit

// AsU3 returns a one-qubit gate with parameters p as e^(i·phase)·u3. It reports
// false for every other gate and for a wrong number of parameters.
func (g Gate) AsU3(p []Angle) (u U3Angles, phase Angle, ok bool) {
	i := g.Info()
	if i == nil || i.u3 == nil || len(p) != i.Params {
		return U3Angles{}, 0, false
	}
	if i.phase != nil {
		phase = i.phase(p)
	}
	return i.u3(p), phase, true
}

// Steps returns a gate on several qubits with parameters p as e^(i·phase)·(a
// product of other gates), first step first. It reports false for gates that are
// not decomposed, CZ among them, and for a wrong number of parameters.
func (g Gate) Steps(p []Angle) (steps []Step, phase Angle, ok bool) {
	i := g.Info()
	if i == nil || i.steps == nil || len(p) != i.Params {
		return nil, 0, false
	}
	if i.phase != nil {
		phase = i.phase(p)
	}
	return i.steps(p), phase, true
}

// On puts a step of a decomposition on the operands of op.
func (s Step) On(op *Op) Op { return s.place(*op) }

// Lower returns the op in the lowered form, as Circuit.Lower does. The op must be
// valid.
func (op Op) Lower() []Op { return appendLowered(nil, op) }

// ControlledPhase multiplies the states in which all of the qubits q are 1 by
// e^(iλ), as gates of the table. Each halving of λ rounds to the unit of 4π/2^52.
func ControlledPhase(lambda Angle, q []int) []Op { return multiControlledPhase(lambda, q) }
