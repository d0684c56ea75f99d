package backendtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

func TestMalformationsAreRefused(t *testing.T) {
	require.NoError(t, mixed(1, 9).Validate())
	for name, spoil := range Malformations() {
		b := mixed(1, 9)
		spoil(b)
		require.ErrorIs(t, b.Validate(), backends.ErrBatch, name)
	}
}

func TestSlice(t *testing.T) {
	b := mixed(1, 9)
	s := Slice(b, 4, 6)
	require.NoError(t, s.Validate())
	require.Equal(t, uint64(4), s.Rows.First)
	require.Equal(t, b.Layered(5), s.Layered(1))
}

// TestPadIsFrame: padding moves a circuit within its canonical class, and the
// row is the difference of the final frames.
func TestPadIsFrame(t *testing.T) {
	r, s := Stream(11), Brickwork(4, 3)
	u := RandomTriples(r, s, false)
	p, row := Pad(r, s, u)
	b := Build(s, [][]circuit.U3Angles{u, p})
	ft := circuit.NewFrameTable(b.Palette)
	var ids [2][]uint32
	var frames [2][]circuit.Pauli
	for i := range ids {
		in := make([]uint32, s.Locations())
		b.Rows.Expand(i, in)
		ids[i], frames[i] = make([]uint32, s.Locations()), make([]circuit.Pauli, s.Width)
		ft.Slot(&s, in, ids[i], frames[i])
	}
	require.Equal(t, ids[0], ids[1])
	for q := range s.Width {
		require.Equal(t, row[0]>>q&1 == 1, (frames[0][q]^frames[1][q])&circuit.PauliX != 0)
	}
}
