package guest

import (
	"testing"

	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

func sampleBatch() *Batch {
	return &Batch{Skeleton: circuit.Skeleton{Width: 3, Layers: [][]circuit.Pair{{{A: 0, B: 1}}, {{A: 1, B: 2}}}},
		Palette: []circuit.U3Angles{{}, {Lambda: circuit.HalfPi}, {Theta: circuit.HalfPi, Phi: 1 << 20, Lambda: 1 << 40}},
		Rows:    &Rows{N: 2, Locations: 9, ElemSize: 2, Data: []byte{0, 0, 1, 0, 2, 0, 0, 0, 1, 0, 2, 0, 0, 0, 1, 0, 2, 0, 2, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0, 0}}}
}

// TestBatchForm reads what is written; of changed bytes it reads nothing that is
// written otherwise.
func TestBatchForm(t *testing.T) {
	b := sampleBatch().Append(nil)
	got, err := ParseBatch(b)
	require.NoError(t, err)
	require.Equal(t, sampleBatch(), got)
	for i := range b {
		for _, x := range []byte{1, 0x80, 0xff} {
			c := append([]byte(nil), b...)
			c[i] ^= x
			if got, err := ParseBatch(c); err == nil {
				require.Equal(t, c, got.Append(nil), "byte %d", i)
			} else {
				require.ErrorIs(t, err, ErrForm)
			}
		}
		_, err := ParseBatch(b[:i])
		require.ErrorIs(t, err, ErrForm)
	}
	for name, change := range map[string]func(*Batch){
		"index outside the palette": func(b *Batch) { b.Rows.Data[4] = 3 },
		"palette out of order":      func(b *Batch) { b.Palette[0], b.Palette[1] = b.Palette[1], b.Palette[0] },
		"no slots":                  func(b *Batch) { b.Rows.N, b.Rows.Data = 0, nil },
		"a row too few":             func(b *Batch) { b.Rows.Data = b.Rows.Data[:18] },
		"pair of one qubit":         func(b *Batch) { b.Skeleton.Layers[0][0].B = 0 },
	} {
		bad := sampleBatch()
		change(bad)
		_, err := ParseBatch(bad.Append(nil))
		require.ErrorIs(t, err, ErrForm, name)
	}
}

func FuzzParseBatch(f *testing.F) {
	f.Add(sampleBatch().Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := ParseBatch(b); err == nil {
			require.Equal(t, b, got.Append(nil))
		}
	})
}
