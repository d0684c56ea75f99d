package iqm

import (
	"errors"
	"fmt"
	"math"

	"github.com/animicaorg/engine/circuit"
)

// builder turns instructions into a circuit of the simulator's.
type builder struct {
	parsed
	computer *computer
	names    map[string]int
	at       map[int]int // physical qubit → the circuit's
	seen     map[string]bool
}

// implementations are what the only calibration set has.
var implementations = map[string]string{"prx": "drag_gaussian", "cz": "tgss", "measure": "constant"}

func (b *builder) add(in *instruction) error {
	if want := implementations[in.Name]; in.Implementation != nil && *in.Implementation != want {
		return fmt.Errorf("%.40q has no implementation %.40q", in.Name, *in.Implementation)
	}
	q, err := b.locus(in.Locus)
	if err != nil {
		return err
	}
	a := &in.Args
	rotation, label := a.Angle != nil || a.Phase != nil, a.Key != nil || a.FeedbackKey != nil
	switch in.Name {
	case "prx":
		if len(q) != 1 || a.Angle == nil || a.Phase == nil || label {
			return errors.New("prx wants one qubit, angle and phase")
		}
		return b.prx(q[0], *a.Angle, *a.Phase)
	case "cz":
		if len(q) != 2 || rotation || label {
			return errors.New("cz wants two qubits and no args")
		}
		if !b.computer.coupled(b.physical[q[0]], b.physical[q[1]]) {
			return fmt.Errorf("%q is not allowed as locus for cz", in.Locus)
		}
		return b.op(circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [circuit.MaxOpQubits]uint16{q[0], q[1]}})
	case "measure":
		if len(q) < 1 || rotation || a.Key == nil {
			return errors.New("measure wants qubits and a key")
		}
		return b.measure(q, *a.Key)
	case "barrier":
		if rotation || label {
			return errors.New("barrier has no args")
		}
		return nil
	}
	return fmt.Errorf("there is no operation %.40q here", in.Name)
}

// locus gives the circuit's qubits, new ones where they are named first.
func (b *builder) locus(names []string) ([]uint16, error) {
	var out []uint16
	for _, n := range names {
		k, ok := b.names[n]
		if !ok {
			return nil, fmt.Errorf("component %.40q does not exist", n)
		}
		at, ok := b.at[k]
		if !ok {
			at = len(b.at)
			b.at[k], b.physical = at, append(b.physical, k)
		}
		for _, o := range out {
			if int(o) == at {
				return nil, fmt.Errorf("component %.40q stands twice", n)
			}
		}
		out = append(out, uint16(at))
	}
	return out, nil
}

// prx is exp(-i(X cos φ + Y sin φ)θ/2), which is u3(θ, φ-π/2, π/2-φ).
func (b *builder) prx(q uint16, theta, phi float64) error {
	if math.Abs(theta) > 1e3 || math.Abs(phi) > 1e3 {
		return fmt.Errorf("angle %v, phase %v: more than a thousand radians", theta, phi)
	}
	t, err := circuit.AngleFromRadians(theta)
	if err != nil {
		return err
	}
	p, err := circuit.AngleFromRadians(phi)
	if err != nil {
		return err
	}
	return b.op(circuit.Op{Gate: circuit.U3, NQ: 1, Q: [circuit.MaxOpQubits]uint16{q}, Params: [circuit.MaxOpParams]circuit.Angle{t, p - circuit.HalfPi, circuit.HalfPi - p}})
}

func (b *builder) op(op circuit.Op) error {
	b.circuit.Ops = append(b.circuit.Ops, op)
	return nil
}

func (b *builder) measure(q []uint16, key string) error {
	if key == "" || len(key) > maxKey || b.seen[key] {
		return fmt.Errorf("measurement key %.40q is empty, longer than %d, or stands twice", key, maxKey)
	}
	b.seen[key] = true
	b.keys, b.bits = append(b.keys, key), append(b.bits, len(q))
	for _, x := range q {
		b.circuit.Ops = append(b.circuit.Ops, circuit.Op{Gate: circuit.Measure, NQ: 1, Q: [circuit.MaxOpQubits]uint16{x}, Clbit: uint32(b.circuit.Clbits)})
		b.circuit.Clbits++
	}
	return nil
}
