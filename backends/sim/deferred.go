package sim

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/circuit"
)

// A Clifford circuit that measures, resets or branches on its way is turned into
// one that measures at the end, on more qubits (Nielsen and Chuang, section 4.4,
// the principle of deferred measurement): a measurement copies the qubit to a
// fresh one, a reset goes on with a fresh one, and a Pauli conditional on one bit
// is controlled by that bit's qubit.

// deferral is such a circuit in the making.
type deferral struct {
	compiler *stabilizer.Compiler
	steps    lowering
	at       []int // per qubit of the circuit: the qubit that it is now
	bits     []int // per clbit: the qubit that holds it, or -1
	next     int   // the first fresh qubit
	last     []int // per qubit: its last operation that is not a measurement
}

// deferred is gather for such circuits; source is nil where a gate is not
// Clifford, a condition is on several bits or on another gate than a Pauli, or
// the qubits do not suffice. extra is the number of fresh qubits.
func deferred(ctx context.Context, compiler *stabilizer.Compiler, c *circuit.Circuit) (source []int, width int, err error) {
	d := &deferral{compiler: compiler, steps: lowering{}, at: identity(c.Qubits), bits: make([]int, c.Clbits), next: c.Qubits}
	for b := range d.bits {
		d.bits[b] = -1
	}
	if width = d.plan(c); width > circuit.MaxQubits {
		return nil, 0, nil
	}
	if err := compiler.Begin(width); err != nil {
		return nil, 0, err
	}
	measured := false
	for i := range c.Ops {
		if i%(1<<12) == 0 && ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		measured = measured || c.Ops[i].Gate == circuit.Measure
		if !d.add(c, i) {
			return nil, 0, nil
		}
	}
	if !measured {
		d.bits = append([]int(nil), d.at...)
		for len(d.bits) < c.Clbits {
			d.bits = append(d.bits, -1)
		}
	}
	return d.bits, width, nil
}

// plan finds last and returns how many qubits are needed.
func (d *deferral) plan(c *circuit.Circuit) (width int) {
	d.last = make([]int, c.Qubits)
	for i := range c.Ops {
		if op := &c.Ops[i]; op.Gate != circuit.Measure && op.Gate != circuit.Barrier {
			for _, q := range op.Q[:op.NQ] {
				d.last[q] = i + 1
			}
		}
	}
	width = c.Qubits
	for i := range c.Ops {
		op := &c.Ops[i]
		if op.Gate == circuit.Reset || op.Gate == circuit.Measure && i < d.last[op.Q[0]] {
			width++
		}
	}
	return width
}

func (d *deferral) fresh() int {
	d.next++
	return d.next - 1
}

// add appends operation i.
func (d *deferral) add(c *circuit.Circuit, i int) bool {
	op := c.Ops[i]
	q := int(op.Q[0])
	switch {
	case op.Gate == circuit.Barrier:
		return true
	case op.Cond != 0:
		return d.conditional(&c.Conds[op.Cond-1], op)
	case op.Gate == circuit.Measure:
		d.bits[op.Clbit] = d.at[q]
		if i < d.last[q] {
			d.bits[op.Clbit] = d.fresh()
			d.not(d.at[q], d.bits[op.Clbit])
		}
		return true
	case op.Gate == circuit.Reset:
		d.at[q] = d.fresh()
		return true
	}
	d.place(&op)
	return d.compiler.Add(&op) || d.steps.add(d.compiler, &op)
}

func (d *deferral) place(op *circuit.Op) {
	for k, q := range op.Q[:op.NQ] {
		op.Q[k] = uint16(d.at[q])
	}
}

// conditional appends a Pauli that a bit controls: P^b, or P·P^b for b = 0. Phases
// that depend on a bit do not show, as the bit is measured.
func (d *deferral) conditional(cond *circuit.Cond, op circuit.Op) bool {
	if len(cond.Terms) != 1 || len(cond.Terms[0].Bits) != 1 || cond.Terms[0].Value > 1 || op.Gate == circuit.Measure || op.Gate == circuit.Reset {
		return false
	}
	t := cond.Terms[0]
	want, bit := (t.Value == 1) != t.Negate, d.bits[t.Bits[0]]
	op.Cond = 0
	steps := []circuit.Op{op}
	if op.Gate != circuit.U3 && op.Gate != circuit.CZ {
		if steps = d.steps.of(op); steps == nil {
			return false
		}
	}
	for _, s := range steps {
		g, ok := stabilizer.GateOf(circuit.U3Angles{Theta: s.Params[0], Phi: s.Params[1], Lambda: s.Params[2]})
		x, z, pauli := g.Pauli()
		if s.Gate != circuit.U3 || !ok || !pauli {
			return false
		}
		d.place(&s)
		if p := int(s.Q[0]); !want && !d.compiler.Add(&s) {
			return false
		} else if bit >= 0 {
			if x {
				d.not(bit, p)
			}
			if z {
				d.flip(bit, p)
			}
		}
	}
	return true
}

// flip is CZ, not is CX of p on q.
func (d *deferral) flip(p, q int) {
	d.compiler.Add(&circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [circuit.MaxOpQubits]uint16{uint16(p), uint16(q)}})
}

func (d *deferral) not(p, q int) {
	h := circuit.Op{Gate: circuit.U3, NQ: 1, Q: [circuit.MaxOpQubits]uint16{uint16(q)}, Params: [circuit.MaxOpParams]circuit.Angle{circuit.HalfPi, 0, circuit.Pi}}
	d.compiler.Add(&h)
	d.flip(p, q)
	d.compiler.Add(&h)
}

// deferredReason says what was done.
func deferredReason(c *circuit.Circuit, width int) string {
	return fmt.Sprintf("%s; measurements, resets and branches of %d qubits deferred on %d", allClifford, c.Qubits, width)
}
