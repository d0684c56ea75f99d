package statevector

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

// oracle applies textbook matrices gate by gate; it shares no code with the
// package.
func oracle(width int, ops []circuit.Op) []complex128 {
	psi := make([]complex128, 1<<width)
	psi[0] = 1
	rad := func(a circuit.Angle) float64 { return float64(a) * 0x1p-62 * math.Pi }
	for _, op := range ops {
		q := op.Q
		switch op.Gate {
		case circuit.U3:
			t, p, l := rad(op.Params[0])/2, rad(op.Params[1]), rad(op.Params[2])
			m00, m01 := complex(math.Cos(t), 0), -cmplx.Rect(math.Sin(t), l)
			m10, m11 := cmplx.Rect(math.Sin(t), p), cmplx.Rect(math.Cos(t), p+l)
			for i := range psi {
				if j := i | 1<<q[0]; j != i {
					psi[i], psi[j] = m00*psi[i]+m01*psi[j], m10*psi[i]+m11*psi[j]
				}
			}
		case circuit.CZ:
			for i := range psi {
				if (i>>q[0])&(i>>q[1])&1 == 1 {
					psi[i] = -psi[i]
				}
			}
		}
	}
	return psi
}

func opU3(q int, t, p, l circuit.Angle) circuit.Op {
	return circuit.Op{Gate: circuit.U3, NQ: 1, Q: [4]uint16{uint16(q)}, Params: [4]circuit.Angle{t, p, l}}
}

func opCZ(a, b int) circuit.Op {
	return circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [4]uint16{uint16(a), uint16(b)}}
}

// randomOps mixes any angles with multiples of π/2, and CZs between any qubits.
func randomOps(r *rand.Rand, width, n int) []circuit.Op {
	ops := make([]circuit.Op, n)
	angle := func() circuit.Angle {
		if r.IntN(3) == 0 {
			return circuit.Angle(r.IntN(8)) * circuit.HalfPi
		}
		return circuit.Angle(r.Uint64()) &^ 0xfff
	}
	for i := range ops {
		a, b := r.IntN(width), r.IntN(width)
		if a != b && r.IntN(5) < 2 {
			ops[i] = opCZ(a, b)
			continue
		}
		ops[i] = opU3(a, angle(), angle(), angle())
	}
	return ops
}

func maxDiff(a, b []complex128) float64 {
	d := 0.0
	for i := range a {
		d = max(d, cmplx.Abs(a[i]-b[i]))
	}
	return d
}

func mustRun(t testing.TB, p *Program, o Options) *State {
	t.Helper()
	s, err := Simulate(t.Context(), p, o)
	require.NoError(t, err)
	return s
}

// TestAgainstOracle includes the global phase, every split into groups up to
// three, and CZs inside, between and across groups.
func TestAgainstOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct{ width, gates, times int }{
		{1, 5, 20}, {2, 12, 20}, {3, 30, 10}, {5, 60, 10}, {8, 100, 5}, {11, 100, 2}, {12, 120, 1}, {13, 150, 2}, {14, 200, 1}, {16, 150, 1},
	} {
		for range c.times {
			ops := randomOps(r, c.width, c.gates)
			p, err := FromOps(c.width, ops)
			require.NoError(t, err)
			want := oracle(c.width, ops)
			for _, prec := range []Precision{Complex64, Complex128} {
				limit := map[Precision]float64{Complex64: 2e-6, Complex128: 1e-12}[prec]
				s := mustRun(t, p, Options{Precision: prec})
				require.Less(t, maxDiff(want, s.Amplitudes()), limit, "width %d %s", c.width, prec)
				require.InDelta(t, 1, s.Norm(), 1e-5)
				x := r.Uint64() >> (64 - c.width)
				a, err := s.Amplitude(x)
				require.NoError(t, err)
				require.InDelta(t, 0, cmplx.Abs(s.Amplitudes()[x]-a), 1e-15)
				p := s.Probabilities()
				require.InDelta(t, real(want[x])*real(want[x])+imag(want[x])*imag(want[x]), p[x], 1e-5)
			}
		}
	}
}

func TestLayeredIsTheSameAsOps(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	s := circuit.Skeleton{Width: 5, Layers: [][]circuit.Pair{{{A: 0, B: 1}, {A: 2, B: 3}}, {{A: 1, B: 2}}, {}, {{A: 0, B: 4}}}}
	var ops []circuit.Op
	l := circuit.Layered{Skeleton: s, Clbits: 5, Measure: []int{0, 1, 2, 3, 4}}
	for j := 0; j <= len(s.Layers); j++ {
		for q := range s.Width {
			u := circuit.U3Angles{Theta: circuit.Angle(r.Uint64()) &^ 0xfff, Phi: circuit.Angle(r.Uint64()) &^ 0xfff, Lambda: circuit.Angle(r.Uint64()) &^ 0xfff}.Normal()
			l.U = append(l.U, u)
			ops = append(ops, opU3(q, u.Theta, u.Phi, u.Lambda))
		}
		if j < len(s.Layers) {
			for _, p := range s.Layers[j] {
				ops = append(ops, opCZ(int(p.A), int(p.B)))
			}
		}
	}
	p, err := FromLayered(&l)
	require.NoError(t, err)
	p2, err := FromOps(5, ops)
	require.NoError(t, err)
	require.Equal(t, p2.phases, p.phases)
	require.Less(t, maxDiff(oracle(5, ops), mustRun(t, p, Options{Precision: Complex128}).Amplitudes()), 1e-12)
}
