package circuit

import "math"

// This file serves tests, references and people. Package math may round
// differently on another processor, so nothing that is hashed is computed here.

// Matrix returns the unitary of a gate in closed form: entry [r][c] is the
// amplitude of basis state r after the gate acts on state c, operand 0 is the
// lowest bit of r and c. It returns nil for measure, reset, barrier and for a
// wrong number of parameters.
func (g Gate) Matrix(params []Angle) [][]complex128 {
	i := g.Info()
	if i == nil || i.matrix == nil || len(params) != i.Params {
		return nil
	}
	return i.matrix(params)
}

// unit is e^(i·a·f) for a fraction f of the angle.
func unit(a Angle, f float64) complex128 {
	s, c := math.Sincos(math.Ldexp(float64(int64(a)), -62) * math.Pi * f)
	return complex(c, s)
}

func matrixID([]Angle) [][]complex128 { return [][]complex128{{1, 0}, {0, 1}} }
func matrixX([]Angle) [][]complex128  { return [][]complex128{{0, 1}, {1, 0}} }
func matrixY([]Angle) [][]complex128  { return [][]complex128{{0, -1i}, {1i, 0}} }
func matrixZ([]Angle) [][]complex128  { return [][]complex128{{1, 0}, {0, -1}} }

func matrixH([]Angle) [][]complex128 {
	return [][]complex128{{math.Sqrt2 / 2, math.Sqrt2 / 2}, {math.Sqrt2 / 2, -math.Sqrt2 / 2}}
}

func matrixSX([]Angle) [][]complex128 {
	return [][]complex128{{0.5 + 0.5i, 0.5 - 0.5i}, {0.5 - 0.5i, 0.5 + 0.5i}}
}

func matrixSXdg([]Angle) [][]complex128 {
	return [][]complex128{{0.5 - 0.5i, 0.5 + 0.5i}, {0.5 + 0.5i, 0.5 - 0.5i}}
}

func matrixP(p []Angle) [][]complex128 { return [][]complex128{{1, 0}, {0, unit(p[0], 1)}} }

func matrixPhase(a Angle) func([]Angle) [][]complex128 {
	return func([]Angle) [][]complex128 { return matrixP([]Angle{a}) }
}

func matrixRZ(p []Angle) [][]complex128 {
	return [][]complex128{{unit(p[0], -0.5), 0}, {0, unit(p[0], 0.5)}}
}

func matrixRX(p []Angle) [][]complex128 {
	e := unit(p[0], 0.5)
	c, s := complex(real(e), 0), complex(0, -imag(e))
	return [][]complex128{{c, s}, {s, c}}
}

func matrixRY(p []Angle) [][]complex128 {
	e := unit(p[0], 0.5)
	c, s := complex(real(e), 0), complex(imag(e), 0)
	return [][]complex128{{c, -s}, {s, c}}
}

func matrixU3(p []Angle) [][]complex128 {
	e := unit(p[0], 0.5)
	c, s := complex(real(e), 0), complex(imag(e), 0)
	return [][]complex128{{c, -unit(p[2], 1) * s}, {unit(p[1], 1) * s, unit(p[1], 1) * unit(p[2], 1) * c}}
}

func matrixCU(p []Angle) [][]complex128 {
	m := controlled(matrixU3)(p)
	for _, r := range []int{1, 3} {
		for c := range m[r] {
			m[r][c] *= unit(p[3], 1)
		}
	}
	return m
}

// controlled puts a control in front: the new operand 0 is the lowest bit.
func controlled(u func([]Angle) [][]complex128) func([]Angle) [][]complex128 {
	return func(p []Angle) [][]complex128 {
		m := u(p)
		out := square(2 * len(m))
		for r := range m {
			out[2*r][2*r] = 1
			for c := range m {
				out[2*r+1][2*c+1] = m[r][c]
			}
		}
		return out
	}
}

// matrixSwap exchanges |01> and |10>, with a phase.
func matrixSwap(phase complex128) func([]Angle) [][]complex128 {
	return func([]Angle) [][]complex128 {
		return [][]complex128{{1, 0, 0, 0}, {0, 0, phase, 0}, {0, phase, 0, 0}, {0, 0, 0, 1}}
	}
}

// matrixECR is (X⊗I - Y⊗X)/√2 with operand 0 on the left of ⊗.
func matrixECR([]Angle) [][]complex128 {
	const r = math.Sqrt2 / 2
	return [][]complex128{{0, r, 0, r * 1i}, {r, 0, -r * 1i, 0}, {0, r * 1i, 0, r}, {-r * 1i, 0, r, 0}}
}

// matrixPP is exp(-i·θ/2·A⊗B), A on operand 0.
func matrixPP(a, b func([]Angle) [][]complex128) func([]Angle) [][]complex128 {
	return func(p []Angle) [][]complex128 {
		ma, mb, e := a(nil), b(nil), unit(p[0], 0.5)
		out := square(4)
		for r := range 4 {
			for c := range 4 {
				out[r][c] = complex(0, -imag(e)) * ma[r&1][c&1] * mb[r>>1][c>>1]
			}
			out[r][r] += complex(real(e), 0)
		}
		return out
	}
}

func square(n int) [][]complex128 {
	out := make([][]complex128, n)
	for r := range out {
		out[r] = make([]complex128, n)
	}
	return out
}
