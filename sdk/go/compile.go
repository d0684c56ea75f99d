package qx1

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// MaxOps is the largest number of operations that a compiler takes.
const MaxOps = 1 << 20

// Source is a compiler's input.
type Source struct {
	*circuit.Circuit
	Width   int   // qubits of the device
	Measure []int // of each qubit of the device: its clbit, circuit.NoClbit
	edges   []circuit.Pair
}

// ReadSource reads streams 1 and 2 and checks every operation: gates u3 and cz,
// barriers, and final measurements.
func ReadSource(c *Call) (*Source, error) {
	in, err := guest.ParseCircuit(c.In(Circuit))
	if err != nil {
		return nil, err
	}
	if len(in.Ops) > MaxOps || in.Qubits < 1 {
		return nil, Refuse(TooLarge, "%d operations on %d qubits: want at most %d, and a qubit", len(in.Ops), in.Qubits, MaxOps)
	}
	t, err := guest.ParseTarget(c.In(Target))
	if err != nil {
		return nil, err
	}
	s := &Source{Circuit: in, Width: t.Width, edges: t.Edges}
	if t.Width == 0 {
		s.Width = in.Qubits
	}
	if s.Width < in.Qubits {
		return nil, Refuse(Unsupported, "the device has %d qubits, the circuit %d", s.Width, in.Qubits)
	}
	for _, e := range s.edges {
		if int(e.B) >= s.Width {
			return nil, Refuse(BadInput, "target: edge %d-%d of %d qubits", e.A, e.B, s.Width)
		}
	}
	return s, s.check(raw(c.In(Circuit)))
}

// raw returns what a parsed circuit does not keep: operands and clbits as written.
func raw(b []byte) (q, clbits []byte) {
	m, err := guest.ParseColumns(b, guest.KindCircuit)
	if err != nil {
		return nil, nil
	}
	return m.Cols[2].Data, m.Cols[4].Data
}

func (s *Source) check(operands, clbits []byte) error {
	s.Measure = make([]int, s.Width)
	for q := range s.Measure {
		s.Measure[q] = circuit.NoClbit
	}
	used, measured := make([]bool, s.Clbits), false
	for i, op := range s.Ops {
		a, b := binary.LittleEndian.Uint16(operands[4*i:]), binary.LittleEndian.Uint16(operands[4*i+2:])
		angles := op.Params[0] | op.Params[1] | op.Params[2]
		if op.Gate == circuit.U3 {
			angles &= 1<<12 - 1
		}
		if angles != 0 || op.Gate != circuit.Measure && binary.LittleEndian.Uint32(clbits[4*i:]) != 0 || op.NQ < 2 && b != 0 || op.NQ < 1 && a != 0 || op.NQ == 2 && a == b {
			return Refuse(Unsupported, "operation %d: unused fields are not zero", i)
		}
		for _, q := range op.Q[:op.NQ] {
			if int(q) >= s.Qubits || s.Measure[q] != circuit.NoClbit {
				return Refuse(Unsupported, "operation %d: qubit %d is out of range or measured; only final measurements have a layered form", i, q)
			}
		}
		if op.Gate == circuit.Measure {
			if int(op.Clbit) >= s.Clbits || used[op.Clbit] {
				return Refuse(Unsupported, "operation %d: clbit %d is out of range or measured twice", i, op.Clbit)
			}
			used[op.Clbit], measured, s.Measure[op.Q[0]] = true, true, int(op.Clbit)
		}
	}
	if !measured { // qubit i goes to clbit i
		s.Clbits = max(s.Clbits, s.Qubits)
		for q := range s.Qubits {
			s.Measure[q] = q
		}
	}
	return nil
}

// Coupled says whether the device can apply CZ to two qubits.
func (s *Source) Coupled(a, b uint16) bool {
	if len(s.edges) == 0 {
		return true
	}
	_, ok := slices.BinarySearchFunc(s.edges, circuit.Pair{A: min(a, b), B: max(a, b)}, func(x, y circuit.Pair) int {
		return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B))
	})
	return ok
}

// WriteLayered sends the compiled circuit: CZ layers between layers of gates in
// normal form, one per qubit.
func (s *Source) WriteLayered(c *Call, gates []circuit.U3Angles, layers [][]circuit.Pair) error {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: s.Width, Layers: layers}, U: gates, Clbits: s.Clbits, Measure: s.Measure}
	return c.Out(Result, guest.AppendLayered(nil, l))
}
