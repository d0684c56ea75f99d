package circuit

// The gates after CZ. The numbers are canonical bytes.
const (
	ID Gate = iota + 5
	X
	Y
	Z
	H
	S
	Sdg
	T
	Tdg
	SX
	SXdg
	RX
	RY
	RZ
	P
	U2
	CX
	CY
	CH
	Swap
	ISwap
	ISwapDg
	ECR
	CRX
	CRY
	CRZ
	CP
	CU3
	CU
	RXX
	RYY
	RZZ
	RZX
	CCX
	CCZ
	CSwap
	numGates
)

// Step is one gate of a decomposition; Q indexes the operands of the gate that
// is decomposed.
type Step struct {
	Gate Gate
	Q    [3]uint8
	P    [MaxOpParams]Angle
}

// GateInfo is one row of the gate table. All columns of a row describe the same
// unitary, with its phase, and TestGateTable checks each of them against Matrix.
type GateInfo struct {
	Name   string // lower case; the name in the JSON form and in drawings
	Qubits int    // 0 only for Barrier: any number
	Params int
	QASM2  string // name in qelib1.inc, "" if it has none there
	QASM3  string // name in stdgates.inc, "" if it has none there

	// Base and Controls say that the gate is Base under that many controls,
	// which are its first operands; Controls 0 says nothing.
	Base     Gate
	Controls int

	// Flows gives, for a Clifford gate without parameters, the images of X and
	// of Z on each operand under conjugation U·P·U†, as in "XI>XX": operand 0
	// is the left letter. Empty for all other gates.
	Flows []string

	// Scales says that the gate with parameters p, k times, is the gate with
	// parameters k·p.
	Scales bool

	inverse   func(p []Angle) (Gate, [MaxOpParams]Angle)
	u3        func(p []Angle) U3Angles // one-qubit gates: e^(i·phase)·u3
	steps     func(p []Angle) []Step   // other gates: e^(i·phase)·product, first step first
	phase     func(p []Angle) Angle    // nil: 0
	matrix    func(p []Angle) [][]complex128
	qasm      string // OpenQASM definition for the include file that lacks the gate; parameters in alphabetical order, on which an importer relies
	qasmAlias []string
}

// Unitary reports whether the row is a gate rather than measure, reset or
// barrier.
func (i *GateInfo) Unitary() bool { return i.matrix != nil }

// Clifford reports whether the gate is a Clifford gate without parameters.
func (i *GateInfo) Clifford() bool { return len(i.Flows) > 0 }

// Valid reports whether g is a row of the table.
func (g Gate) Valid() bool { return g < numGates }

// Info returns the row of g, or nil.
func (g Gate) Info() *GateInfo {
	if !g.Valid() {
		return nil
	}
	return &gateTable[g]
}

// String returns the name.
func (g Gate) String() string {
	if !g.Valid() {
		return "gate?"
	}
	return gateTable[g].Name
}

// GateByName finds a gate by its canonical name.
func GateByName(name string) (Gate, bool) {
	g, ok := gateNames[name]
	return g, ok
}

// Gates lists the rows that are unitary, in order of their numbers.
func Gates() []Gate {
	var out []Gate
	for g := range numGates {
		if gateTable[g].Unitary() {
			out = append(out, g)
		}
	}
	return out
}

// Inverse returns the gate and parameters that undo g.
func (g Gate) Inverse(p []Angle) (Gate, [MaxOpParams]Angle) { return gateTable[g].inverse(p) }

var gateNames = func() map[string]Gate {
	m := make(map[string]Gate, numGates)
	for g := range numGates {
		m[gateTable[g].Name] = g
	}
	return m
}()

// half is a/2 for the signed reading of a, rounded toward zero to a whole unit
// of 4π/2^52, so that half(-a) = -half(a). A gate whose decomposition halves an
// odd number of units is therefore reproduced to one unit, 2.8e-15 rad.
func half(a Angle) Angle { return Angle(int64(a) >> angleShift / 2 << angleShift) }

func params(p ...Angle) (out [MaxOpParams]Angle) {
	copy(out[:], p)
	return out
}

// Inverse rules.

func becomes(g Gate) func([]Angle) (Gate, [MaxOpParams]Angle) {
	return func([]Angle) (Gate, [MaxOpParams]Angle) { return g, [MaxOpParams]Angle{} }
}

func negated(g Gate) func([]Angle) (Gate, [MaxOpParams]Angle) {
	return func(p []Angle) (Gate, [MaxOpParams]Angle) { return g, params(-p[0]) }
}

// Step builders: on names the operands.

func on(g Gate, a uint8, p ...Angle) Step { return Step{Gate: g, Q: [3]uint8{a}, P: params(p...)} }

func on2(g Gate, a, b uint8, p ...Angle) Step {
	return Step{Gate: g, Q: [3]uint8{a, b}, P: params(p...)}
}

func on3(g Gate, a, b, c uint8) Step { return Step{Gate: g, Q: [3]uint8{a, b, c}} }

func fixed(s ...Step) func([]Angle) []Step { return func([]Angle) []Step { return s } }

func fixedU3(t, p, l Angle) func([]Angle) U3Angles {
	return func([]Angle) U3Angles { return U3Angles{t, p, l} }
}

func fixedPhase(a Angle) func([]Angle) Angle { return func([]Angle) Angle { return a } }

func minus(a Angle) Angle { return -a }
