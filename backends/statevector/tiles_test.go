package statevector

import (
	"crypto/sha3"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

// TestTilesAreFrozen: states wider than a tile, whose passes have several kinds of
// chunks, give these rows. Execution may cut tiles as it likes; the digests are older
// than the tiles that lie in place.
func TestTilesAreFrozen(t *testing.T) {
	if testing.Short() {
		t.Skip("22 qubits")
	}
	const width, depth = 22, 24
	c, err := circuit.Generate("animica.quantum.trapset.v1", width, depth, [32]byte{7})
	require.NoError(t, err)
	ops := c.Ops
	for q := range 4 { // phases that leave the chunk
		ops = append(ops, gateOn(circuit.CP, circuit.Angle(q+1)<<58, q, width-1-q), gateOn(circuit.H, 0, q))
	}
	p, err := FromOps(width, ops)
	require.NoError(t, err)
	o, err := p.Outline(t.Context(), Complex64)
	require.NoError(t, err)
	several := 0
	for _, pass := range o.Passes {
		several += min(len(pass.Chunks)-1, 1)
	}
	require.Positive(t, several, "passes of several chunks")
	for _, threads := range []int{1, 2, 3} {
		s, err := Simulate(t.Context(), p, Options{Threads: threads})
		require.NoError(t, err)
		rows, err := s.Sample([16]byte{1}, 0, 5000)
		require.NoError(t, err)
		s.Close()
		h := sha3.Sum256(rows)
		require.Equal(t, "cf8561b1f9faeb5a88f59649cd775b9ff5f23032736493400f42e68e565f59cb", hex.EncodeToString(h[:]), "%d threads", threads)
	}
}
