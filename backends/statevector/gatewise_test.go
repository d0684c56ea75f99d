package statevector

import (
	"fmt"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

// layersOf is layers of u3 on all and what pair makes of every second neighbour.
func layersOf(width, layers int, pair func(r *rand.Rand, x, y int) []circuit.Op) (ops []circuit.Op) {
	r := rand.New(rand.NewPCG(uint64(width), uint64(layers)))
	for l := range layers {
		for q := range width {
			u := gateOn(circuit.U3, circuit.Angle(r.Uint64())&^0xfff, q)
			u.Params[1], u.Params[2] = circuit.Angle(r.Uint64())&^0xfff, circuit.Angle(r.Uint64())&^0xfff
			ops = append(ops, u)
		}
		for q := l % 2; q+1 < width; q += 2 {
			ops = append(ops, pair(r, q, q+1)...)
		}
	}
	return ops
}

func phaseGates(_ *rand.Rand, x, y int) []circuit.Op {
	return []circuit.Op{gateOn(circuit.CZ, 0, x, y)}
}

func simGates(r *rand.Rand, x, y int) []circuit.Op {
	a := circuit.Angle(r.Uint64()) &^ 0xfff
	return []circuit.Op{gateOn(circuit.RXX, a, x, y), gateOn(circuit.RYY, a, x, y), gateOn(circuit.CP, circuit.Angle(r.Uint64())&^0xfff, x, y)}
}

// TestAmplitudesGateByGate: widths 6 to 24 against the simulator that applies lowered
// gates one after the other in binary64, without plan, diagonals or exchanges: 2e-6,
// 1e-12 in complex128, up to a global phase.
func TestAmplitudesGateByGate(t *testing.T) {
	for _, c := range []struct{ width, layers int }{{6, 30}, {8, 30}, {10, 20}, {12, 16}, {14, 12}, {16, 10}, {18, 6}, {20, 4}, {22, 3}, {24, 2}} {
		for name, pair := range map[string]func(*rand.Rand, int, int) []circuit.Op{"cz": phaseGates, "fsim": simGates} {
			t.Run(fmt.Sprintf("%d/%s", c.width, name), func(t *testing.T) {
				if testing.Short() && c.width > 16 {
					t.Skip("takes seconds a width")
				}
				requireGateByGate(t, c.width, layersOf(c.width, c.layers, pair))
			})
		}
	}
}

func requireGateByGate(t *testing.T, width int, ops []circuit.Op) {
	c := &circuit.Circuit{Qubits: width, QRegs: []circuit.Register{{Name: "q", Size: width}}, Ops: ops}
	low, err := c.Lower()
	require.NoError(t, err)
	want := newGates[float64](t.Context(), width)
	for i := range low.Ops {
		want.unitary(&low.Ops[i])
	}
	largest := 0
	at := func(x int) complex128 { return complex(want.re[x], want.im[x]) }
	for x := range want.re {
		if cmplx.Abs(at(x)) > cmplx.Abs(at(largest)) {
			largest = x
		}
	}
	p, err := FromOps(width, ops)
	require.NoError(t, err)
	for prec, limit := range map[Precision]float64{Complex64: 2e-6, Complex128: 1e-12} {
		s := mustRun(t, p, Options{Precision: prec})
		got := s.Amplitudes()
		s.Close()
		phase := got[largest] * cmplx.Conj(at(largest))
		phase /= complex(cmplx.Abs(phase), 0)
		worst := 0.0
		for x := range got {
			worst = max(worst, cmplx.Abs(got[x]-phase*at(x)))
		}
		require.Less(t, worst, limit, "%s", prec)
	}
}
