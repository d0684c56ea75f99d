package sim

import (
	"fmt"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// A cone is what the outcomes of a circuit depend on: the gates and qubits from which
// a path leads to a measured qubit. A qubit whose value a gate does not change, as a
// control, is no path by itself: only where it is mixed with others later does it
// matter what else the gate did.
type cone struct {
	t      *final // on the qubits of the cone, numbered from 0
	qubits []int  // of the circuit, ascending
	gates  int    // left out
	idle   int    // qubits left out
}

// NumericCone is added to the numeric version of a circuit that runs as its cone: the
// outcomes of qubits that nobody measures are not drawn, so other words of the stream
// select other rows.
const NumericCone = "-cone"

// coneOf cuts t, of so many qubits, to its cone. It is nil where nothing is to be cut:
// all gates but phases at the end are in the cone, and the qubits are not too many to
// keep those without gates.
func coneOf(t *final, qubits int) *cone {
	seen, mixed := make([]bool, qubits), make([]bool, qubits)
	for _, q := range t.source {
		if q >= 0 {
			seen[q] = true
		}
	}
	c := &cone{t: &final{}}
	kept, phases := make([]bool, len(t.ops)), 0
	for i := len(t.ops) - 1; i >= 0; i-- {
		op := &t.ops[i]
		steady := steadyQubits(op)
		for k, q := range op.Q[:op.NQ] {
			kept[i] = kept[i] || mixed[q] || seen[q] && k >= steady
		}
		switch {
		case !kept[i] && steady == int(op.NQ):
			phases++
		case !kept[i]:
			c.gates++
		default:
			for k, q := range op.Q[:op.NQ] {
				seen[q], mixed[q] = true, mixed[q] || k >= steady
			}
		}
	}
	number := make([]int, qubits)
	for q, in := range seen {
		if number[q] = -1; in {
			number[q] = len(c.qubits)
			c.qubits = append(c.qubits, q)
		}
	}
	if c.idle = qubits - len(c.qubits); len(c.qubits) == 0 || c.gates == 0 && (c.idle == 0 || qubits <= splitAbove) {
		return nil
	}
	c.gates += phases
	for i, op := range t.ops {
		if !kept[i] {
			continue
		}
		for k, q := range op.Q[:op.NQ] {
			op.Q[k] = uint16(number[q])
		}
		c.t.ops = append(c.t.ops, op)
	}
	for _, q := range t.source {
		if q >= 0 {
			q = number[q]
		}
		c.t.source = append(c.t.source, q)
	}
	return c
}

// steadyQubits is how many qubits of a gate, the first ones, keep their value in every
// basis state: all where it only multiplies by phases, else its controls.
func steadyQubits(op *circuit.Op) int {
	info := op.Gate.Info()
	switch op.Gate {
	case circuit.CZ, circuit.CP, circuit.CRZ, circuit.RZZ, circuit.CCZ, circuit.RZ:
		return info.Qubits
	}
	if info.Qubits != 1 {
		return info.Controls
	}
	if u, _, ok := op.Gate.AsU3(op.Params[:info.Params]); ok && u.Theta&(circuit.TwoPi-1) == 0 { // Ry(2π) is -1
		return 1
	}
	return 0
}

// reason tells what was left out.
func (c *cone) reason() string {
	return fmt.Sprintf("; left out, as no measured qubit depends on them: %d gates, %d qubits", c.gates, c.idle)
}

// describe gives an outline of the cone the circuit's numbers of qubits.
func (c *cone) describe(o *statevector.Outline) {
	o.Numeric += NumericCone
	o.CutGates, o.CutQubits = c.gates, c.idle
	of := o.Positions
	o.Positions = make([]int, len(c.qubits)+c.idle)
	for q := range o.Positions {
		o.Positions[q] = -1
	}
	for i, q := range c.qubits {
		o.Positions[q] = of[i]
	}
	for i := range o.Passes {
		for k, q := range o.Passes[i].Tile {
			o.Passes[i].Tile[k] = c.qubits[q]
		}
	}
}
