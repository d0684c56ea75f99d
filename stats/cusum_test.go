package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCusumAgainstFloats follows random jobs with float64 logarithms.
func TestCusumAgainstFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(61, 1))
	for range 50 {
		c := NewCusum(10_000)
		_, limit := c.Evidence()
		require.InDelta(t, math.Log(5*10_000), EvidenceFloat(limit), 1e-9)
		var want [Grid]float64
		for range 40 {
			pA, pB := 500_000_000+r.Uint64N(490_000_000), 600_000_000+r.Uint64N(390_000_000)
			nA, nB := r.Uint64N(300), r.Uint64N(100)
			kA, kB := nA-r.Uint64N(nA/3+1), nB-r.Uint64N(nB/3+1)
			alarm, top := false, 0.0
			for i, g := range []float64{.5, .75, .9, .95, .98} {
				p, q := float64(pA)/Ppb, g*float64(pA)/Ppb
				u, v := float64(pB)/Ppb, .5+g*(float64(pB)/Ppb-.5)
				d := float64(kA)*math.Log(q/p) + float64(nA-kA)*math.Log((1-q)/(1-p)) + float64(kB)*math.Log(v/u) + float64(nB-kB)*math.Log((1-v)/(1-u))
				want[i] = max(want[i], 0) + d
				alarm = alarm || want[i] >= math.Log(5*10_000)
				top = max(top, want[i])
			}
			require.Equal(t, alarm, c.Add(pA, pB, kA, nA, kB, nB))
			if alarm {
				want, top = [Grid]float64{}, 0
			}
			now, _ := c.Evidence()
			require.InDelta(t, top, EvidenceFloat(now), 1e-5)
		}
	}
}

// TestCusumDelay: the drift that one job of 20 x 20 cannot show, .826 to .80, is
// found in a few dozen jobs, a persistent tenth of the slots in a few; an honest
// device alarms in fewer than one of ten runs of 1000 jobs at one in 10,000.
func TestCusumDelay(t *testing.T) {
	r := rand.New(rand.NewPCG(62, 1))
	const pA, pB, nA, nB = 826_175_210, 882_582_000, 308, 102
	play := func(a, b float64, most int) int {
		c := NewCusum(10_000)
		for j := range most {
			var kA, kB uint64
			for range nA {
				if r.Float64() < a {
					kA++
				}
			}
			for range nB {
				if r.Float64() < b {
					kB++
				}
			}
			if c.Add(pA, pB, kA, nA, kB, nB) {
				require.Equal(t, j, c.FirstAlarm())
				return j + 1
			}
		}
		return most + 1
	}
	drift, fake, alarms := 0, 0, 0
	for range 40 {
		drift += play(.80, .865, 200)
		fake += play(.9*.826, .9*.8826+.05, 200)
		if play(pA/1e9, pB/1e9, 1000) <= 1000 {
			alarms++
		}
	}
	require.Less(t, float64(drift)/40, 40.0)
	require.Less(t, float64(fake)/40, 6.0)
	require.LessOrEqual(t, alarms, 8)
}

// TestFloorsAgainstFloats checks the two lower bounds on pass rates.
func TestFloorsAgainstFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(63, 1))
	for range 500 {
		p := Policy{P1: r.Uint64N(2_000_000), P2: r.Uint64N(10_000_000), RO: r.Uint64N(20_000_000)}
		n1, n2, w := r.Uint64N(2000), r.Uint64N(600), r.Uint64N(40)
		p1, p2, ro := float64(p.P1)/Ppb, float64(p.P2)/Ppb, float64(p.RO)/Ppb
		pow := func(x float64, n uint64) float64 { return math.Pow(x, float64(n)) }
		require.InDelta(t, pow(1-p1, n1)*pow(1-p2, n2)*pow(1-ro, w)*Ppb, NoError(n1, n2, w, p), 1100)
		require.InDelta(t, (1+pow(1-4*p1/3, n1)*pow(1-16*p2/15, n2)*pow(1-2*ro, w))/2*Ppb, ParityFloor(n1, n2, w, p), 1100)
		_, pB := PassRates(n1, n2, w, p)
		if w > 3 { // PassRates counts more per error there
			require.LessOrEqual(t, ParityFloor(n1, n2, w, p), pB)
		}
	}
	require.Equal(t, uint64(Ppb/2), ParityFloor(1<<40, 1<<40, 4, Policy{P1: Ppb, P2: Ppb, RO: Ppb}))
	require.Zero(t, NoError(1, 1, 1, Policy{P1: Ppb}))
}
