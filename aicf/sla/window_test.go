package sla

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/stats"
)

func limits(t *testing.T) Limits {
	p, err := aicf.DefaultPolicy()
	require.NoError(t, err)
	return LimitsOf(p)
}

func TestWindowFindings(t *testing.T) {
	good := Window{Jobs: 50, Good: 50, Leases: 50, Finished: 50, Beats: 50, PassA: 20000, TrapsA: 20000, RateA: 999_000_000, PassB: 5000, TrapsB: 5000, RateB: 999_000_000}
	for name, c := range map[string]struct {
		edit func(*Window)
		want string
	}{
		"good":            {func(*Window) {}, ""},
		"two late of 50":  {func(w *Window) { w.Late = 2 }, ""},
		"three late":      {func(w *Window) { w.Late = 3 }, FindLatency},
		"late, few jobs":  {func(w *Window) { w.Jobs, w.Good, w.Late = 49, 49, 49 }, ""},
		"a lost lease":    {func(w *Window) { w.Finished = 46 }, ""},
		"many lost":       {func(w *Window) { w.Finished = 40 }, FindCompletion},
		"few refused":     {func(w *Window) { w.Good = 40 }, ""},
		"many refused":    {func(w *Window) { w.Good = 30 }, FindQuality},
		"beats missing":   {func(w *Window) { w.Missed = 20 }, FindAvailability},
		"the rate itself": {func(w *Window) { w.PassA = 19980 }, ""},
		"noise of a day":  {func(w *Window) { w.PassA = 19955 }, ""},
		"traps fail":      {func(w *Window) { w.PassA = 19900 }, FindTraps},
		"parity traps":    {func(w *Window) { w.PassB = 4950 }, FindTraps},
		"traps first":     {func(w *Window) { w.PassA, w.Late = 0, 50 }, FindTraps},
		"nothing":         {func(w *Window) { *w = Window{} }, ""},
	} {
		w := good
		c.edit(&w)
		require.Equal(t, c.want, Judge(w, limits(t)), name)
	}
}

// TestSurelyBelowIsWilson compares with the bound in floating point, away from
// its edge.
func TestSurelyBelowIsWilson(t *testing.T) {
	for n := uint64(1); n < 200; n += 7 {
		for k := uint64(0); k <= n; k++ {
			_, hi := stats.Wilson(k, n, 0.04550026389635842) // z = 2
			if hi > 0.9499 && hi < 0.9501 {
				continue
			}
			require.Equal(t, hi < 0.95, surelyBelow(k, n, big.NewRat(95, 100), big.NewRat(2, 1)), "%d of %d", k, n)
		}
	}
}
