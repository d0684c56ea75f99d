package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps/zoo"
)

const economicsPage = "../../docs/design/economics.md"

// TestEconomicsPage: each line "case → answer" of the page is what omni aicf policy simulate
// answers, and the table of error rates is what package stats computes.
func TestEconomicsPage(t *testing.T) {
	raw, err := os.ReadFile(economicsPage)
	require.NoError(t, err)
	page, cases := string(raw), 0
	for _, line := range strings.Split(page, "\n") {
		in, want, ok := strings.Cut(strings.TrimSpace(line), " → ")
		if !ok || !strings.HasPrefix(in, `{"op":`) {
			continue
		}
		cases++
		var expected map[string]any
		require.NoError(t, json.Unmarshal([]byte(want), &expected), line)
		got := answers(t, in)[0]
		for k, v := range expected {
			require.Equal(t, v, got[k], "%s: %s", k, in)
		}
	}
	require.GreaterOrEqual(t, cases, 10)
	require.Contains(t, page, errorRates(t), "the table of error rates")
}

// errorRates is the page's table: what two rules do to an honest provider and to one that
// invents a share of its slots, over a window of 50 of the guide's jobs.
func errorRates(t *testing.T) string {
	const jobs, traps, ppb = 50, 410, 1_000_000_000
	policy, err := job.NamedTrapPolicy("ref@1")
	require.NoError(t, err)
	s, err := zoo.New(20, 120, 4096, 100_000, stats.Policy(policy.Record))
	require.NoError(t, err)
	p0 := s.Plan.PA
	n := uint64(jobs * traps * 3 / 4) // kind A
	// The rule of the network: the exact left tail over the window is at most 10^-6 / jobs.
	lo, hi := uint64(0), n
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if stats.LeftTail(mid, n, p0).Log10() <= -6-math.Log10(jobs) {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	// The naive rule: one job below 0.98 of its traps.
	naive := uint64(traps*98/100) - 1
	if traps*98%100 != 0 {
		naive++
	}
	atMost := func(k, n, p uint64) float64 { return math.Pow(10, stats.LeftTail(k, n, p).Log10()) }
	var b strings.Builder
	fmt.Fprintf(&b, "| provider | passes a trap with | naive rule takes its stake for one job | the network's rule, for a window |\n|---|---|---|---|\n")
	for _, row := range []struct {
		name string
		p    uint64
	}{
		{"honest, as noisy as `ref@1` expects", p0},
		{"honest, passes 0.985", 985_000_000},
		{"honest, passes 0.99", 990_000_000},
		{"invents 1 % of its slots", p0 - p0/100},
		{"invents 3 % of its slots", p0 - 3*(p0/100)},
		{"invents 10 % of its slots", p0 - p0/10},
	} {
		take := atMost(lo, n, row.p)
		word := fmt.Sprintf("%.1e", take)
		if take == 0 {
			word = "below 1e-300"
		}
		if take > 0.5 { // the complement is what is small
			word = fmt.Sprintf("1 - %.1e", atMost(n-lo-1, n, ppb-row.p))
		}
		fmt.Fprintf(&b, "| %s | %.4f | %.2g | %s |\n", row.name, float64(row.p)/ppb, atMost(naive, traps, row.p), word)
	}
	return b.String()
}
