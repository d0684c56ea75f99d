package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

// randomDynamic is a Clifford circuit on four qubits and five clbits with
// measurements, resets and Paulis that depend on bits.
func randomDynamic(r *rand.Rand) string {
	var s strings.Builder
	s.WriteString("qreg q[4]; creg a[1]; creg b[1]; creg c[1]; creg d[1]; creg e[1];")
	regs := "abcde"
	for range 4 + r.IntN(20) {
		p, q, reg := r.IntN(4), r.IntN(4), regs[r.IntN(5)]
		switch k := r.IntN(9); {
		case k < 3:
			fmt.Fprintf(&s, "%s q[%d];", []string{"h", "s", "sx"}[k], p)
		case k < 5 && p != q:
			fmt.Fprintf(&s, "%s q[%d],q[%d];", []string{"cx", "cz"}[k-3], p, q)
		case k == 5:
			fmt.Fprintf(&s, "measure q[%d]->%c[0];", p, reg)
		case k == 6:
			fmt.Fprintf(&s, "reset q[%d];", p)
		case k > 6:
			fmt.Fprintf(&s, "if(%c==%d) %s q[%d];", reg, r.IntN(2), []string{"x", "y", "z"}[r.IntN(3)], p)
		}
	}
	s.WriteString("measure q[0]->a[0]; measure q[1]->b[0];")
	return s.String()
}

// TestDeferredAgainstTrajectories: outcomes are uniform over at most 32 rows, so
// 2500 shots of either method show the same set; how often is compared too.
func TestDeferredAgainstTrajectories(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 1))
	sizes := map[int]int{}
	const shots = 2500
	for range 120 {
		src := randomDynamic(r)
		c := parse(t, src)
		var counts [2][32]int
		for i, m := range []Method{Stabilizer, StateVector} {
			got, err := Sim(t.Context(), c, SimOptions{Shots: shots, Method: m, Key: [16]byte{byte(i)}})
			require.NoError(t, err, src)
			require.Equal(t, m, got.Method)
			for _, x := range got.Rows {
				counts[i][x]++
			}
		}
		size := 32 - len(slices.DeleteFunc(slices.Clone(counts[0][:]), func(n int) bool { return n > 0 }))
		sizes[size]++
		for x := range counts[0] {
			require.Equal(t, counts[1][x] > 0, counts[0][x] > 0, "row %d of %s", x, src)
			if counts[0][x] > 0 {
				require.InDelta(t, shots/size, counts[0][x], 8*50/2, "row %d of %s", x, src)
			}
		}
	}
	require.Greater(t, len(sizes), 3, "circuits of several entropies")
}

// TestTeleport moves a state over 300 qubits, each hop by measurement and
// correction: wider than any state vector.
func TestTeleport(t *testing.T) {
	const n = 301
	var s strings.Builder
	fmt.Fprintf(&s, "qreg q[%d]; creg out[1]; x q[0]; h q[0];", n)
	for i := 0; i+2 < n; i += 2 {
		fmt.Fprintf(&s, "creg m%d[1]; creg x%d[1]; h q[%d]; cx q[%d],q[%d]; cx q[%d],q[%d]; h q[%d];", i, i, i+1, i+1, i+2, i, i+1, i)
		fmt.Fprintf(&s, "measure q[%d]->m%d[0]; measure q[%d]->x%d[0]; if(x%d==1) x q[%d]; if(m%d==1) z q[%d];", i, i, i+1, i, i, i+2, i, i+2)
	}
	fmt.Fprintf(&s, "h q[%d]; measure q[%d]->out[0];", n-1, n-1)
	c := parse(t, s.String())
	r, err := Sim(t.Context(), c, SimOptions{Shots: 500})
	require.NoError(t, err)
	require.Equal(t, Stabilizer, r.Method)
	rb := len(r.Rows) / 500
	for i := range 500 {
		require.Equal(t, byte(1), r.Rows[i*rb]&1)
	}
	require.NotEqual(t, r.Rows[:rb], r.Rows[rb:2*rb])
}

// TestDeferredEdges: a bit never written is 0, a second measurement replaces a
// bit, and too many measurements are left to the state vector.
func TestDeferredEdges(t *testing.T) {
	for src, want := range map[string]byte{
		"qreg q[2]; creg c[1]; creg d[1]; if(c==0) x q[0]; if(c==1) x q[1]; measure q[0]->d[0];":                                                 2,
		"qreg q[1]; creg c[1]; creg d[1]; x q[0]; measure q[0]->c[0]; measure q[0]->d[0]; x q[0]; measure q[0]->c[0];":                           2,
		"qreg q[1]; creg c[1]; creg d[1]; h q[0]; measure q[0]->c[0]; if(c==1) x q[0]; measure q[0]->c[0]; if(c==0) x q[0]; measure q[0]->d[0];": 2,
		"qreg q[1]; creg c[2]; x q[0]; reset q[0]; x q[0];":                                                                                      1,
	} {
		r, err := Sim(t.Context(), parse(t, src), SimOptions{Shots: 60})
		require.NoError(t, err)
		require.Equal(t, Stabilizer, r.Method, src)
		for _, x := range r.Rows {
			require.Equal(t, want, x, src)
		}
	}
	many := parse(t, "qreg q[1]; creg c[1]; h q[0]; measure q[0]->c[0]; h q[0];"+strings.Repeat("reset q[0]; h q[0];", circuit.MaxQubits))
	r, err := Sim(t.Context(), many, SimOptions{Shots: 1})
	require.NoError(t, err)
	require.Equal(t, StateVector, r.Method)
}
