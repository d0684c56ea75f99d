// Package peephole is compiler pass peephole@1 in Go: the same bytes as the other
// languages' examples; ../../README.md says what it does. It does not route.
package peephole

import (
	"slices"

	"github.com/animicaorg/engine/circuit"
	qx1 "github.com/animicaorg/engine/sdk/go"
)

// Describe is qx_describe.
var Describe = qx1.Describe("compiler", "peephole", "1.0.0")

// merge makes one gate of a followed by b where integers can.
func merge(a, b circuit.U3Angles) (circuit.U3Angles, bool) {
	const pi, mod = circuit.Pi, 2*circuit.Pi - 1
	x := (b.Lambda + a.Phi) & mod // the rotation about Z between them
	var u circuit.U3Angles
	switch {
	case a.Theta == 0:
		u = circuit.U3Angles{Theta: b.Theta, Phi: b.Phi, Lambda: b.Lambda + a.Lambda}
	case b.Theta == 0:
		u = circuit.U3Angles{Theta: a.Theta, Phi: a.Phi + b.Lambda, Lambda: a.Lambda}
	case x == 0:
		u = circuit.U3Angles{Theta: a.Theta + b.Theta, Phi: b.Phi, Lambda: a.Lambda}
	case x == pi: // Rz(π)·Ry(t) = Ry(-t)·Rz(π)
		u = circuit.U3Angles{Theta: b.Theta - a.Theta, Phi: b.Phi, Lambda: a.Lambda + pi}
	case a.Theta == pi: // Rz(x)·Ry(π) = Ry(π)·Rz(-x)
		u = circuit.U3Angles{Theta: b.Theta + pi, Phi: b.Phi, Lambda: a.Lambda - x}
	case b.Theta == pi:
		u = circuit.U3Angles{Theta: a.Theta + pi, Phi: b.Phi - x, Lambda: a.Lambda}
	default:
		return u, false
	}
	return u.Normal(), true
}

const none = 0xffff

// level is a layer of gates and the partners of the CZ layer behind it.
type level struct {
	gate    []circuit.U3Angles
	partner []uint16
}

type scheduler struct {
	levels []level
	at     []int // the level of each qubit's last gate
}

// need makes levels up to number j.
func (s *scheduler) need(j int) error {
	if j > circuit.MaxLayeredLayers {
		return qx1.Refuse(qx1.TooLarge, "the circuit needs more than %d layers", circuit.MaxLayeredLayers)
	}
	for len(s.levels) <= j {
		s.levels = append(s.levels, level{make([]circuit.U3Angles, len(s.at)), slices.Repeat([]uint16{none}, len(s.at))})
	}
	return nil
}

func (s *scheduler) u3(q uint16, u circuit.U3Angles) error {
	g := &s.levels[s.at[q]].gate[q]
	if v, ok := merge(*g, u); ok {
		*g = v
		return nil
	}
	s.at[q]++
	if err := s.need(s.at[q]); err != nil {
		return err
	}
	s.levels[s.at[q]].gate[q] = u
	return nil
}

func (s *scheduler) cz(a, b uint16) error {
	j := max(s.at[a], s.at[b])
	identity := circuit.U3Angles{}
	if l := s.levels[j]; s.at[a] == s.at[b] && j > 0 && s.levels[j-1].partner[a] == b && l.gate[a] == identity && l.gate[b] == identity {
		s.levels[j-1].partner[a], s.levels[j-1].partner[b] = none, none // two CZ are none
		s.at[a], s.at[b] = j-1, j-1
		return nil
	}
	if err := s.need(j + 1); err != nil {
		return err
	}
	s.levels[j].partner[a], s.levels[j].partner[b] = b, a
	s.at[a], s.at[b] = j+1, j+1
	return nil
}

func (s *scheduler) barrier() error {
	m := slices.Max(s.at) + 1
	for q := range s.at {
		s.at[q] = m
	}
	return s.need(m)
}

// Compile is qx_compile.
func Compile(c *qx1.Call) error {
	src, err := qx1.ReadSource(c)
	if err != nil {
		return err
	}
	s := &scheduler{at: make([]int, src.Width)}
	err = s.need(0)
	for i := 0; i < len(src.Ops) && err == nil; i++ {
		op := &src.Ops[i]
		switch op.Gate {
		case circuit.U3:
			err = s.u3(op.Q[0], circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]}.Normal())
		case circuit.CZ:
			if !src.Coupled(op.Q[0], op.Q[1]) {
				return qx1.Refuse(qx1.Unsupported, "operation %d: the device does not couple these qubits, and this pass does not route", i)
			}
			err = s.cz(op.Q[0], op.Q[1])
		case circuit.Barrier:
			err = s.barrier()
		}
	}
	if err != nil {
		return err
	}
	m := slices.Max(s.at)
	var gates []circuit.U3Angles
	layers := make([][]circuit.Pair, m)
	for j := range m + 1 {
		gates = append(gates, s.levels[j].gate...)
		for q, p := range s.levels[j].partner {
			if j < m && p != none && int(p) > q {
				layers[j] = append(layers[j], circuit.Pair{A: uint16(q), B: p})
			}
		}
	}
	return src.WriteLayered(c, gates, layers)
}
