package guest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// TestRowsInPieces: head, indexes and padding are what Append writes at once.
func TestRowsInPieces(t *testing.T) {
	for _, r := range []guest.Rows{{First: 7, N: 3, Locations: 5, ElemSize: 2}, {N: 1, Locations: 1, ElemSize: 4}, {First: 1 << 20, N: 0, Locations: 9, ElemSize: 2}} {
		r.Data = make([]byte, r.N*r.Locations*r.ElemSize)
		for i := range r.Data {
			r.Data[i] = byte(i + 1)
		}
		b := append(r.AppendHead([]byte("before")), r.Data...)
		b = append(b, make([]byte, -len(r.Data)&7)...)
		require.Equal(t, r.Append([]byte("before")), b)
	}
}

// TestTarget: targets come back as they were; edges out of order, loops and widths
// above the limit do not.
func TestTarget(t *testing.T) {
	p := func(a, b uint16) circuit.Pair { return circuit.Pair{A: a, B: b} }
	for _, good := range []guest.Target{{}, {Width: 4096}, {Width: 3, Edges: []circuit.Pair{p(0, 1), p(0, 2), p(1, 2)}}} {
		back, err := guest.ParseTarget(guest.AppendTarget(nil, good))
		require.NoError(t, err)
		require.Equal(t, good, back)
	}
	for name, bad := range map[string]guest.Target{
		"width":      {Width: 4097},
		"loop":       {Width: 3, Edges: []circuit.Pair{p(1, 1)}},
		"reversed":   {Width: 3, Edges: []circuit.Pair{p(2, 1)}},
		"twice":      {Width: 3, Edges: []circuit.Pair{p(0, 1), p(0, 1)}},
		"descending": {Width: 3, Edges: []circuit.Pair{p(1, 2), p(0, 1)}},
	} {
		_, err := guest.ParseTarget(guest.AppendTarget(nil, bad))
		require.ErrorIs(t, err, guest.ErrForm, name)
	}
}

func FuzzTarget(f *testing.F) {
	f.Add(guest.AppendTarget(nil, guest.Target{Width: 3, Edges: []circuit.Pair{{A: 0, B: 1}}}))
	f.Add(guest.AppendTarget(nil, guest.Target{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := guest.ParseTarget(b); err == nil {
			require.Equal(t, b, guest.AppendTarget(nil, x))
		}
	})
}
