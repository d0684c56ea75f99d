package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCapacityFor(t *testing.T) {
	for speed, want := range map[float64]int{100: 1, 600: 1, 1500: 2, 3000: 4, 7500: 10} {
		got, latency := capacityFor(speed)
		require.Equal(t, want, got, "%v units a second", speed)
		if want > 1 {
			require.LessOrEqual(t, latency, int64(guideLatencyMS*8/10))
		}
	}
}
