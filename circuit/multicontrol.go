package circuit

// Controlled gates beyond the table, after Barenco et al., "Elementary gates
// for quantum computation", Phys. Rev. A 52, 3457 (1995): lemmas 7.2 to 7.5.
// No clean ancilla is used. Sizes grow with the square of the controls.

func gateOp(g Gate, p []Angle, q ...int) Op {
	op := Op{Gate: g, NQ: uint8(len(q)), Params: params(p...)}
	for i, k := range q {
		op.Q[i] = uint16(k)
	}
	return op
}

// multiControlledPhase multiplies the states in which all of q are 1 with
// e^(iλ). Each halving of λ rounds to the unit of 4π/2^52.
func multiControlledPhase(lambda Angle, q []int) []Op {
	if lambda.mod2Pi() == 0 {
		return nil
	}
	n := len(q)
	switch {
	case n == 1 && lambda == Pi:
		return []Op{gateOp(Z, nil, q...)}
	case n == 1:
		return []Op{gateOp(P, []Angle{lambda}, q...)}
	case n == 2 && lambda == Pi:
		return []Op{gateOp(CZ, nil, q...)}
	case n == 2:
		return []Op{gateOp(CP, []Angle{lambda}, q...)}
	case n == 3 && lambda == Pi:
		return []Op{gateOp(CCZ, nil, q...)}
	}
	// Lemma 7.5: phases of λ/2 on (b,t) and on the controls with t, and of -λ/2
	// while b is flipped by the controls.
	a := half(lambda)
	rest, b, t := q[:n-2], q[n-2], q[n-1]
	flip := multiControlledX(rest, b, []int{t})
	ops := []Op{gateOp(CP, []Angle{lambda - a}, b, t)}
	ops = append(ops, flip...)
	ops = append(ops, gateOp(CP, []Angle{-a}, b, t))
	ops = append(ops, flip...)
	return append(ops, multiControlledPhase(a, append(append([]int{}, rest...), t))...)
}

// multiControlledX flips t when all controls are 1. dirty lists qubits that it
// may use and restores, in whatever state they are.
func multiControlledX(controls []int, t int, dirty []int) []Op {
	k := len(controls)
	switch {
	case k == 0:
		return []Op{gateOp(X, nil, t)}
	case k == 1:
		return []Op{gateOp(CX, nil, controls[0], t)}
	case k == 2:
		return []Op{gateOp(CCX, nil, controls[0], controls[1], t)}
	case len(dirty) >= k-2:
		return toffoliLadder(controls, t, dirty[:k-2])
	case len(dirty) == 0:
		ops := []Op{gateOp(H, nil, t)}
		ops = append(ops, multiControlledPhase(Pi, append(append([]int{}, controls...), t))...)
		return append(ops, gateOp(H, nil, t))
	}
	// Lemma 7.3: split the controls; each half borrows the other.
	d, m := dirty[0], (k+1)/2
	low := multiControlledX(controls[:m], d, append(append([]int{}, controls[m:]...), t))
	high := multiControlledX(append(append([]int{}, controls[m:]...), d), t, controls[:m])
	ops := append([]Op{}, low...)
	ops = append(ops, high...)
	ops = append(ops, low...)
	return append(ops, high...)
}

// toffoliLadder is lemma 7.2: 4(k-2) Toffoli gates with k-2 borrowed qubits.
func toffoliLadder(c []int, t int, d []int) []Op {
	k := len(c)
	rung := func(i int) Op { // rung i flips d[i], the last one t
		target, left := t, c[0]
		if i < k-2 {
			target = d[i]
		}
		if i > 0 {
			left = d[i-1]
		}
		return gateOp(CCX, nil, left, c[i+1], target)
	}
	var ops []Op
	for _, top := range []int{k - 2, k - 3} {
		for i := top; i >= 0; i-- {
			ops = append(ops, rung(i))
		}
		for i := 1; i <= top; i++ {
			ops = append(ops, rung(i))
		}
	}
	return ops
}

// controlled returns a phased gate under further controls.
func (o phased) controlled(ctrl []int) []Op {
	switch o.op.Gate {
	case Barrier:
		return []Op{o.op}
	case gphaseOp:
		return multiControlledPhase(o.phase, ctrl)
	}
	ops := controlledGate(o.op, ctrl)
	if o.phase != 0 {
		ops = append(ops, multiControlledPhase(o.phase, ctrl)...)
	}
	return ops
}

// controlledGate finds the gate in the table if it is there, else controls the
// gate's diagonal form, else its decomposition.
func controlledGate(op Op, ctrl []int) []Op {
	info := &gateTable[op.Gate]
	var targets []int
	for _, q := range op.Q[:op.NQ] {
		targets = append(targets, int(q))
	}
	base := op.Gate
	if info.Controls > 0 { // the gate's own controls count as controls
		base = info.Base
		ctrl = append(append([]int{}, ctrl...), targets[:info.Controls]...)
		targets = targets[info.Controls:]
	}
	all := append(append([]int{}, ctrl...), targets...)
	for g := range numGates {
		if row := &gateTable[g]; row.Controls == len(ctrl) && row.Controls > 0 && row.Base == base {
			return []Op{gateOp(g, op.Params[:row.Params], all...)}
		}
	}
	if base == X {
		return multiControlledX(ctrl, targets[0], nil)
	}
	if ops, ok := controlledDiagonal(base, op.Params, ctrl, targets[0]); ok {
		return ops
	}
	return controlledSteps(base, op.Params, ctrl, targets)
}

// controlledDiagonal covers gates of the form V·e^(iα)·P(β)·V†: only P(β) and
// the phase need the controls.
func controlledDiagonal(g Gate, p [MaxOpParams]Angle, ctrl []int, t int) ([]Op, bool) {
	var before, after []Op
	one := func(g Gate, p ...Angle) Op { return gateOp(g, p, t) }
	var beta, alpha Angle
	switch g {
	case ID:
		return nil, true
	case Z, Y, H:
		beta = Pi
	case S:
		beta = HalfPi
	case Sdg:
		beta = minus(HalfPi)
	case T:
		beta = quarterPi
	case Tdg:
		beta = minus(quarterPi)
	case SX:
		beta = HalfPi
	case SXdg:
		beta = minus(HalfPi)
	case P:
		beta = p[0]
	case RX, RY, RZ:
		beta, alpha = p[0], -half(p[0])
	default:
		return nil, false
	}
	switch g {
	case SX, SXdg, RX:
		before, after = []Op{one(H)}, []Op{one(H)}
	case Y, RY: // S·H turns Z into Y
		before, after = []Op{one(Sdg), one(H)}, []Op{one(H), one(S)}
	case H: // Ry(π/4) turns Z into H
		before, after = []Op{one(RY, minus(quarterPi))}, []Op{one(RY, quarterPi)}
	}
	ops := append([]Op{}, before...)
	ops = append(ops, multiControlledPhase(beta, append(append([]int{}, ctrl...), t))...)
	ops = append(ops, multiControlledPhase(alpha, ctrl)...)
	return append(ops, after...), true
}

// controlledSteps controls each step of a decomposition and its phase.
func controlledSteps(g Gate, p [MaxOpParams]Angle, ctrl, targets []int) []Op {
	info := &gateTable[g]
	var ops []Op
	if info.u3 != nil { // P(φ)·Ry(θ)·P(λ)
		a := info.u3(p[:info.Params])
		for _, s := range []Op{gateOp(P, []Angle{a.Lambda}, targets...), gateOp(RY, []Angle{a.Theta}, targets...), gateOp(P, []Angle{a.Phi}, targets...)} {
			ops = append(ops, controlledGate(s, ctrl)...)
		}
	} else {
		place := gateOp(g, nil, targets...)
		for _, s := range info.steps(p[:info.Params]) {
			ops = append(ops, controlledGate(s.place(place), ctrl)...)
		}
	}
	if info.phase != nil {
		ops = append(ops, multiControlledPhase(info.phase(p[:info.Params]), ctrl)...)
	}
	return ops
}
