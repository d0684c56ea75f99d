package ionq

import (
	"errors"
	"fmt"
	"math"

	"github.com/animicaorg/engine/circuit"
)

// native appends what a native gate does, by the vendor's matrices, up to a global
// phase; phases and angles are turns.
//
//	gpi(φ)        rotation by π about (cos φ, sin φ, 0)
//	gpi2(φ)       rotation by π/2 about the same axis
//	ms(φ0, φ1, θ) exp(-iπθ A⊗B), A and B the axes of φ0 and φ1
//	zz(θ)         exp(-iπθ Z⊗Z)
func (g *gate) native(ops []circuit.Op) ([]circuit.Op, error) {
	q := one(g.Target, g.Targets)
	for _, x := range q {
		if x < 0 || x > maxQubit {
			return nil, fmt.Errorf("qubit %d", x)
		}
	}
	if g.Rotation != nil || g.Control != nil || g.Controls != nil {
		return nil, errors.New("native gates have no rotation and no control")
	}
	angle := 0.25
	if g.Angle != nil {
		angle = *g.Angle
	}
	switch {
	case (g.Gate == "gpi" || g.Gate == "gpi2") && len(q) == 1 && g.Phase != nil && g.Phases == nil && g.Angle == nil:
		theta := circuit.Pi
		if g.Gate == "gpi2" {
			theta = circuit.HalfPi
		}
		p, err := turns(*g.Phase)
		return append(ops, u3(q[0], theta, p-circuit.HalfPi, circuit.HalfPi-p)), err
	case g.Gate == "ms" && len(q) == 2 && len(g.Phases) == 2 && g.Phase == nil:
		return ms(ops, q, g.Phases, angle)
	case g.Gate == "zz" && len(q) == 2 && g.Phases == nil && (g.Phase == nil) != (g.Angle == nil):
		if g.Phase != nil { // as cirq-ionq has it
			angle = *g.Phase
		}
		a, err := turns(angle)
		return append(ops, two(circuit.RZZ, q, a)), err
	}
	return nil, fmt.Errorf("native gate %.40q with %d qubits, or with members that do not belong", g.Gate, len(q))
}

// ms is rxx between turns about Z: those of -φ before, of φ behind.
func ms(ops []circuit.Op, q []int, phases []float64, angle float64) ([]circuit.Op, error) {
	a, err := turns(angle)
	if err != nil {
		return nil, err
	}
	var p [2]circuit.Angle
	for k := range p {
		if p[k], err = turns(phases[k]); err != nil {
			return nil, err
		}
		ops = append(ops, u3(q[k], 0, 0, -p[k]))
	}
	ops = append(ops, two(circuit.RXX, q, a))
	for k := range p {
		ops = append(ops, u3(q[k], 0, 0, p[k]))
	}
	return ops, nil
}

func u3(q int, theta, phi, lambda circuit.Angle) circuit.Op {
	return circuit.Op{Gate: circuit.U3, NQ: 1, Q: [circuit.MaxOpQubits]uint16{uint16(q)}, Params: [circuit.MaxOpParams]circuit.Angle{theta, phi, lambda}}
}

func two(g circuit.Gate, q []int, a circuit.Angle) circuit.Op {
	return circuit.Op{Gate: g, NQ: 2, Q: [circuit.MaxOpQubits]uint16{uint16(q[0]), uint16(q[1])}, Params: [circuit.MaxOpParams]circuit.Angle{a}}
}

// turns converts; a turn is 2π.
func turns(x float64) (circuit.Angle, error) {
	if !(math.Abs(x) <= 1000) {
		return 0, fmt.Errorf("%v turns", x)
	}
	return circuit.AngleFromRadians(float64(2*math.Pi) * math.Mod(x, 2)) // 4π is the period of angles
}
