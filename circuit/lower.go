package circuit

import "fmt"

// Lower rewrites c to U3, CZ, Measure, Reset and Barrier, gate by gate, in
// order, keeping conditions; the unitary is the same up to global phase and to
// one unit of 4π/2^52 in each angle that a decomposition has to halve. It
// merges nothing. c stays unchanged and shares its Conds and registers.
func (c *Circuit) Lower() (*Circuit, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	out := *c
	out.Ops = make([]Op, 0, len(c.Ops))
	for i := range c.Ops {
		out.Ops = appendLowered(out.Ops, c.Ops[i])
		if len(out.Ops) > MaxOps {
			return nil, fmt.Errorf("more than %d operations after lowering: %w", MaxOps, ErrInvalid)
		}
	}
	return &out, nil
}

func appendLowered(ops []Op, op Op) []Op {
	info := &gateTable[op.Gate]
	switch {
	case !info.Unitary() || op.Gate == U3 || op.Gate == CZ:
		return append(ops, op)
	case info.u3 != nil:
		a := info.u3(op.Params[:info.Params])
		op.Gate, op.Params = U3, params(a.Theta, a.Phi, a.Lambda)
		return append(ops, op)
	}
	for _, s := range info.steps(op.Params[:info.Params]) {
		ops = appendLowered(ops, s.place(op))
	}
	return ops
}

// place puts a step of a decomposition on the operands of op.
func (s Step) place(op Op) Op {
	out := Op{Gate: s.Gate, NQ: uint8(gateTable[s.Gate].Qubits), Cond: op.Cond, Params: s.P}
	for k := range out.NQ {
		out.Q[k] = op.Q[s.Q[k]]
	}
	return out
}
