package stats

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEProcessKAT(t *testing.T) {
	var f struct {
		Rows []struct {
			P0     json10
			Alpha  json10
			Pass   [Grid]int64 `json:"inc_pass_Q32"`
			Fail   [Grid]int64 `json:"inc_fail_Q32"`
			Global int64       `json:"h_global_Q32"`
			Cusum  int64       `json:"h_cusum_Q32"`
			Runs   []struct {
				Passes string
				First  *int    `json:"first_failed_window"`
				Failed int     `json:"failed_windows_without_abort"`
				Abort  *uint64 `json:"trap_pass_with_abort"`
			}
		} `json:"integer_eprocess"`
	}
	loadKAT(t, "traps_stats_kat", &f)
	require.Len(t, f.Rows, 3)
	l := NewLayout(4096, 100_000)
	patterns := map[string]func(j, n uint64) uint64{
		"all_fail":            func(j, n uint64) uint64 { return 0 },
		"all_pass":            func(j, n uint64) uint64 { return n },
		"half_rounddown":      func(j, n uint64) uint64 { return n / 2 },
		"burst_fail_24_31":    func(j, n uint64) uint64 { return n * (1 - min(1, b2u(j >= 24 && j <= 31))) },
		"one_pass_per_window": func(j, n uint64) uint64 { return 1 },
	}
	for _, r := range f.Rows {
		p0, alpha := ppbOf(t, float64(r.P0)), ppbOf(t, float64(r.Alpha))
		require.Equal(t, Increments{r.Pass, r.Fail}, IncrementsA(p0))
		require.Equal(t, r.Global, ThresholdGlobal(alpha))
		require.Equal(t, r.Cusum, ThresholdCusum(alpha, l.Windows))
		require.Len(t, r.Runs, 5)
		for _, run := range r.Runs {
			pass := patterns[run.Passes]
			require.NotNil(t, pass, run.Passes)
			e := NewEProcess(p0, Ppb/2, alpha, l.Windows)
			for j := range l.Windows {
				n := l.TrapsIn(j)
				e.Add(pass(j, n), n, 0, 0)
			}
			require.Equal(t, run.Failed, e.BadWindows(), "%v %+v", r.P0, run)
			if run.First == nil {
				require.Equal(t, -1, e.FirstBad())
				continue
			}
			require.Equal(t, *run.First, e.FirstBad(), "%v %+v", r.P0, run)
			lo, _ := l.Window(uint64(e.FirstBad()))
			require.Equal(t, *run.Abort, lo)
		}
	}
}

// Both kinds add to one sum for each alternative.
func TestEProcessMix(t *testing.T) {
	const pA, pB = 826175210, 882600000
	a, b := IncrementsA(pA), IncrementsB(pB)
	e := NewEProcess(pA, pB, 500_000, 64)
	require.False(t, e.Add(3, 4, 1, 2))
	e.Add(9, 4, 0, 0) // more passes than traps count as all
	var want, best [Grid]int64
	for i := range Grid {
		d := 3*a.Pass[i] + a.Fail[i] + b.Pass[i] + b.Fail[i]
		want[i] = d + 4*a.Pass[i]
		best[i] = max(d, 0) + 4*a.Pass[i]
	}
	require.Equal(t, want, e.l)
	require.Equal(t, best, e.c)
	g, c := e.Evidence()
	require.Contains(t, want, g)
	require.Contains(t, best, c)
	hg, hc := e.Thresholds()
	require.Equal(t, []int64{ThresholdGlobal(500_000), ThresholdCusum(500_000, 64)}, []int64{hg, hc})
	require.Equal(t, Increments{}, IncrementsB(Ppb/2), "a device at one half tells nothing")
	require.Equal(t, Increments{}, IncrementsB(0))
	require.Equal(t, IncrementsA(MaxPassPpb), IncrementsA(Ppb))
	require.Equal(t, IncrementsA(1), IncrementsA(0))
	require.Equal(t, ThresholdGlobal(1), ThresholdGlobal(0))
	require.Equal(t, ThresholdCusum(7, 1), ThresholdCusum(7, 0))
	require.Equal(t, ThresholdCusum(7, 64), ThresholdCusum(7, 1<<60))
}

// The evidence of the largest job stays inside int64.
func TestEProcessRange(t *testing.T) {
	e := NewEProcess(MaxPassPpb, MaxPassPpb, 1, 64)
	require.True(t, e.Add(0, MaxTrials, 0, 0))
	g, c := e.Evidence()
	require.Positive(t, g)
	require.Equal(t, g, c)
	a := IncrementsA(MaxPassPpb)
	require.Equal(t, MaxTrials*a.Fail[Grid-1], e.l[Grid-1])
	e.Add(MaxTrials, MaxTrials, 0, 0)
	require.Equal(t, MaxTrials*(a.Fail[0]+a.Pass[0]), e.l[0])
}
