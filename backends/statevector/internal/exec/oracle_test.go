package exec

import (
	"context"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

// radians of an angle.
func radians(a circuit.Angle) float64 { return float64(int64(a)) * math.Pi / (1 << 62) }

// oracle applies u3 and CZ one after the other to complex128 amplitudes.
func oracle(width int, ops []circuit.Op) []complex128 {
	x := make([]complex128, 1<<width)
	x[0] = 1
	for _, op := range ops {
		a, b := 1<<op.Q[0], 1<<op.Q[1]
		if op.Gate == circuit.CZ {
			for i := range x {
				if i&a != 0 && i&b != 0 {
					x[i] = -x[i]
				}
			}
			continue
		}
		s, c := math.Sincos(radians(op.Params[0]) / 2)
		phi, lambda := cmplx.Rect(1, radians(op.Params[1])), cmplx.Rect(1, radians(op.Params[2]))
		for i := range x {
			if i&a == 0 {
				u, v := x[i], x[i|a]
				x[i] = complex(c, 0)*u - lambda*complex(s, 0)*v
				x[i|a] = phi*complex(s, 0)*u + phi*lambda*complex(c, 0)*v
			}
		}
	}
	return x
}

// randomOps makes gates on random qubits; special angles are frequent.
func randomOps(r *rand.Rand, width, n int) []circuit.Op {
	angle := func() circuit.Angle {
		if r.IntN(2) == 0 {
			return circuit.HalfPi * circuit.Angle(r.IntN(8))
		}
		return circuit.Angle(r.Uint64()) &^ 0xfff
	}
	var ops []circuit.Op
	for range n {
		a, b := r.IntN(width), r.IntN(width)
		if r.IntN(2) == 0 && a != b {
			ops = append(ops, circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [circuit.MaxOpQubits]uint16{uint16(a), uint16(b)}})
			continue
		}
		op := circuit.Op{Gate: circuit.U3, NQ: 1, Q: [circuit.MaxOpQubits]uint16{uint16(a)}}
		op.Params[0], op.Params[1], op.Params[2] = angle(), angle(), angle()
		ops = append(ops, op)
	}
	return ops
}

func trapset(t testing.TB, width, depth int) []circuit.Op {
	c, err := circuit.Generate("animica.quantum.trapset.v1", width, depth, [32]byte{7})
	require.NoError(t, err)
	return c.Ops
}

func run(t testing.TB, width int, ops []circuit.Op, o Options) *State {
	p, err := plan.FromOps(width, ops)
	require.NoError(t, err)
	s, err := Run(context.Background(), p, plan.New(p), o)
	require.NoError(t, err)
	return s
}

// requireClose compares all amplitudes, global phase included.
func requireClose(t *testing.T, width int, ops []circuit.Op, o Options) {
	t.Helper()
	s := run(t, width, ops, o)
	defer s.Close()
	want := oracle(width, ops)
	overlap, norm := complex128(0), 0.0
	for i, w := range want {
		a, err := s.Amplitude(uint64(i))
		require.NoError(t, err)
		require.InDelta(t, 0, cmplx.Abs(a-w), 2e-5, "width %d amplitude %b: %v, want %v", width, i, a, w)
		overlap += cmplx.Conj(w) * a
		norm += real(a)*real(a) + imag(a)*imag(a)
	}
	require.InDelta(t, 1, norm, 1e-5)
	require.InDelta(t, 1, real(overlap), 1e-5)
	require.InDelta(t, 1, s.Total(), 1e-5)
}

func TestAgainstOracle(t *testing.T) {
	for _, k := range kernel.All() {
		t.Run(k.Name(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			for width := 1; width <= 14; width++ {
				n := 40 * width
				if width > 10 && k == kernel.Generic {
					n = 4 * width
				}
				requireClose(t, width, randomOps(r, width, n), Options{Kernel: k})
			}
			requireClose(t, 5, trapset(t, 5, 60), Options{Kernel: k})
			requireClose(t, 13, trapset(t, 13, 20), Options{Kernel: k})
		})
	}
}

// TestTiles reaches passes that copy tiles.
func TestTiles(t *testing.T) {
	if kernel.Best() == kernel.Generic {
		requireClose(t, 17, trapset(t, 17, 3), Options{})
		return
	}
	requireClose(t, 17, trapset(t, 17, 24), Options{})
	requireClose(t, 18, trapset(t, 18, 16), Options{})
	requireClose(t, 18, randomOps(rand.New(rand.NewPCG(2, 2)), 18, 120), Options{})
}

func ExampleRun() {
	c, _ := circuit.Generate("ghz", 3, 0, [32]byte{})
	low, _ := c.Lower()
	p, _ := plan.FromOps(3, low.Ops)
	s, _ := Run(context.Background(), p, plan.New(p), Options{Threads: 1})
	defer s.Close()
	fmt.Printf("%.3f %.3f %03b %03b\n", s.Probability(0), s.Probability(7), s.Outcome(0), s.Outcome(1<<63+1<<60))
	// Output: 0.500 0.500 000 111
}
