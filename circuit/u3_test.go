package circuit

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

type mat2 [2][2]complex128

func rad(a Angle) float64 { return float64(a) / (1 << 32) / (1 << 32) * 4 * math.Pi }

// u3Matrix is the textbook matrix, written apart from the package's own routines.
func u3Matrix(u U3Angles) mat2 {
	t, p, l := rad(u.Theta)/2, rad(u.Phi), rad(u.Lambda)
	return mat2{{complex(math.Cos(t), 0), -cmplx.Rect(math.Sin(t), l)}, {cmplx.Rect(math.Sin(t), p), cmplx.Rect(math.Cos(t), p+l)}}
}

func (a mat2) mul(b mat2) (c mat2) {
	for i := range 2 {
		for j := range 2 {
			c[i][j] = a[i][0]*b[0][j] + a[i][1]*b[1][j]
		}
	}
	return c
}

// phaseDistance is 0 when a and b are the same unitary up to phase.
func phaseDistance(a, b mat2) float64 {
	var tr complex128
	for i := range 2 {
		for j := range 2 {
			tr += cmplx.Conj(a[i][j]) * b[i][j]
		}
	}
	return math.Abs(1 - cmplx.Abs(tr)/2)
}

var pauliMatrix = [4]mat2{PauliI: {{1, 0}, {0, 1}}, PauliX: {{0, 1}, {1, 0}}, PauliZ: {{1, 0}, {0, -1}}, PauliY: {{0, -1i}, {1i, 0}}}

func randomAngle(r *rand.Rand) Angle {
	switch r.IntN(3) {
	case 0:
		return Angle(r.Uint64()) & angleMask
	case 1:
		return Angle(r.IntN(8)) * HalfPi
	default:
		return Angle(r.IntN(16))<<60 + Angle(r.IntN(3)-1)<<12
	}
}

func TestU3PauliAlgebra(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		u := U3Angles{randomAngle(r), randomAngle(r), randomAngle(r)}
		m := u3Matrix(u)
		n := u.Normal()
		require.Less(t, phaseDistance(m, u3Matrix(n)), 1e-12, "%v normal %v", u, n)
		require.True(t, n.IsNormal())
		for p := range Pauli(4) {
			require.Less(t, phaseDistance(pauliMatrix[p].mul(m), u3Matrix(u.Left(p))), 1e-12, "%v left %d", u, p)
			require.Less(t, phaseDistance(m.mul(pauliMatrix[p]), u3Matrix(u.Right(p))), 1e-12, "%v right %d", u, p)
			require.Equal(t, n, u.Left(p).Left(p))
			require.Equal(t, n, u.Right(p).Right(p))
			c, l := u.PauliCanonical()
			require.Equal(t, n, c.Left(l))
			c2, _ := u.Left(p).PauliCanonical()
			require.Equal(t, c, c2, "the canonical form does not depend on the left Pauli")
		}
		require.Equal(t, n.IsClifford(), u.Left(PauliY).IsClifford())
	}
}

func TestPushFrameIsCZConjugation(t *testing.T) {
	s := Skeleton{Width: 3, Layers: [][]Pair{{{0, 2}}}}
	require.NoError(t, s.Validate())
	for _, c := range []struct{ in, out [3]Pauli }{
		{[3]Pauli{PauliX, PauliX, PauliI}, [3]Pauli{PauliX, PauliX, PauliZ}},
		{[3]Pauli{PauliX, PauliI, PauliX}, [3]Pauli{PauliY, PauliI, PauliY}},
		{[3]Pauli{PauliZ, PauliY, PauliY}, [3]Pauli{PauliI, PauliY, PauliY}},
	} {
		f := c.in
		s.PushFrame(0, f[:])
		require.Equal(t, c.out, f)
	}
}

// TestFrameTableIgnoresPads dresses a circuit with random Paulis (undone behind
// each CZ layer) and wants the same canonical row, and the frame difference to
// be the last pad.
func TestFrameTableIgnoresPads(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	s := Skeleton{Width: 4, Layers: [][]Pair{{{0, 1}, {2, 3}}, {{1, 2}}, {}, {{0, 3}}}}
	require.NoError(t, s.Validate())
	base := make([]U3Angles, s.Locations())
	var all []U3Angles
	for i := range base {
		base[i] = U3Angles{randomAngle(r), randomAngle(r), randomAngle(r)}.Normal()
		for p := range Pauli(4) {
			for q := range Pauli(4) {
				all = append(all, base[i].Left(p).Right(q))
			}
		}
	}
	pal := NewPalette(all)
	ft := NewFrameTable(pal)
	row := func(pads [][]Pauli) []uint32 {
		out := make([]uint32, s.Locations())
		in := make([]Pauli, s.Width)
		for j := 0; j <= len(s.Layers); j++ {
			for q := range s.Width {
				out[j*s.Width+q] = uint32(search(pal, base[j*s.Width+q].Right(in[q]).Left(pads[j][q])))
				in[q] = pads[j][q]
			}
			if j < len(s.Layers) {
				s.PushFrame(j, in)
			}
		}
		return out
	}
	pads := func(random bool) [][]Pauli {
		p := make([][]Pauli, len(s.Layers)+1)
		for j := range p {
			p[j] = make([]Pauli, s.Width)
			for q := range p[j] {
				if random {
					p[j][q] = Pauli(r.IntN(4))
				}
			}
		}
		return p
	}
	want, wantFrame := make([]uint32, s.Locations()), make([]Pauli, s.Width)
	ft.Slot(&s, row(pads(false)), want, wantFrame)
	for range 200 {
		p := pads(true)
		got, frame := make([]uint32, s.Locations()), make([]Pauli, s.Width)
		ft.Slot(&s, row(p), got, frame)
		require.Equal(t, want, got)
		for q := range frame {
			require.Equal(t, wantFrame[q]^p[len(p)-1][q], frame[q])
		}
	}
}
