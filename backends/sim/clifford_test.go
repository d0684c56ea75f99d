package sim

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// cliffordOps turns bytes into gates of the whole gate table that are Clifford,
// and measurements with clbits of their own.
func cliffordOps(data []byte) *circuit.Circuit {
	gates := []circuit.Gate{circuit.H, circuit.S, circuit.Sdg, circuit.X, circuit.Y, circuit.Z, circuit.SX, circuit.CX, circuit.CZ, circuit.CY, circuit.Swap, circuit.U3}
	n := 1
	if len(data) > 0 {
		n, data = 1+int(data[0])%6, data[1:]
	}
	c := &circuit.Circuit{Qubits: n, Clbits: n, QRegs: []circuit.Register{{Name: "q", Size: n}}, CRegs: []circuit.Register{{Name: "c", Size: n}}}
	for ; len(data) >= 3 && len(c.Ops) < 200; data = data[3:] {
		g := gates[int(data[0])%len(gates)]
		p, q := uint16(data[1])%uint16(n), uint16(data[2])%uint16(n)
		op := circuit.Op{Gate: g, NQ: 1, Q: [4]uint16{p}}
		switch g {
		case circuit.CX, circuit.CZ, circuit.CY, circuit.Swap:
			if p == q {
				continue
			}
			op.NQ, op.Q[1] = 2, q
		case circuit.U3:
			k := circuit.Angle(data[2])
			op.Params = [4]circuit.Angle{k & 7 * circuit.HalfPi, k >> 3 & 7 * circuit.HalfPi, k >> 5 * circuit.HalfPi}
		}
		c.Ops = append(c.Ops, op)
	}
	return c
}

// FuzzCliffordAgainstStateVector: the rows of the stabilizer engine are exactly
// the states that a state vector gives the probability 2^-k.
func FuzzCliffordAgainstStateVector(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, 7, 0, 1, 7, 1, 2})
	f.Add([]byte{5, 0, 1, 1, 9, 1, 2, 11, 3, 77, 10, 0, 3, 6, 2, 2, 8, 2, 3, 1, 0, 0, 5, 5, 5, 0, 2, 0})
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, data []byte) {
		c := cliffordOps(data)
		const shots = 1500
		r, err := Sim(t.Context(), c, SimOptions{Shots: shots, Key: [16]byte{1}})
		require.NoError(t, err)
		require.Equal(t, Stabilizer, r.Method)
		s, err := Sim(t.Context(), c, SimOptions{Method: StateVector})
		require.NoError(t, err)
		defer s.State.Close()
		p := s.State.Probabilities()
		possible := 0
		for _, x := range p {
			if x > 1e-4 {
				possible++
			}
		}
		seen := map[byte]bool{}
		for _, x := range r.Rows {
			seen[x] = true
		}
		require.Len(t, r.Rows, shots*guest.RowBytes(c.Qubits))
		require.Len(t, seen, possible, "64 outcomes miss one in 1500 shots once in 10^8")
		for x := range seen {
			require.InDelta(t, 1, p[x]*float64(possible), 1e-3)
		}
		require.Zero(t, math.Log2(float64(possible))-math.Trunc(math.Log2(float64(possible))))
	})
}

// TestFewerClbits: a circuit without measurement has a clbit per qubit, and more
// clbits stay 0; reused rows are overwritten.
func TestFewerClbits(t *testing.T) {
	c := parse(t, "qreg q[3]; creg c[11]; x q[2]; h q[0];")
	dirty := make([]byte, 50)
	for i := range dirty {
		dirty[i] = 0xff
	}
	r, err := Sim(t.Context(), c, SimOptions{Shots: 20, ReuseRows: dirty})
	require.NoError(t, err)
	require.Equal(t, 11, r.Clbits)
	require.Len(t, r.Rows, 40)
	require.Same(t, &dirty[0], &r.Rows[0])
	for i := range 20 {
		require.Equal(t, byte(4), r.Rows[2*i]&^1)
		require.Zero(t, r.Rows[2*i+1])
	}
	r, err = Sim(t.Context(), parse(t, "qreg q[3]; creg c[2]; x q[2]; h q[0]; measure q[2]->c[1];"), SimOptions{Shots: 3})
	require.NoError(t, err)
	require.Equal(t, []byte{2, 2, 2}, r.Rows)
	r, err = Sim(t.Context(), parse(t, "qreg q[3]; x q[2];"), SimOptions{})
	require.NoError(t, err)
	require.Empty(t, r.Rows)
}
