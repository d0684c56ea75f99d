package sim

import (
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// chain is a rotated state on the even (0) or odd (1) qubits below 2n, with shift.
func chain(n, odd int, angle string) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "u3(%s,0.3,%d) q[%d];", angle, i, 2*i+odd)
	}
	for i := range n - 1 {
		fmt.Fprintf(&s, "cx q[%d],q[%d];ry(0.%d) q[%d];", 2*i+odd, 2*i+odd+2, i+1, 2*i+odd+2)
	}
	return s.String()
}

// TestBlocks: two interleaved rotated states, a Clifford block in two parts, and
// idle qubits; each block's outcomes are those of its own state at its own words.
func TestBlocks(t *testing.T) {
	src := "qreg q[40]; creg c[40];" + chain(6, 0, "1.1") + chain(5, 1, "0.7") +
		"h q[20]; cx q[20],q[39]; h q[25]; x q[30]; measure q -> c;"
	c := parse(t, src)
	o := SimOptions{Shots: 3000, Key: [16]byte{9}}
	r, err := Sim(t.Context(), c, o)
	require.NoError(t, err)
	require.Equal(t, Blocks, r.Method)
	require.Equal(t, "gate 0 (u3 on qubit 0) is not Clifford; 40 qubits in 3 independent blocks", r.Reason)
	require.Nil(t, r.State)
	method, reason, err := Choose(c)
	require.NoError(t, err)
	require.Equal(t, r.Method, method)
	require.Equal(t, r.Reason, reason)

	words, err := seed.NewShotWords(o.Key)
	require.NoError(t, err)
	bit := func(i, q int) uint64 { return uint64(r.Rows[5*i+q/8]>>(q%8)) & 1 }
	for k, b := range []struct {
		n   int
		src string
	}{{6, chain(6, 0, "1.1")}, {5, chain(5, 1, "0.7")}} {
		compact := parse(t, fmt.Sprintf("qreg q[%d];", 2*b.n)+b.src)
		for i := range compact.Ops {
			for j := range compact.Ops[i].NQ {
				compact.Ops[i].Q[j] /= 2
			}
		}
		compact.Qubits, compact.Clbits, compact.QRegs, compact.CRegs = b.n, 0, []circuit.Register{{Name: "q", Size: b.n}}, nil
		alone, err := Sim(t.Context(), compact, SimOptions{Method: StateVector})
		require.NoError(t, err)
		for i := range o.Shots {
			want := alone.State.Outcome(words.At(uint64(3*i + k)))
			for q := range b.n {
				require.Equal(t, want>>q&1, bit(i, 2*q+k), "shot %d", i)
			}
		}
		alone.State.Close()
	}
	ones := 0
	for i := range o.Shots {
		require.Equal(t, bit(i, 20), bit(i, 39))
		require.Equal(t, uint64(1), bit(i, 30))
		require.Zero(t, bit(i, 35))
		if bit(i, 20) == bit(i, 25) {
			ones++
		}
	}
	require.InDelta(t, 1500, ones, 300)
	h := sha3.Sum256(r.Rows)
	require.Equal(t, "d20a8648b2fe11da3b4877da6e94417465e9522a62dc0497c4baf423e35b17b5", hex.EncodeToString(h[:]))
	for _, threads := range []int{1, 2, 5} {
		o.Threads = threads
		again, err := Sim(t.Context(), c, o)
		require.NoError(t, err)
		require.Equal(t, r.Rows, again.Rows)
	}
	o.Method = StateVector
	o.MemoryBytes = 1 << 30
	_, err = Sim(t.Context(), c, o)
	require.ErrorIs(t, err, backends.ErrTooLarge)
}

// TestBlocksRefuse a block that does not fit, and keep small circuits whole.
func TestBlocksRefuse(t *testing.T) {
	_, err := Sim(t.Context(), parse(t, "qreg q[40];"+chain(19, 0, "1.1")+"t q[1];h q[1];"), SimOptions{Shots: 1, MemoryBytes: 1 << 20})
	require.ErrorIs(t, err, backends.ErrTooLarge)
	require.ErrorContains(t, err, "block of qubit 0")
	r, err := Sim(t.Context(), parse(t, "qreg q[6];"+chain(3, 0, "1.1")+chain(3, 1, "1.1")), SimOptions{Shots: 1})
	require.NoError(t, err)
	require.Equal(t, StateVector, r.Method)
	require.NotNil(t, r.State)
}
