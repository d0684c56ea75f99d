package workloads

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/machine"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/circuit"
)

// TestPeersForm: what peers are given is what the engine runs.
func TestPeersForm(t *testing.T) {
	w1, err := trapset(5, 8, 3)
	require.NoError(t, err)
	ghz, err := circuit.Generate("ghz", 4, 0, [32]byte{})
	require.NoError(t, err)
	for name, c := range map[string]*circuit.Circuit{"w1": w1, "qft": qft(5), "grid": grid(2, 3, 12), "lattice": lattice(2, 3, 9), "clifford": cliffordBrickwork(6, 20), "ghz": ghz} {
		require.NoError(t, c.Validate(), name)
		p, err := translate(c)
		require.NoError(t, err, name)
		requireSame(t, name, c, p)
	}
	c, err := circuit.Generate("grover_demo", 5, 0, [32]byte{})
	require.NoError(t, err)
	p, err := grover(5, 4)
	require.NoError(t, err)
	requireSame(t, "grover", c, p)
}

// requireSame compares all probabilities.
func requireSame(t *testing.T, name string, c *circuit.Circuit, p peers.Circuit) {
	low, err := c.Lower()
	require.NoError(t, err)
	prog, err := statevector.FromOps(low.Qubits, low.Ops)
	require.NoError(t, err)
	s, err := statevector.Simulate(t.Context(), prog, statevector.Options{Precision: statevector.Complex128})
	require.NoError(t, err)
	for x, want := range s.Probabilities() {
		require.InDelta(t, want, math.Pow(abs(dense(p)[x]), 2), 1e-9, "%s, state %d", name, x)
	}
}

func abs(z complex128) float64 { return math.Hypot(real(z), imag(z)) }

func TestTranslateRefuses(t *testing.T) {
	c := build(2)
	c.gate(circuit.ISwap, 0, 1)
	_, err := translate(c.c)
	require.ErrorContains(t, err, "iswap")
	_, err = grover(40, 1)
	require.ErrorContains(t, err, "40")
}

// TestLattice: all edges of the rectangle are in exactly one set, no qubit is twice in
// one, and all gates of two qubits are taken as exchanges.
func TestLattice(t *testing.T) {
	seen := map[[2]int]bool{}
	for k := range 4 {
		used := map[int]bool{}
		for _, e := range couplers(4, 6, k) {
			require.False(t, seen[e] || used[e[0]] || used[e[1]], "set %d, edge %v", k, e)
			seen[e], used[e[0]], used[e[1]] = true, true, true
		}
	}
	require.Len(t, seen, 4*5+3*6)
	c := lattice(4, 6, 20)
	p, err := statevector.FromOps(c.Qubits, c.Ops)
	require.NoError(t, err)
	o, err := p.Outline(t.Context(), statevector.Complex64)
	require.NoError(t, err)
	require.Equal(t, c.GateCounts()["rxx"], o.Exchanges.Count)
	require.Equal(t, 19*24, o.Rotations)
	require.Equal(t, "numeric/1-exchange", o.Numeric)
}

// TestGrid checks the rules of the grid circuits.
func TestGrid(t *testing.T) {
	const rows, cols = 4, 6
	seen := map[[2]int]int{}
	for k := range 8 {
		used := map[int]bool{}
		for _, e := range edges(rows, cols, k) {
			require.False(t, used[e[0]] || used[e[1]], "a qubit is in two CZ of cycle %d", k)
			used[e[0]], used[e[1]] = true, true
			seen[e]++
		}
	}
	require.Len(t, seen, rows*(cols-1)+cols*(rows-1), "every edge of the grid, once in eight cycles")
	for _, n := range seen {
		require.Equal(t, 1, n)
	}
	last := map[uint16]circuit.Gate{}
	for _, op := range grid(rows, cols, 40).Ops {
		if op.NQ == 1 && op.Gate != circuit.H {
			require.True(t, last[op.Q[0]] != 0 || op.Gate == circuit.T, "the first gate is T")
			require.NotEqual(t, last[op.Q[0]], op.Gate)
			last[op.Q[0]] = op.Gate
		}
	}
	require.Len(t, last, rows*cols)
}

func TestClifford(t *testing.T) {
	c := cliffordBrickwork(70, 120)
	require.Len(t, c.Ops, 60*70+30*35+30*34)
	seen := map[circuit.U3Angles]bool{}
	for _, op := range c.Ops {
		if op.Gate == circuit.U3 {
			seen[circuit.U3Angles{Theta: op.Params[0], Phi: op.Params[1], Lambda: op.Params[2]}] = true
		}
	}
	require.Len(t, seen, 24)
	_, err := stabilizer.CompileOps(t.Context(), 70, c.Ops)
	require.NoError(t, err)
}

// TestFloors are positive where there is something to do, and that of W1 is the
// count of its plan: 220 million operations on 16 numbers, 16 passes.
func TestFloors(t *testing.T) {
	l := &machine.Limits{Threads: 1, FMA32: 16 * 5.57e9, FMA64: 8 * 5.57e9, KeyStream: 1e10, Memory: []machine.Level{{Bytes: 1 << 20, BytesPerSecond: 9e10}, {Bytes: 8 << 20, BytesPerSecond: 4.77e10}}}
	for _, w := range table() {
		require.Positive(t, w.floor(&w).seconds(l), w.ID)
	}
	c := brickworkCounts(20, 120, 4096, false)
	require.InDelta(t, 220e6, c.fma32/16, 1e6)
	require.Equal(t, 16*2*8*math.Ldexp(1, 20), c.bytes)
	require.InDelta(t, 0.045, c.seconds(l), 0.001)
	require.Equal(t, 1770*math.Ldexp(1, 20), c.gates)
	d := brickworkCounts(20, 120, 4096, true)
	require.Equal(t, []float64{0, c.fma32, 2 * c.bytes}, []float64{d.fma32, d.fma64, d.bytes})
	require.Equal(t, 3*c.gates, c.times(3).gates)
	require.Equal(t, 2*8*math.Ldexp(1, 10), brickworkCounts(10, 120, 1, false).bytes, "one pass where the state fits beside the core")
}

func TestSelect(t *testing.T) {
	for names, want := range map[string][]string{
		"all": IDs(), "W1": {"W1"}, "W1c": {"W1c/10", "W1c-batch/10", "W1c/14"}, "W6/100": {"W6/100"}, "W1b": {"W1b/24", "W1b/26"},
	} {
		got, err := Select([]string{names})
		require.NoError(t, err)
		var ids []string
		for _, w := range got {
			ids = append(ids, w.ID)
		}
		require.Equal(t, want, ids)
	}
	_, err := Select([]string{"W1", "W10"})
	require.ErrorContains(t, err, `"W10" is no workload`)
}

// TestCheckSeesThePhases holds the state that peers are compared with to the one
// that is measured: Grover's search finds its item in both.
func TestCheckSeesThePhases(t *testing.T) {
	w := Workload{ID: "W4", kind: peers.State, shots: 256}.withSearch(6, 6)
	c, err := w.circuits()
	require.NoError(t, err)
	s := newStateSide(&w, c, 1)
	require.NoError(t, s.run(t.Context()))
	item, _ := circuit.Answer("grover_demo", 6, [32]byte{})
	found := 0
	for _, row := range s.rows[0] {
		if uint64(row) == item {
			found++
		}
	}
	p, err := s.probabilities(t.Context(), []uint64{item})
	require.NoError(t, err)
	require.Greater(t, p[0], 0.9)
	require.Greater(t, found, 200)
}

// TestCheckOfFewShots: the states to compare are there when fewer outcomes were drawn.
func TestCheckOfFewShots(t *testing.T) {
	for _, shots := range []int{1, 3, 16, 4096} {
		w := brickwork("shots", 9, 4, shots, 0)
		c, err := w.circuits()
		require.NoError(t, err)
		s := newStateSide(&w, c, 1)
		require.NoError(t, s.run(t.Context()))
		states := s.statesToCheck()
		require.Len(t, states, checkedStates)
		p, err := s.probabilities(t.Context(), states)
		require.NoError(t, err)
		for i := 0; i < checkedStates; i += 2 {
			require.Positive(t, p[i], "state %d was drawn", states[i])
		}
		s.close()
	}
}
