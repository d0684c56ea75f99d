package exec

import (
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

// sims is layers of random u3 on all and an exchange with a phase on pairs of
// neighbours, alternating: fSim(angle, phase) as RXX, RYY and CP.
func sims(r *rand.Rand, width, layers int) (ops []circuit.Op) {
	for l := range layers {
		for q := range width {
			u := op(circuit.U3, circuit.Angle(r.Uint64())&^0xfff, q)
			u.Params[1], u.Params[2] = circuit.Angle(r.Uint64())&^0xfff, circuit.Angle(r.Uint64())&^0xfff
			ops = append(ops, u)
		}
		for q := l % 2; q+1 < width; q += 2 {
			a := circuit.Angle(r.Uint64()) &^ 0xfff
			ops = append(ops, op(circuit.RXX, a, q, q+1), op(circuit.RYY, a, q, q+1), op(circuit.CP, circuit.Angle(r.Uint64())&^0xfff, q, q+1))
		}
	}
	return ops
}

// exchanging mixes everything that becomes an exchange with gates around it, on any
// pairs, angles of all kinds.
func exchanging(r *rand.Rand, width, n int) (ops []circuit.Op) {
	angle := func() circuit.Angle {
		if r.IntN(3) == 0 {
			return circuit.HalfPi * circuit.Angle(r.IntN(8))
		}
		return circuit.Angle(r.Uint64()) &^ 0xfff
	}
	for range n {
		q := r.Perm(width)
		a, b, x, y := angle(), angle(), q[0], q[1]
		switch r.IntN(9) {
		case 0:
			ops = append(ops, op(circuit.RXX, a, x, y), op(circuit.RYY, a, y, x))
		case 1:
			ops = append(ops, op(circuit.RYY, a, x, y), op(circuit.RZZ, b, x, y), op(circuit.RXX, b, x, y))
		case 2:
			ops = append(ops, op(circuit.RXX, a, x, y), op(circuit.RYY, -a, x, y))
		case 3:
			ops = append(ops, op(circuit.CX, 0, x, y), op(circuit.CRY, a, y, x), op(circuit.CX, 0, x, y))
		case 4:
			ops = append(ops, op(circuit.CX, 0, x, y), op(circuit.CRX, a, y, x), op(circuit.CX, 0, x, y))
		case 5:
			ops = append(ops, op(circuit.X, 0, x))
		case 6:
			ops = append(ops, op(circuit.RY, a, x), op(circuit.T, 0, x))
		case 7:
			ops = append(ops, op(circuit.CP, a, x, y))
		default:
			ops = append(ops, op(circuit.ISwap, 0, x, y))
		}
	}
	return ops
}

// heisenberg is a Trotter formula of the XXZ chain in a field: the same angles again
// and again.
func heisenberg(r *rand.Rand, width, steps int) (ops []circuit.Op) {
	angle := func() circuit.Angle { return circuit.Angle(r.Uint64()) >> 4 &^ 0xfff }
	j, delta, h := angle(), angle(), angle()
	for q := range width {
		ops = append(ops, op(circuit.RY, angle(), q))
	}
	for range steps {
		for first := range 2 {
			for q := first; q+1 < width; q += 2 {
				ops = append(ops, op(circuit.RXX, j, q, q+1), op(circuit.RYY, j, q, q+1), op(circuit.RZZ, delta, q, q+1))
			}
		}
		for q := range width {
			ops = append(ops, op(circuit.RX, h, q))
		}
	}
	return ops
}

func TestExchangesAgainstMatrices(t *testing.T) {
	for _, k := range kernel.All() {
		r := rand.New(rand.NewPCG(8, 8))
		for width := 2; width <= 8; width++ {
			for range 25 {
				requireDense(t, width, exchanging(r, width, 30), Options{Kernel: k, Threads: 1})
			}
		}
		requireDense(t, 13, exchanging(r, 13, 120), Options{Kernel: k, Threads: 3})
		requireDense(t, 14, sims(r, 14, 6), Options{Kernel: k, Threads: 2})
	}
}

// TestExchangesInDouble: 1e-12 to the matrices.
func TestExchangesInDouble(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 16))
	for _, width := range []int{2, 3, 5, 9, 13} {
		ops := exchanging(r, width, 80)
		p, err := plan.FromOps(width, ops)
		require.NoError(t, err)
		want := byMatrices(width, ops)
		for _, k := range kernel.All() {
			s, err := RunDouble(t.Context(), p, plan.New(p), Options{Kernel: k, Threads: 2}, nil)
			require.NoError(t, err)
			for i, w := range want {
				a, err := s.Amplitude(uint64(i))
				require.NoError(t, err)
				require.InDelta(t, 0, cmplx.Abs(a-w), 1e-12, "width %d, %s, amplitude %b", width, k.Name(), i)
			}
			s.Close()
		}
	}
}

// TestNormOfExchangesDoesNotDrift: the same angle again and again on each pair.
func TestNormOfExchangesDoesNotDrift(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	for _, width := range []int{2, 4} {
		s := run(t, width, heisenberg(r, width, 3000), Options{})
		require.InDelta(t, 1, s.Total(), 1e-5, "width %d", width)
		s.Close()
	}
}
