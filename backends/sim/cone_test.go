package sim

import (
	"crypto/sha3"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// coneGates are gates of which some mix and some do not.
var coneGates = []circuit.Gate{circuit.H, circuit.U3, circuit.T, circuit.RZ, circuit.CX, circuit.CZ, circuit.CP, circuit.CRZ, circuit.RZZ, circuit.Swap, circuit.CCX, circuit.CCZ, circuit.RXX, circuit.ISwap, circuit.X}

// partly is a random circuit of which some qubits are measured, in any order.
func partly(r *rand.Rand, qubits, gates int) *circuit.Circuit {
	c := &circuit.Circuit{Qubits: qubits, Clbits: 4, QRegs: []circuit.Register{{Name: "q", Size: qubits}}, CRegs: []circuit.Register{{Name: "c", Size: 4}}}
	for range gates {
		g := coneGates[r.IntN(len(coneGates))]
		info, at := g.Info(), r.Perm(qubits)
		op := circuit.Op{Gate: g, NQ: uint8(info.Qubits)}
		for k := range info.Qubits {
			op.Q[k] = uint16(at[k])
		}
		for k := range info.Params {
			op.Params[k] = circuit.Angle(r.Uint64()) &^ 0xfff
		}
		c.Ops = append(c.Ops, op)
	}
	for b, q := range r.Perm(qubits)[:1+r.IntN(3)] {
		c.Ops = append(c.Ops, circuit.Op{Gate: circuit.Measure, NQ: 1, Q: [4]uint16{uint16(q)}, Clbit: uint32(b + r.IntN(2))})
	}
	return c
}

// marginal is the probability of each row of clbits.
func marginal(st *statevector.State, source []int) []float64 {
	out := make([]float64, 1<<len(source))
	for x, p := range st.Probabilities() {
		row := 0
		for b, q := range source {
			if q >= 0 {
				row |= x >> q & 1 << b
			}
		}
		out[row] += p
	}
	return out
}

// TestCone: what is left gives the rows the same probabilities as the whole circuit,
// and rows come from it.
func TestCone(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 7))
	cut, qubits := 0, 0
	for i := range 300 {
		c := partly(r, 5+i%4, 3+r.IntN(12))
		given, _ := terminal(c)
		require.NotNil(t, given)
		whole, err := Sim(t.Context(), c, SimOptions{Method: StateVector, Precision: statevector.Complex128})
		require.NoError(t, err)
		require.Zero(t, whole.CutGates+whole.CutQubits, "nothing is cut where the state is wanted")
		part, err := Sim(t.Context(), c, SimOptions{Method: StateVector, Precision: statevector.Complex128, Shots: 50})
		require.NoError(t, err)
		cone := coneOf(given, c.Qubits)
		if cone == nil {
			require.Equal(t, "numeric/1-complex128", part.Numeric)
			cone = uncut(given)
		} else {
			require.Equal(t, "numeric/1-complex128"+NumericCone, part.Numeric)
			cut, qubits = cut+part.CutGates, qubits+part.CutQubits
		}
		want, got := marginal(whole.State, given.source), marginal(part.State, cone.t.source)
		require.InDeltaSlice(t, want, got, 1e-12, "circuit %d", i)
		for _, row := range part.Rows {
			require.Greater(t, want[row], 1e-12)
		}
		whole.State.Close()
		part.State.Close()
	}
	require.Greater(t, cut, 200)
	require.Greater(t, qubits, 50)
}

func uncut(t *final) *cone { return &cone{t: t} }

// TestConeOf pins what is in a cone.
func TestConeOf(t *testing.T) {
	for src, want := range map[string][2]int{ // gates and qubits left out; -1: no cone
		"qreg q[3]; creg c[1]; h q[0]; t q[0]; h q[1]; cx q[0],q[1]; measure q[0]->c[0];":                   {3, 2}, // a control is no path
		"qreg q[3]; creg c[1]; h q[0]; h q[1]; cx q[0],q[1]; h q[1]; t q[1]; measure q[0]->c[0];":           {4, 2},
		"qreg q[3]; creg c[1]; h q[0]; h q[1]; cx q[0],q[1]; h q[1]; t q[1]; h q[0]; measure q[0]->c[0];":   {2, 1},  // mixed later: what the target was then matters
		"qreg q[3]; creg c[3]; h q[0]; t q[0]; cz q[0],q[1]; measure q->c;":                                 {-1, 0}, // phases at the end alone
		"qreg q[3]; creg c[1]; h q[0]; h q[1]; cz q[0],q[1]; h q[2]; measure q[0]->c[0];":                   {3, 2},  // a phase is no path
		"qreg q[3]; creg c[1]; h q[0]; h q[1]; cz q[0],q[1]; h q[0]; h q[2]; measure q[0]->c[0];":           {1, 1},
		"qreg q[3]; creg c[1]; h q[2]; swap q[1],q[2]; h q[0]; measure q[1]->c[0];":                         {1, 1},
		"qreg q[30]; creg c[1]; t q[3]; h q[3]; measure q[3]->c[0];":                                        {0, 29},
		"qreg q[9]; creg c[1]; h q[3]; measure q[3]->c[0];":                                                 {-1, 0}, // few idle qubits stay
		"qreg q[2]; creg c[1]; u3(0,1,1) q[0]; u3(6.283185307179586,0,0) q[0]; h q[1]; measure q[0]->c[0];": {3, 1},
	} {
		given, _ := terminal(parse(t, src))
		c := coneOf(given, parse(t, src).Qubits)
		if want[0] < 0 {
			require.Nil(t, c, src)
			continue
		}
		require.NotNil(t, c, src)
		require.Equal(t, want, [2]int{c.gates, c.idle}, src)
	}
}

// TestConeIsFrozen: rows of a wide circuit with a narrow cone.
func TestConeIsFrozen(t *testing.T) {
	src := "qreg q[60]; creg c[3]; "
	for q := range 59 {
		src += "ry(0.3) q[" + strconv.Itoa(q) + "]; cx q[" + strconv.Itoa(q) + "],q[" + strconv.Itoa(q+1) + "]; "
	}
	src += "measure q[2]->c[0]; measure q[0]->c[2];"
	for _, p := range []struct {
		prec statevector.Precision
		want string
	}{{statevector.Complex64, "06a94d07fca9140a"}, {statevector.Complex128, "06a94d07fca9140a"}} {
		for _, k := range statevector.Kernels() {
			for _, threads := range []int{1, 3} {
				r, err := Sim(t.Context(), parse(t, src), SimOptions{Shots: 300, Key: [16]byte{5}, Precision: p.prec, Kernel: k, Threads: threads})
				require.NoError(t, err)
				require.Equal(t, StateVector, r.Method)
				require.Equal(t, "gate 0 (u3 on qubit 0) is not Clifford; left out, as no measured qubit depends on them: 113 gates, 57 qubits", r.Reason)
				h := sha3.Sum256(r.Rows)
				require.Equal(t, p.want, hex.EncodeToString(h[:8]), "%s, %s, %d threads", p.prec, k, threads)
			}
		}
	}
}
