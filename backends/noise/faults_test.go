package noise

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/statevector/layer"
	"github.com/animicaorg/engine/circuit"
)

// TestPathsAgainstGates: the state at the end of each path, behind the frame of each
// of its shots, is that of the circuit with the shot's errors among its gates.
func TestPathsAgainstGates(t *testing.T) {
	src, _ := published(t)
	for _, src := range []string{src,
		header + "qreg q[2]; h q[0]; x q[1]; cx q[0],q[1]; ry(-1.9) q[1]; cu1(0.6) q[0],q[1]; y q[0]; h q[0]; rx(2) q[1];",
		header + "qreg q[5]; h q[0]; rx(2.5) q[1]; ry(1) q[2]; cx q[0],q[3]; t q[3]; cz q[3],q[4]; ry(4) q[4]; cy q[4],q[0]; swap q[1],q[2]; rx(-1) q[0]; h q[3];",
	} {
		sim := simulation(t, src, `{"format":"noise/v1","gates":[{"gate":"2q","pair_depolarizing":0.05},{"gate":"any","depolarizing":0.03}]}`)
		p, w := sim.p, words(t)
		k, err := layer.Find("")
		require.NoError(t, err)
		require.NoError(t, sim.layers.prepare(t.Context(), k, 1))
		pats, err := p.patterns(t.Context(), w, 0, 60, 1)
		require.NoError(t, err)
		events := map[int][]event{}
		for _, x := range pats {
			for _, shot := range x.shots {
				events[shot] = x.events
			}
		}
		paths, faults, err := sim.layers.paths(t.Context(), p, pats, 1)
		require.NoError(t, err)
		c := climber{l: sim.layers, faults: faults}
		seen := 0
		c.leave = func(shots []drawn, st *layer.State, _ *layer.Sums) {
			for _, d := range shots {
				want := gates(t, p, events[d.shot])
				for y := range want.re {
					a := complex128(st.Amplitude(uint64(y) ^ d.frame))
					require.InDelta(t, weight(want.re[y], want.im[y]), real(a)*real(a)+imag(a)*imag(a), 1e-5, "shot %d: errors %v, outcome %b", d.shot, events[d.shot], y)
				}
				seen++
			}
		}
		for _, size := range []int{1, 7, len(paths)} {
			for i := 0; i < len(paths); i += size {
				st := c.take()
				st.Zero()
				require.NoError(t, c.walk(t.Context(), st, 0, 0, paths[i:min(i+size, len(paths))]))
			}
		}
		require.Less(t, len(c.free), 10)
		require.Equal(t, 3*60, seen)
	}
}

// gates runs the circuit with errors gate by gate.
func gates(t testing.TB, p *program, events []event) *state[float64] {
	s, err := newState[float64](t.Context(), p.qubits)
	require.NoError(t, err)
	s.zero()
	for _, op := range p.ops(nil, events) {
		if op.Gate == circuit.U3 {
			s.u3(int(op.Q[0]), matrixOf[float64](&op))
		} else {
			s.cz(int(op.Q[0]), int(op.Q[1]))
		}
	}
	return s
}
