package machine

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLoops runs every loop that this machine has: an update changes nothing but
// what generic Go changes, and stays within its bytes.
func TestLoops(t *testing.T) {
	k := loops()
	k.fma32()
	k.fma64()
	generic().fma32()
	b := bytes.Repeat([]byte{1, 2, 3, 255}, 3*stride/4)
	want := bytes.Clone(b)
	k.update(b[stride : 2*stride])
	if k.name == "go" {
		genericUpdate(want[stride : 2*stride])
	}
	require.Equal(t, want, b)
}

func TestMeasure(t *testing.T) {
	l, err := measure(t.Context(), 1, sizes[:3])
	require.NoError(t, err)
	require.Len(t, l.Memory, 3)
	for _, m := range l.Memory {
		require.Positive(t, m.BytesPerSecond)
	}
	require.Positive(t, l.FMA32)
	require.Positive(t, l.FMA64)
	require.Positive(t, l.KeyStream)
	require.Equal(t, l.Memory[0].BytesPerSecond, l.Bandwidth(1))
	require.Equal(t, l.Memory[2].BytesPerSecond, l.Bandwidth(float64(sizes[1]+1)))
	require.Equal(t, l.Memory[2].BytesPerSecond, l.Bandwidth(1e18))
	require.Zero(t, (&Limits{}).Bandwidth(1))
}

func TestMeasureCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Measure(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
}
