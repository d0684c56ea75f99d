package sla

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthGoesOnFromItsText(t *testing.T) {
	whole, cut := NewHealth(), NewHealth()
	for i := range int64(60) {
		b := Beat{T: big.NewRat(i*31+i%3, 1), OK: i%7 != 3}
		if i%2 == 0 {
			b.LatencyMS = big.NewRat(100*i, 3)
		}
		require.Equal(t, whole.Add(b), cut.Add(b))
		text, err := cut.MarshalText()
		require.NoError(t, err)
		cut = NewHealth()
		require.NoError(t, cut.UnmarshalText(text))
		require.Zero(t, whole.Score().Cmp(cut.Score()), "beat %d", i)
		require.Equal(t, whole.Status(), cut.Status())
		require.Equal(t, whole.PPM(), cut.PPM())
	}
	require.NoError(t, cut.UnmarshalText(nil))
	require.Zero(t, cut.PPM())
	require.Error(t, cut.UnmarshalText([]byte(`{"score":"zz"}`)))
}
