package circuit

const quarterPi = HalfPi / 2

// gateTable is the one place that knows gates. Sources: qelib1.inc and
// stdgates.inc of OpenQASM; iswap and ecr after their usual matrices, see
// gates_matrix.go. In a row of U3 the phase is that of
// P(φ)·Ry(θ)·P(λ), whose first entry cos(θ/2) is real.
var gateTable = [numGates]GateInfo{
	Barrier: {Name: "barrier", QASM2: "barrier", QASM3: "barrier"},
	Measure: {Name: "measure", Qubits: 1, QASM2: "measure", QASM3: "measure"},
	Reset:   {Name: "reset", Qubits: 1, QASM2: "reset", QASM3: "reset"},
	U3: {
		Name: "u3", Qubits: 1, Params: 3, QASM2: "u3", QASM3: "u3", qasmAlias: []string{"u", "U"},
		inverse: func(p []Angle) (Gate, [MaxOpParams]Angle) { return U3, params(-p[0], -p[2], -p[1]) },
		u3:      func(p []Angle) U3Angles { return U3Angles{p[0], p[1], p[2]} },
		matrix:  matrixU3,
	},
	CZ: {
		Name: "cz", Qubits: 2, QASM2: "cz", QASM3: "cz", Base: Z, Controls: 1,
		Flows:   []string{"XI>XZ", "ZI>ZI", "IX>ZX", "IZ>IZ"},
		inverse: becomes(CZ), matrix: controlled(matrixZ),
	},
	ID: {
		Name: "id", Qubits: 1, QASM2: "id", QASM3: "id", Flows: []string{"X>X", "Z>Z"},
		inverse: becomes(ID), u3: fixedU3(0, 0, 0), matrix: matrixID,
	},
	X: {
		Name: "x", Qubits: 1, QASM2: "x", QASM3: "x", Flows: []string{"X>X", "Z>-Z"},
		inverse: becomes(X), u3: fixedU3(Pi, 0, Pi), matrix: matrixX,
	},
	Y: {
		Name: "y", Qubits: 1, QASM2: "y", QASM3: "y", Flows: []string{"X>-X", "Z>-Z"},
		inverse: becomes(Y), u3: fixedU3(Pi, HalfPi, HalfPi), matrix: matrixY,
	},
	Z: {
		Name: "z", Qubits: 1, QASM2: "z", QASM3: "z", Flows: []string{"X>-X", "Z>Z"},
		inverse: becomes(Z), u3: fixedU3(0, 0, Pi), matrix: matrixZ,
	},
	H: {
		Name: "h", Qubits: 1, QASM2: "h", QASM3: "h", Flows: []string{"X>Z", "Z>X"},
		inverse: becomes(H), u3: fixedU3(HalfPi, 0, Pi), matrix: matrixH,
	},
	S: {
		Name: "s", Qubits: 1, QASM2: "s", QASM3: "s", Flows: []string{"X>Y", "Z>Z"},
		inverse: becomes(Sdg), u3: fixedU3(0, 0, HalfPi), matrix: matrixPhase(HalfPi),
	},
	Sdg: {
		Name: "sdg", Qubits: 1, QASM2: "sdg", QASM3: "sdg", Flows: []string{"X>-Y", "Z>Z"},
		inverse: becomes(S), u3: fixedU3(0, 0, minus(HalfPi)), matrix: matrixPhase(minus(HalfPi)),
	},
	T: {
		Name: "t", Qubits: 1, QASM2: "t", QASM3: "t",
		inverse: becomes(Tdg), u3: fixedU3(0, 0, quarterPi), matrix: matrixPhase(quarterPi),
	},
	Tdg: {
		Name: "tdg", Qubits: 1, QASM2: "tdg", QASM3: "tdg",
		inverse: becomes(T), u3: fixedU3(0, 0, minus(quarterPi)), matrix: matrixPhase(minus(quarterPi)),
	},
	SX: {
		Name: "sx", Qubits: 1, QASM2: "sx", QASM3: "sx", Flows: []string{"X>X", "Z>-Y"},
		inverse: becomes(SXdg), u3: fixedU3(HalfPi, minus(HalfPi), HalfPi), phase: fixedPhase(quarterPi), matrix: matrixSX,
	},
	SXdg: {
		Name: "sxdg", Qubits: 1, QASM2: "sxdg", Flows: []string{"X>X", "Z>Y"},
		inverse: becomes(SX), u3: fixedU3(HalfPi, HalfPi, minus(HalfPi)), phase: fixedPhase(minus(quarterPi)), matrix: matrixSXdg,
		qasm: "gate sxdg a { inv @ sx a; }",
	},
	RX: {
		Name: "rx", Qubits: 1, Params: 1, QASM2: "rx", QASM3: "rx", Scales: true,
		inverse: negated(RX), u3: func(p []Angle) U3Angles { return U3Angles{p[0], minus(HalfPi), HalfPi} }, matrix: matrixRX,
	},
	RY: {
		Name: "ry", Qubits: 1, Params: 1, QASM2: "ry", QASM3: "ry", Scales: true,
		inverse: negated(RY), u3: func(p []Angle) U3Angles { return U3Angles{p[0], 0, 0} }, matrix: matrixRY,
	},
	RZ: {
		Name: "rz", Qubits: 1, Params: 1, QASM2: "rz", QASM3: "rz", Scales: true,
		inverse: negated(RZ), u3: func(p []Angle) U3Angles { return U3Angles{0, 0, p[0]} },
		phase: func(p []Angle) Angle { return -half(p[0]) }, matrix: matrixRZ,
	},
	P: {
		Name: "p", Qubits: 1, Params: 1, QASM2: "p", QASM3: "p", qasmAlias: []string{"u1", "phase"}, Scales: true,
		inverse: negated(P), u3: func(p []Angle) U3Angles { return U3Angles{0, 0, p[0]} }, matrix: matrixP,
	},
	U2: {
		Name: "u2", Qubits: 1, Params: 2, QASM2: "u2", QASM3: "u2",
		inverse: func(p []Angle) (Gate, [MaxOpParams]Angle) { return U2, params(Pi-p[1], Pi-p[0]) },
		u3:      func(p []Angle) U3Angles { return U3Angles{HalfPi, p[0], p[1]} },
		matrix:  func(p []Angle) [][]complex128 { return matrixU3([]Angle{HalfPi, p[0], p[1]}) },
	},
	CX: {
		Name: "cx", Qubits: 2, QASM2: "cx", QASM3: "cx", qasmAlias: []string{"CX", "cnot"}, Base: X, Controls: 1,
		Flows:   []string{"XI>XX", "ZI>ZI", "IX>IX", "IZ>ZZ"},
		inverse: becomes(CX), steps: fixed(on(H, 1), on2(CZ, 0, 1), on(H, 1)), matrix: controlled(matrixX),
	},
	CY: {
		Name: "cy", Qubits: 2, QASM2: "cy", QASM3: "cy", Base: Y, Controls: 1,
		Flows:   []string{"XI>XY", "ZI>ZI", "IX>ZX", "IZ>ZZ"},
		inverse: becomes(CY), steps: fixed(on(Sdg, 1), on2(CX, 0, 1), on(S, 1)), matrix: controlled(matrixY),
	},
	CH: {
		Name: "ch", Qubits: 2, QASM2: "ch", QASM3: "ch", Base: H, Controls: 1, // H = Ry(π/4)·Z·Ry(-π/4)
		inverse: becomes(CH), steps: fixed(on(RY, 1, minus(quarterPi)), on2(CZ, 0, 1), on(RY, 1, quarterPi)), matrix: controlled(matrixH),
	},
	Swap: {
		Name: "swap", Qubits: 2, QASM2: "swap", QASM3: "swap",
		Flows:   []string{"XI>IX", "ZI>IZ", "IX>XI", "IZ>ZI"},
		inverse: becomes(Swap), steps: fixed(on2(CX, 0, 1), on2(CX, 1, 0), on2(CX, 0, 1)), matrix: matrixSwap(1),
	},
	ISwap: {
		Name: "iswap", Qubits: 2, Flows: []string{"XI>ZY", "ZI>IZ", "IX>YZ", "IZ>ZI"},
		inverse: becomes(ISwapDg), steps: fixed(on(S, 0), on(S, 1), on(H, 0), on2(CX, 0, 1), on2(CX, 1, 0), on(H, 1)), matrix: matrixSwap(1i),
		qasm: "gate iswap a, b { s a; s b; h a; cx a, b; cx b, a; h b; }",
	},
	ISwapDg: {
		Name: "iswapdg", Qubits: 2, Flows: []string{"XI>-ZY", "ZI>IZ", "IX>-YZ", "IZ>ZI"},
		inverse: becomes(ISwap), steps: fixed(on(H, 1), on2(CX, 1, 0), on2(CX, 0, 1), on(H, 0), on(Sdg, 1), on(Sdg, 0)), matrix: matrixSwap(-1i),
		qasm: "gate iswapdg a, b { h b; cx b, a; cx a, b; h a; sdg b; sdg a; }",
	},
	ECR: {
		Name: "ecr", Qubits: 2, Flows: []string{"XI>-YX", "ZI>-ZI", "IX>IX", "IZ>ZY"},
		inverse: becomes(ECR), steps: fixed(on(S, 0), on(SX, 1), on2(CX, 0, 1), on(X, 0)), phase: fixedPhase(minus(quarterPi)), matrix: matrixECR,
		qasm: "gate ecr a, b { s a; sx b; cx a, b; x a; }",
	},
	CRX: {
		Name: "crx", Qubits: 2, Params: 1, QASM2: "crx", QASM3: "crx", Base: RX, Controls: 1, Scales: true, inverse: negated(CRX),
		steps:  func(p []Angle) []Step { return []Step{on(H, 1), on2(CRZ, 0, 1, p[0]), on(H, 1)} },
		matrix: controlled(matrixRX),
	},
	CRY: {
		Name: "cry", Qubits: 2, Params: 1, QASM2: "cry", QASM3: "cry", Base: RY, Controls: 1, Scales: true, inverse: negated(CRY),
		steps: func(p []Angle) []Step {
			a := half(p[0])
			return []Step{on(RY, 1, p[0]-a), on2(CX, 0, 1), on(RY, 1, -a), on2(CX, 0, 1)}
		},
		matrix: controlled(matrixRY),
	},
	CRZ: {
		Name: "crz", Qubits: 2, Params: 1, QASM2: "crz", QASM3: "crz", Base: RZ, Controls: 1, Scales: true, inverse: negated(CRZ),
		steps: func(p []Angle) []Step {
			a := half(p[0])
			return []Step{on(RZ, 1, p[0]-a), on2(CX, 0, 1), on(RZ, 1, -a), on2(CX, 0, 1)}
		},
		matrix: controlled(matrixRZ),
	},
	CP: {
		Name: "cp", Qubits: 2, Params: 1, QASM2: "cu1", QASM3: "cp", qasmAlias: []string{"cphase"}, Base: P, Controls: 1, Scales: true, inverse: negated(CP),
		steps: func(p []Angle) []Step {
			a := half(p[0])
			return []Step{on(P, 0, p[0]-a), on(P, 1, p[0]-a), on2(CX, 0, 1), on(P, 1, -a), on2(CX, 0, 1)}
		},
		matrix: controlled(matrixP),
	},
	CU3: {
		Name: "cu3", Qubits: 2, Params: 3, QASM2: "cu3", Base: U3, Controls: 1,
		inverse: func(p []Angle) (Gate, [MaxOpParams]Angle) { return CU3, params(-p[0], -p[2], -p[1]) },
		steps:   stepsCU3, matrix: controlled(matrixU3),
		qasm: "gate cu3(p0, p1, p2) a, b { cu(p0, p1, p2, 0) a, b; }",
	},
	CU: {
		Name: "cu", Qubits: 2, Params: 4, QASM2: "cu", QASM3: "cu", // e^(iγ)·u3 under one control
		inverse: func(p []Angle) (Gate, [MaxOpParams]Angle) { return CU, params(-p[0], -p[2], -p[1], -p[3]) },
		steps:   func(p []Angle) []Step { return append([]Step{on(P, 0, p[3])}, stepsCU3(p)...) },
		matrix:  matrixCU,
	},
	RXX: {
		Name: "rxx", Qubits: 2, Params: 1, QASM2: "rxx", Scales: true, inverse: negated(RXX),
		steps: func(p []Angle) []Step {
			return []Step{on(H, 0), on(H, 1), on2(RZZ, 0, 1, p[0]), on(H, 0), on(H, 1)}
		},
		matrix: matrixPP(matrixX, matrixX), qasm: "gate rxx(t) a, b { h a; h b; cx a, b; rz(t) b; cx a, b; h a; h b; }",
	},
	RYY: {
		Name: "ryy", Qubits: 2, Params: 1, Scales: true, inverse: negated(RYY),
		steps: func(p []Angle) []Step {
			return []Step{on(SX, 0), on(SX, 1), on2(RZZ, 0, 1, p[0]), on(SXdg, 0), on(SXdg, 1)}
		},
		matrix: matrixPP(matrixY, matrixY), qasm: "gate ryy(t) a, b { rx(pi/2) a; rx(pi/2) b; cx a, b; rz(t) b; cx a, b; rx(-pi/2) a; rx(-pi/2) b; }",
	},
	RZZ: {
		Name: "rzz", Qubits: 2, Params: 1, QASM2: "rzz", Scales: true, inverse: negated(RZZ),
		steps:  func(p []Angle) []Step { return []Step{on2(CX, 0, 1), on(RZ, 1, p[0]), on2(CX, 0, 1)} },
		matrix: matrixPP(matrixZ, matrixZ), qasm: "gate rzz(t) a, b { cx a, b; rz(t) b; cx a, b; }",
	},
	RZX: {
		Name: "rzx", Qubits: 2, Params: 1, Scales: true, inverse: negated(RZX),
		steps:  func(p []Angle) []Step { return []Step{on(H, 1), on2(RZZ, 0, 1, p[0]), on(H, 1)} },
		matrix: matrixPP(matrixZ, matrixX), qasm: "gate rzx(t) a, b { h b; cx a, b; rz(t) b; cx a, b; h b; }",
	},
	CCX: {
		Name: "ccx", Qubits: 3, QASM2: "ccx", QASM3: "ccx", qasmAlias: []string{"ccnot"}, Base: X, Controls: 2,
		inverse: becomes(CCX), steps: fixed(on(H, 2), on3(CCZ, 0, 1, 2), on(H, 2)), matrix: controlled(controlled(matrixX)),
	},
	CCZ: {
		Name: "ccz", Qubits: 3, Base: Z, Controls: 2, inverse: becomes(CCZ),
		steps: fixed(on2(CX, 1, 2), on(Tdg, 2), on2(CX, 0, 2), on(T, 2), on2(CX, 1, 2), on(Tdg, 2), on2(CX, 0, 2),
			on(T, 1), on(T, 2), on2(CX, 0, 1), on(T, 0), on(Tdg, 1), on2(CX, 0, 1)),
		matrix: controlled(controlled(matrixZ)), qasm: "gate ccz a, b, c { h c; ccx a, b, c; h c; }",
	},
	CSwap: {
		Name: "cswap", Qubits: 3, QASM2: "cswap", QASM3: "cswap", Base: Swap, Controls: 1, inverse: becomes(CSwap),
		steps:  fixed(on2(CX, 2, 1), on3(CCX, 0, 1, 2), on2(CX, 2, 1)),
		matrix: controlled(matrixSwap(1)),
	},
}

// stepsCU3 is the construction of qelib1.inc: two CX.
func stepsCU3(p []Angle) []Step {
	sum, t := half(p[1]+p[2]), half(p[0])
	return []Step{
		on(P, 0, sum), on(P, 1, p[2]-sum), on2(CX, 0, 1),
		on(U3, 1, -t, 0, -sum), on2(CX, 0, 1), on(U3, 1, p[0]-t, p[1], 0),
	}
}
