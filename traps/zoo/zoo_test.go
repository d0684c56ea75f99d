package zoo

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
)

var sizes = [][2]int{{8, 16}, {20, 20}, {20, 120}}

func setup(t testing.TB, w, d int) *Setup {
	t.Helper()
	s, err := New(w, d, Shots, RatioPPM, stats.RefPolicy())
	require.NoError(t, err)
	return s
}

func find(t testing.TB, name string) Strategy {
	t.Helper()
	st, ok := Find(name)
	require.True(t, ok, name)
	return st
}

// few is a number of jobs that a test can afford.
func few(st Strategy) int {
	if st.Frames() {
		return 256
	}
	return 4000
}

// TestReference holds every reference row against a measured run, and its limits,
// pass rates and bounds against those of the plan.
func TestReference(t *testing.T) {
	rows, err := References()
	require.NoError(t, err)
	require.Len(t, rows, 45)
	for _, z := range sizes {
		s := setup(t, z[0], z[1])
		for _, r := range rows {
			if r.Size != s.Size() {
				continue
			}
			st := find(t, r.Strategy)
			c, err := s.Run(t.Context(), st, few(st), Measured, 0)
			require.NoError(t, err)
			p, err := s.Predict(t.Context(), st, 1, 0)
			require.NoError(t, err)
			require.Equal(t, Prediction{r.Detect, r.Jobs, SourceReference}, p)
			require.Less(t, math.Abs(p.Sigmas(c)), 4.0, "%s %s: %v against %v", r.Size, r.Strategy, c.Share(), r.Detect)
			require.Equal(t, r.Accept, [2]int{int(s.Plan.CA), int(s.Plan.CB)})
			rate := float64(c.PassA) / float64(c.TrapsA)
			if r.Strategy != "replay" { // the reference replays an older job, the zoo this one
				require.InDelta(t, r.PassA, rate, 1e-4+4*math.Sqrt(2*r.PassA*(1-r.PassA)/float64(min(c.TrapsA, 40_000))), "%s %s", r.Size, r.Strategy)
			}
			if m, ok := s.MissUpper(st, c); ok && r.Miss != nil && *r.Miss > 0 && !st.Frames() {
				require.InEpsilon(t, *r.Miss, m.Float(), 1e-3, "%s %s", r.Size, r.Strategy)
			}
		}
	}
}

// TestCertifiedMisses: what is called certain is missed with at most 1e-6.
func TestCertifiedMisses(t *testing.T) {
	all := []string{"8x16", "20x20", "20x120"}
	for name, at := range map[string][]string{"uniform": all, "constant": all, "replay": all, "fake-half": all, "omit-cz": all, "half-depth": all, "one-cz": all,
		"drop": all, "shuffle": all, "hand-counts": all, "fake-30": all[:2], "fake-25": all[:2], "noise-3": all[1:]} {
		for _, z := range sizes {
			s := setup(t, z[0], z[1])
			if !strings.Contains(strings.Join(at, " "), s.Size()) {
				continue
			}
			st := find(t, name)
			c, err := s.Run(t.Context(), st, few(st), Predicted, 0)
			require.NoError(t, err)
			m, ok := s.MissUpper(st, c)
			require.True(t, ok, name)
			require.LessOrEqual(t, m.Log10(), -6.0, "%s %s", name, s.Size())
			require.Equal(t, c.Jobs, c.Detected, "%s %s", name, s.Size())
		}
	}
}

// TestPositions: strategies that fake some windows are always found out, though
// not before they begin, and have no bound of the final tests.
func TestPositions(t *testing.T) {
	s := setup(t, 8, 16)
	for _, name := range []string{"burst", "stop-75"} {
		st := find(t, name)
		c, err := s.Run(t.Context(), st, 4000, Predicted, 0)
		require.NoError(t, err)
		require.Equal(t, c.Jobs, c.Detected)
		_, ok := s.MissUpper(st, c)
		require.False(t, ok)
	}
	windows := 0
	for j := range 64 {
		if a, b := s.Rates(find(t, "burst"), j); a < .1 {
			windows++
			require.Equal(t, .5, b)
		}
	}
	require.Equal(t, 8, windows)
}

// TestNotDetected: traps say nothing about these, and must not seem to.
func TestNotDetected(t *testing.T) {
	for _, z := range sizes {
		s := setup(t, z[0], z[1])
		for _, name := range []string{"traps-honest", "classical", "honest"} {
			c, err := s.Run(t.Context(), find(t, name), 4000, Measured, 0)
			require.NoError(t, err)
			require.LessOrEqual(t, c.Share(), 0.00325, "%s %s: 1e-3 and four standard deviations", name, s.Size()) // 13 of 4000
		}
	}
}

// TestThreads: neither goroutines nor the size of the run change a job; another
// seed does.
func TestThreads(t *testing.T) {
	s := setup(t, 20, 120)
	for _, st := range []Strategy{find(t, "fake-25"), find(t, "conjugate")} {
		one, err := s.Run(t.Context(), st, 200, Measured, 1)
		require.NoError(t, err)
		require.EqualValues(t, 200, one.Jobs)
		for _, n := range []int{2, 3, 8} {
			c, err := s.Run(t.Context(), st, 200, Measured, n)
			require.NoError(t, err)
			require.Equal(t, one, c)
		}
		other, err := s.Run(t.Context(), st, 200, Predicted, 0)
		require.NoError(t, err)
		require.NotEqual(t, one.PassA, other.PassA)
	}
	c, err := s.Run(t.Context(), find(t, "honest"), 0, Measured, 0)
	require.NoError(t, err)
	require.Zero(t, c)
}

// TestHonestFrames: frames without an attack pass as the closed forms say, which
// are lower bounds.
func TestHonestFrames(t *testing.T) {
	for _, z := range [][2]int{{1, 4}, {2, 4}, {4, 8}, {8, 16}, {12, 25}} {
		s := setup(t, z[0], z[1])
		c, err := s.Run(t.Context(), Strategy{Name: "frames", attack: &attack{}}, 2000, Measured, 0)
		require.NoError(t, err)
		for _, k := range []struct {
			pass, traps, rate uint64
		}{{c.PassA, c.TrapsA, s.Plan.PA}, {c.PassB, c.TrapsB, s.Plan.PB}} {
			p := float64(k.rate) / stats.Ppb
			sd := math.Sqrt(p * (1 - p) / float64(k.traps))
			d := float64(k.pass)/float64(k.traps) - p
			require.Greater(t, d, -4*sd, "%v", z)
			require.Less(t, d, 4*sd+0.003, "%v", z)
		}
	}
}

// TestOmissionRates: pass rates of kind A with omitted CZ, from another program.
func TestOmissionRates(t *testing.T) {
	for _, r := range []struct {
		w, d           int
		all, half, one float64
	}{{4, 8, .1115, .1841, .493225}, {8, 16, .0045, .0087, .4704}, {20, 20, 0, 0, .41715}} {
		s := setup(t, r.w, r.d)
		for name, want := range map[string]float64{"omit-cz": r.all, "half-depth": r.half, "one-cz": r.one} {
			c, err := s.Run(t.Context(), find(t, name), 512, Measured, 0)
			require.NoError(t, err)
			require.InDelta(t, want, float64(c.PassA)/float64(c.TrapsA), 1e-4+5*math.Sqrt(want*(1-want)/40_000), "%s %s", name, s.Size())
		}
	}
}

// TestPadsAreNeeded: without pads kind A passes a device that omits every CZ more
// often than an honest one.
func TestPadsAreNeeded(t *testing.T) {
	for _, r := range []struct {
		w, d int
		want float64 // from another program
	}{{8, 16, .9543}, {20, 20, .89195}, {20, 120, .83265}} {
		s := setup(t, r.w, r.d)
		all := func(int, int, int) bool { return true }
		c, err := s.Run(t.Context(), Strategy{Name: "bare", attack: &attack{omit: all, bare: true}}, 256, Measured, 0)
		require.NoError(t, err)
		rate := float64(c.PassA) / float64(c.TrapsA)
		require.InDelta(t, r.want, rate, .008)
		require.Greater(t, rate, float64(s.Plan.PA)/stats.Ppb)
		if r.d < 120 { // there too few traps of kind B are left to be certain
			require.EqualValues(t, c.Jobs, c.Detected, "kind B is not fooled")
		}
	}
}

// TestCancelled: a run ends with its context.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := setup(t, 4, 8).Run(ctx, find(t, "honest"), 1000, Measured, 2)
	require.ErrorIs(t, err, context.Canceled)
	_, err = setup(t, 4, 8).Predict(ctx, find(t, "honest"), 1000, 2)
	require.ErrorIs(t, err, context.Canceled)
}

// TestConjugation: kind A is blind to it, kind B sees it; at width 2 in 0.267 of
// the cases.
func TestConjugation(t *testing.T) {
	for _, r := range []struct {
		w, d     int
		min, max float64 // failures of kind B
	}{{2, 4, .2, .35}, {8, 16, .42, .5}, {20, 20, .44, .51}} {
		s := setup(t, r.w, r.d)
		c, err := s.Run(t.Context(), find(t, "conjugate"), 1024, Measured, 0)
		require.NoError(t, err)
		require.InDelta(t, float64(s.Plan.PA)/stats.Ppb, float64(c.PassA)/float64(c.TrapsA), .004)
		fails := 1 - float64(c.PassB)/float64(c.TrapsB)
		require.True(t, fails > r.min && fails < r.max, "%s: %v", s.Size(), fails)
	}
}

func TestRareLanes(t *testing.T) {
	for _, p := range []uint64{1_000, 10_000_000, 300_000_000} {
		w, err := newWords(Measured, "test", p)
		require.NoError(t, err)
		r, n, rounds := newRare(ppb(p)), 0, 40_000
		var per [64]int
		for range rounds {
			v := w.rareLanes(r)
			for i := range per {
				per[i] += int(v >> i & 1)
				n += int(v >> i & 1)
			}
		}
		want := float64(p) / stats.Ppb * float64(rounds)
		require.InDelta(t, 64*want, n, 5*math.Sqrt(64*want)+1)
		for i := range per {
			require.InDelta(t, want, per[i], 5*math.Sqrt(want)+3, "lane %d", i)
		}
	}
}

func TestPower(t *testing.T) {
	for _, z := range sizes {
		p := setup(t, z[0], z[1]).Plan
		last := uint64(0)
		for _, level := range Levels {
			f := Smallest(p, level)
			require.Greater(t, f, last)
			require.LessOrEqual(t, Miss(p, f).Log10(), math.Log10(level))
			require.Greater(t, Miss(p, f-1).Log10(), math.Log10(level))
			last = f
		}
	}
	s, err := New(20, 120, 64, RatioPPM, stats.RefPolicy())
	require.NoError(t, err)
	require.True(t, s.Plan.Insufficient())
	require.Equal(t, None, Smallest(s.Plan, .5))
	s, err = New(20, 120, 4096, 0, stats.RefPolicy())
	require.NoError(t, err)
	require.Equal(t, None, Smallest(s.Plan, .5))
	require.Zero(t, Miss(s.Plan, stats.Million).Log10(), "without traps everything passes")
	require.True(t, math.IsInf(Bound{}.Log10(), -1))
}

func TestShapesOutsideAreRefused(t *testing.T) {
	for _, z := range [][2]int{{0, 4}, {4, 0}, {-1, 4}, {traps.MaxLocations + 1, 1}, {4096, 100}, {1 << 40, 1 << 40}} {
		_, err := New(z[0], z[1], Shots, RatioPPM, stats.RefPolicy())
		require.ErrorIs(t, err, traps.ErrDomain, "%v", z)
	}
	_, ok := Find("nobody")
	require.False(t, ok)
	require.Len(t, Strategies(), 22)
	rows := map[int]bool{}
	for _, s := range Strategies() {
		rows[s.Row] = true
		require.NotEmpty(t, s.What)
	}
	require.Len(t, rows, 20, "the honest device and nineteen strategies")
}

// TestAcceptance plays 20,000 jobs a row: honest jobs are found out at most 35
// times, strategies with a certified miss of at most 1e-6 always.
func TestAcceptance(t *testing.T) {
	for _, size := range [][2]int{{8, 16}, {20, 20}, {20, 120}} {
		s := setup(t, size[0], size[1])
		c, err := s.Run(context.Background(), find(t, "honest"), 20_000, Measured, 0)
		require.NoError(t, err)
		require.LessOrEqual(t, c.Detected, uint64(35), s.Size())
		require.Positive(t, c.Detected, s.Size())
	}
	for _, row := range []struct {
		strategy string
		w, d     int
	}{{"uniform", 8, 16}, {"fake-half", 20, 120}, {"fake-30", 20, 20}, {"fake-25", 20, 20}, {"burst", 20, 20}, {"stop-75", 20, 120}, {"noise-3", 20, 20}} {
		s, st := setup(t, row.w, row.d), find(t, row.strategy)
		c, err := s.Run(context.Background(), st, 20_000, Measured, 0)
		require.NoError(t, err)
		require.Equal(t, c.Jobs, c.Detected, "%s %s", row.strategy, s.Size())
	}
}
