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

// TestAmplitudesGateByGate: against the simulator that applies lowered gates one after
// the other in binary64, without plan, diagonals or exchanges: 2e-6, 1e-12 in
// complex128, up to a global phase.
func TestAmplitudesGateByGate(t *testing.T) {
	for _, c := range []struct{ width, cz, sims int }{{6, 30, 12}, {8, 30, 10}, {10, 20, 8}, {12, 16, 5}, {14, 10, 4}, {16, 6, 3}, {18, 4, 1}, {20, 3, 0}, {22, 2, 0}, {24, 2, 0}} {
		t.Run(fmt.Sprint(c.width), func(t *testing.T) {
			if testing.Short() && c.width > 16 {
				t.Skip("takes seconds a width")
			}
			requireGateByGate(t, c.width, layersOf(c.width, c.cz, phaseGates))
			if c.sims > 0 {
				requireGateByGate(t, c.width, layersOf(c.width, c.sims, simGates))
			}
		})
	}
}

// TestExchangesOfWideStates: against the same gates taken one by one, which they are
// where a gate that does nothing stands between them, in complex128, which has no
// tiles.
func TestExchangesOfWideStates(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds a width")
	}
	for _, width := range []int{17, 20, 22, 24} {
		together := layersOf(width, 4, simGates)
		var apart []circuit.Op
		for _, op := range together {
			if apart = append(apart, op); op.Gate == circuit.RXX {
				apart = append(apart, gateOn(circuit.ID, 0, int(op.Q[0])))
			}
		}
		p, err := FromOps(width, apart)
		require.NoError(t, err)
		require.Equal(t, "numeric/1-complex128", p.Numeric(Complex128))
		s := mustRun(t, p, Options{Precision: Complex128})
		want := map[uint64]complex128{}
		for _, x := range someStates(width) {
			want[x], err = s.Amplitude(x)
			require.NoError(t, err)
		}
		s.Close()
		p, err = FromOps(width, together)
		require.NoError(t, err)
		require.Equal(t, "numeric/1-exchange", p.Numeric(Complex64))
		for prec, limit := range map[Precision]float64{Complex64: 2e-6, Complex128: 1e-12} {
			s := mustRun(t, p, Options{Precision: prec})
			worst := 0.0
			for x, w := range want {
				a, err := s.Amplitude(x)
				require.NoError(t, err)
				worst = max(worst, cmplx.Abs(a-w))
			}
			s.Close()
			require.Less(t, worst, limit, "width %d, %s", width, prec)
		}
	}
}

// someStates is all basis states up to 16 qubits, beyond 20000 of all places.
func someStates(width int) (out []uint64) {
	r := rand.New(rand.NewPCG(uint64(width), 7))
	for i := range uint64(1) << min(width, 16) {
		if width > 16 {
			i = r.Uint64N(1 << width)
		}
		if out = append(out, i); width > 16 && len(out) == 20000 {
			break
		}
	}
	return out
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
		a, err := s.Amplitude(uint64(largest))
		require.NoError(t, err)
		phase := a * cmplx.Conj(at(largest))
		phase /= complex(cmplx.Abs(phase), 0)
		worst := 0.0
		for _, x := range someStates(width) {
			a, err := s.Amplitude(x)
			require.NoError(t, err)
			worst = max(worst, cmplx.Abs(a-phase*at(int(x))))
		}
		s.Close()
		require.Less(t, worst, limit, "%s", prec)
	}
}
