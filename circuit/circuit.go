// Package circuit is the language of quantum circuits that the whole module
// speaks: the gate table, the circuit itself, OpenQASM 2 and 3, a strict JSON
// form, the canonical bytes and their hash, and the layered form (one u3 per
// qubit between layers of CZ) that traps and backends work on.
//
// Bit order, stated once: qubit 0 is the lowest bit of an amplitude's index and
// of a row of outcome bits; printed bit strings show the highest bit first.
// The package promises that equal circuits have equal canonical bytes whatever
// their comments, spacing, register names or spelling of angles. It does no I/O,
// reads no clock and starts no goroutine. The byte form is in SPEC.md.
package circuit

// Gate is a row of the gate table (gates.go). Numbers are part of the canonical
// byte form: they are never reused and never renumbered.
type Gate uint8

// The five operations of the lowered form (Circuit.Lower); all other gates
// follow in gates.go.
const (
	Barrier Gate = 0 // scheduling fence, no qubits recorded means all
	Measure Gate = 1 // Z measurement of Q[0] into Clbit
	Reset   Gate = 2 // Q[0] to |0>
	U3      Gate = 3 // Rz(Params[1])·Ry(Params[0])·Rz(Params[2]) up to global phase: u3(θ,φ,λ) of OpenQASM 2
	CZ      Gate = 4
)

// MaxOpQubits and MaxOpParams bound one operation.
const (
	MaxOpQubits = 4
	MaxOpParams = 4
)

// Op is one operation. Unused qubits and parameters are zero.
type Op struct {
	Gate   Gate
	NQ     uint8               // qubits used in Q (a barrier on more than four is several barriers or one on all: NQ 0)
	Q      [MaxOpQubits]uint16 // operands, controls first
	Clbit  uint32              // target bit of Measure
	Cond   uint32              // 0: unconditional; k: Circuit.Conds[k-1] must hold
	Params [MaxOpParams]Angle  // as many as the gate table says
}

// Cond is a conjunction; the operation runs when every term holds.
type Cond struct {
	Terms []CondTerm
}

// CondTerm compares classical bits, Bits[0] lowest, with an unsigned value.
type CondTerm struct {
	Bits   []uint32
	Value  uint64
	Negate bool // true: the term holds when the bits differ from Value
}

// Register is a named run of qubits or clbits: names are for printing and never
// enter the canonical bytes.
type Register struct {
	Name string
	Size int
}

// Circuit is a list of operations on numbered qubits and clbits. A circuit
// without any Measure is understood as measuring qubit i into clbit i at the
// end (decision B2).
type Circuit struct {
	Qubits int
	Clbits int
	Ops    []Op
	Conds  []Cond
	QRegs  []Register
	CRegs  []Register
}
