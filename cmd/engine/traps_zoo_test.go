package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/traps"
)

func TestScientific(t *testing.T) {
	for x, want := range map[float64]string{0: "1.0000", -0.000142: "0.9997", -1: "0.1000", -2.9: "0.0013", -3.01: "9.8e-4", -621.8671: "1.4e-622", -9.0000001: "1.0e-9", -12.001: "1.0e-12"} {
		require.Equal(t, want, scientific(x), "%v", x)
	}
}

func FuzzZooSizes(f *testing.F) {
	for _, s := range []string{"8x16", "8x16,20x20", "x", "1x1", "0x0", "16384x1", "99999999999999999999x1", "-1x4", "4x-8", "8X16", " 8x16"} {
		f.Add(s)
	}
	policy, err := job.NamedTrapPolicy("ref@1")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		sizes := strings.Split(text, ",")
		setups, err := zooSetups(sizes, policy, traps.Accredit)
		if err != nil {
			return
		}
		require.Len(t, setups, len(sizes))
		for _, s := range setups {
			require.False(t, s.Plan.Insufficient())
			require.Equal(t, s.Width, s.Plan.Skeleton.Width)
		}
	})
}

func TestTooManySizes(t *testing.T) {
	policy, err := job.NamedTrapPolicy("ref@1")
	require.NoError(t, err)
	_, err = zooSetups(make([]string, maxZooSizes+1), policy, traps.Accredit)
	require.ErrorContains(t, err, "17 sizes")
	_, err = zooSetups(nil, policy, traps.Accredit)
	require.Error(t, err)
	_, err = zooSetups([]string{"20x1600"}, policy, traps.Accredit) // an honest device passes no more often than chance
	require.ErrorContains(t, err, "too few")
	_, err = zooSetups([]string{"4x8", "20x120", "16384x1"}, policy, traps.Accredit)
	require.Error(t, err)
}
