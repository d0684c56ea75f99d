package stats

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzNoPanic holds the package to "no input panics" and to the ranges of its
// results. Trial counts are small or out of range, so that a call stays short.
func FuzzNoPanic(f *testing.F) {
	f.Add(uint64(3), uint64(10), uint64(500_000_000), uint64(1_000_000), uint64(20))
	f.Add(^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0))
	f.Add(uint64(0), uint64(0), uint64(0), uint64(0), uint64(0))
	f.Add(uint64(4096), uint64(410), uint64(999_999_999), uint64(1), uint64(1))
	f.Fuzz(func(t *testing.T, x, n, p, alpha, w uint64) {
		if n <= MaxTrials {
			n %= 3000
		}
		if d := LeftTail(x, n, p); d.Mant != 0 {
			require.True(t, d.Mant >= 1e8 && d.Mant < 1e9 && d.Exp <= -8, "%+v", d)
		}
		RightTail(x, n, p)
		c := AcceptThreshold(n, p, alpha)
		require.True(t, n > MaxTrials || c > n == (alpha >= Ppb), "%d of %d", c, n)
		lo, hi := ClopperPearson(x, n, alpha)
		require.LessOrEqual(t, hi, uint64(Ppb))
		require.LessOrEqual(t, lo, uint64(Ppb))
		require.LessOrEqual(t, Eps95Markov(x, n), uint64(Ppb))
		require.LessOrEqual(t, Eps95Hidden(min(w, 2000), n, x, p), uint64(Ppb))
		a, b := PassRates(x, n, w, Policy{P1: p, P2: alpha, RO: p})
		require.LessOrEqual(t, a, uint64(MaxPassPpb))
		require.LessOrEqual(t, b, uint64(MaxPassPpb))
		require.GreaterOrEqual(t, b, uint64(Ppb/2))
		e := NewEProcess(p, alpha, x, w)
		e.Add(x%64, n%64, w%64, p%64)
		s := NewSPRT(p, alpha, x, w)
		s.Add(x%64, n%64)
		l := NewLayout(x, w)
		l.TrapsIn(p)
		l.Window(p)
		if tm := TMin(p, alpha, min(w, 8), w%2 == 0); tm != NoTMin {
			require.LessOrEqual(t, tm, uint64(MaxTrials))
		}
	})
}
