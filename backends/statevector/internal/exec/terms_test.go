package exec

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

// byMatrices applies any gates by their matrices, global phase included.
func byMatrices(width int, ops []circuit.Op) []complex128 {
	x := make([]complex128, 1<<width)
	x[0] = 1
	for _, op := range ops {
		m := op.Gate.Matrix(op.Params[:op.Gate.Info().Params])
		in, mask := make([]complex128, len(m)), 0
		place := make([]int, len(m))
		for k, q := range op.Q[:op.NQ] {
			mask |= 1 << q
			for r := range place {
				place[r] |= r >> k & 1 << q
			}
		}
		for i := range x {
			if i&mask != 0 {
				continue
			}
			for r, p := range place {
				in[r] = x[i|p]
			}
			for r, p := range place {
				sum := complex128(0)
				for c, y := range in {
					sum += m[r][c] * y
				}
				x[i|p] = sum
			}
		}
	}
	return x
}

// mixedOps makes gates of all kinds on random qubits.
func mixedOps(r *rand.Rand, width, n int) []circuit.Op {
	gates := circuit.Gates()
	var ops []circuit.Op
	for len(ops) < n {
		g := gates[r.IntN(len(gates))]
		info := g.Info()
		if info.Qubits > width {
			continue
		}
		op := circuit.Op{Gate: g, NQ: uint8(info.Qubits)}
		for k, q := range r.Perm(width)[:info.Qubits] {
			op.Q[k] = uint16(q)
		}
		for k := range info.Params {
			op.Params[k] = circuit.Angle(r.Uint64()) &^ 0xfff
			if r.IntN(2) == 0 {
				op.Params[k] = circuit.HalfPi * circuit.Angle(r.IntN(8))
			}
		}
		ops = append(ops, op)
	}
	return ops
}

// requireDense compares all amplitudes with the product of matrices.
func requireDense(t *testing.T, width int, ops []circuit.Op, o Options) {
	t.Helper()
	s := run(t, width, ops, o)
	defer s.Close()
	for i, w := range byMatrices(width, ops) {
		a, err := s.Amplitude(uint64(i))
		require.NoError(t, err)
		require.InDelta(t, 0, cmplx.Abs(a-w), 2e-6, "width %d amplitude %b: %v, want %v", width, i, a, w)
	}
	require.InDelta(t, 1, s.Total(), 2e-6)
}

func op(g circuit.Gate, p circuit.Angle, q ...int) circuit.Op {
	out := circuit.Op{Gate: g, NQ: uint8(len(q))}
	out.Params[0] = p
	for k, x := range q {
		out.Q[k] = uint16(x)
	}
	return out
}

// fourier is the Fourier transform of a random product state.
func fourier(r *rand.Rand, width int) []circuit.Op {
	var ops []circuit.Op
	for q := range width {
		u := op(circuit.U3, circuit.Angle(r.Uint64())&^0xfff, q)
		u.Params[1], u.Params[2] = circuit.Angle(r.Uint64())&^0xfff, circuit.Angle(r.Uint64())&^0xfff
		ops = append(ops, u)
	}
	for q := width - 1; q >= 0; q-- {
		ops = append(ops, op(circuit.H, 0, q))
		for k := q - 1; k >= 0; k-- {
			ops = append(ops, op(circuit.CP, circuit.TwoPi>>(q-k+1)&^0xfff, k, q))
		}
	}
	for q := range width / 2 {
		ops = append(ops, op(circuit.Swap, 0, q, width-1-q))
	}
	return ops
}

// ising is layers of RZZ on neighbours and Rx on all, as in a Trotter formula.
func ising(r *rand.Rand, width, layers int) []circuit.Op {
	var ops []circuit.Op
	a, b := circuit.Angle(r.Uint64())&^0xfff>>4, circuit.Angle(r.Uint64())&^0xfff>>4
	for range layers {
		for q := range width {
			ops = append(ops, op(circuit.RX, b&^0xfff, q))
		}
		for q := range width - 1 {
			ops = append(ops, op(circuit.RZZ, a&^0xfff, q, q+1))
		}
	}
	return ops
}

// hadamards mixes H, CX, CZ and S, which often cancel.
func hadamards(r *rand.Rand, width, n int) (ops []circuit.Op) {
	for range n {
		q := r.Perm(width)
		ops = append(ops, []circuit.Op{op(circuit.H, 0, q[0]), op(circuit.H, 0, q[0]), op(circuit.S, 0, q[0]), op(circuit.CZ, 0, q[0], q[1]),
			op(circuit.CX, 0, q[0], q[1]), op(circuit.CCZ, 0, 0, 1, 2), op(circuit.RY, circuit.Angle(r.Uint64())&^0xfff, q[0])}[r.IntN(7)])
	}
	return ops
}

func TestMixedGatesAgainstMatrices(t *testing.T) {
	for _, k := range kernel.All() {
		t.Run(k.Name(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 3))
			for width := 1; width <= 12; width++ {
				n := 30 + 2*width
				if width > 9 && k == kernel.Generic {
					n = 20
				}
				requireDense(t, width, mixedOps(r, width, n), Options{Kernel: k})
				requireDense(t, width, fourier(r, width), Options{Kernel: k})
			}
			for range 200 { // few qubits, gates that meet again and again
				requireDense(t, 2, mixedOps(r, 2, 25), Options{Kernel: k})
				requireDense(t, 3, hadamards(r, 3, 40), Options{Kernel: k})
			}
			requireDense(t, 7, ising(r, 7, 30), Options{Kernel: k})
			requireDense(t, 14, fourier(r, 14), Options{Kernel: k})
		})
	}
}

// TestMixedGatesInSeveralChunks: terms that leave a chunk.
func TestMixedGatesInSeveralChunks(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	n := 6
	if kernel.Best() == kernel.Generic {
		n = 1
	}
	for range n {
		requireDense(t, 14, mixedOps(r, 14, 40), Options{})
	}
	requireDense(t, 13, ising(r, 13, 3*n), Options{})
}

// TestNormDoesNotDrift: the same angles again and again.
func TestNormDoesNotDrift(t *testing.T) {
	var ops []circuit.Op
	for range 2000 {
		ops = append(ops, op(circuit.RX, 1<<58, 0), op(circuit.CX, 0, 0, 1), op(circuit.RY, 3<<57, 1), op(circuit.CP, 1<<59, 1, 2), op(circuit.H, 0, 2))
	}
	s := run(t, 3, ops, Options{})
	defer s.Close()
	require.InDelta(t, 1, s.Total(), 1e-5)
	require.False(t, math.IsNaN(s.Total()))
}
