package circuit

import "slices"

// Width is the number of qubits.
func (c *Circuit) Width() int { return c.Qubits }

// Depth is the number of layers when every gate starts as early as its qubits,
// and the clbits it is conditioned on, allow. Every unitary gate counts one,
// measure, reset and barrier count nothing; a barrier makes its qubits wait for
// each other.
func (c *Circuit) Depth() int {
	qubit, clbit, depth := make([]int, c.Qubits), make([]int, c.Clbits), 0
	for i := range c.Ops {
		op := &c.Ops[i]
		level := 0
		over := op.Q[:op.NQ]
		for _, q := range over {
			level = max(level, qubit[q])
		}
		if op.Cond != 0 {
			for _, t := range c.Conds[op.Cond-1].Terms {
				for _, b := range t.Bits {
					level = max(level, clbit[b])
				}
			}
		}
		if op.Gate == Barrier && op.NQ == 0 {
			level = slices.Max(qubit)
			for q := range qubit {
				qubit[q] = level
			}
		}
		if gateTable[op.Gate].Unitary() {
			level++
		}
		if op.Gate == Measure {
			clbit[op.Clbit] = max(clbit[op.Clbit], level)
		}
		for _, q := range over {
			qubit[q] = level
		}
		depth = max(depth, level)
	}
	return depth
}

// GateCounts counts operations by name, measure, reset and barrier included.
func (c *Circuit) GateCounts() map[string]int {
	var n [numGates]int
	for i := range c.Ops {
		n[c.Ops[i].Gate]++
	}
	out := map[string]int{}
	for g, k := range n {
		if k > 0 {
			out[Gate(g).String()] = k
		}
	}
	return out
}

// IsClifford reports whether every gate is Clifford: by its row, or because all
// it lowers to is. Measure, reset, barrier and conditions do not matter.
func (c *Circuit) IsClifford() bool {
	var buf []Op
	for i := range c.Ops {
		op := c.Ops[i]
		if info := &gateTable[op.Gate]; !info.Unitary() || info.Clifford() {
			continue
		}
		buf = appendLowered(buf[:0], op)
		for _, l := range buf {
			if l.Gate == U3 && !(U3Angles{l.Params[0], l.Params[1], l.Params[2]}).IsClifford() {
				return false
			}
		}
	}
	return true
}

// Measured reports whether the circuit has a Measure; without one, qubit i is
// understood as measured into clbit i at the end (decision B2).
func (c *Circuit) Measured() bool {
	return slices.ContainsFunc(c.Ops, func(op Op) bool { return op.Gate == Measure })
}

// Explicit returns c itself if it has a Measure, else a copy that measures
// qubit i into clbit i at the end and has at least as many clbits as qubits.
func (c *Circuit) Explicit() *Circuit {
	if c.Measured() {
		return c
	}
	out := *c
	out.Ops = slices.Grow(slices.Clone(c.Ops), c.Qubits)
	for q := range c.Qubits {
		out.Ops = append(out.Ops, Op{Gate: Measure, NQ: 1, Q: [MaxOpQubits]uint16{uint16(q)}, Clbit: uint32(q)})
	}
	out.Clbits = max(c.Clbits, c.Qubits)
	return &out
}
