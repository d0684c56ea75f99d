package sla

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func window(traps, qos, latency, availability Measurement) map[Dimension]Measurement {
	return map[Dimension]Measurement{Traps: traps, QoS: qos, Latency: latency, Availability: availability}
}

func m(num, den int64, samples uint64) Measurement { return Measurement{big.NewRat(num, den), samples} }

func TestEvaluate(t *testing.T) {
	for _, c := range []struct {
		name            string
		stake, offenses uint64
		m               map[Dimension]Measurement
		want            Verdict
	}{
		{"all well", 1000, 0, window(m(2, 100, 900), m(95, 100, 900), m(2000, 1, 900), m(995, 1000, 900)), Verdict{OK, None, 0, 0, 0, 1000}},
		{"low quality, few samples", 250_000, 0, window(m(0, 1, 0), m(93, 100, 50), m(1200, 1, 50), m(999, 1000, 144)), Verdict{Warning, None, 0, 0, 0, 250_000}},
		{"traps", 1_000_000, 0, window(m(6, 100, 1200), m(97, 100, 600), m(900, 1, 600), m(999, 1000, 288)), Verdict{Slashed, Major, 50_000, 2, 0, 950_000}},
		{"outage", 750_000, 0, window(m(0, 1, 800), m(99, 100, 800), m(1100, 1, 800), m(97, 100, 2880)), Verdict{Slashed, Critical, 200_000, 4, 2, 550_000}},
		{"second offense", 900_000, 1, window(m(0, 1, 0), m(80, 100, 1200), m(1800, 1, 1200), m(998, 1000, 576)), Verdict{Slashed, Major, 75_000, 3, 0, 825_000}},
		{"third offense", 825_000, 2, window(m(20, 100, 2000), m(99, 100, 800), m(1400, 1, 800), m(999, 1000, 288)), Verdict{Slashed, Critical, 400_000, 8, 4, 425_000}},
		{"late", 60_000, 0, window(m(0, 1, 0), m(98, 100, 500), m(3500, 1, 800), m(999, 1000, 288)), Verdict{Slashed, Minor, 10_000, 1, 0, 50_000}},
		{"the worst decides", 500_000, 0, window(m(5, 100, 900), m(90, 100, 900), m(5200, 1, 900), m(998, 1000, 288)), Verdict{Slashed, Major, 50_000, 2, 0, 450_000}},
		{"outage, few samples", 420_000, 0, window(m(0, 1, 0), m(99, 100, 120), m(1000, 1, 120), m(99, 100, 120)), Verdict{Warning, None, 0, 0, 0, 420_000}},
		{"never above the stake", 100, 9, window(m(20, 100, 2000), m(1, 1, 0), m(1, 1, 0), m(1, 1, 0)), Verdict{Slashed, Critical, 100, 8, 4, 0}},
	} {
		v, err := Default().Evaluate(c.stake, c.offenses, c.m)
		require.NoError(t, err)
		require.Equal(t, &c.want, v, c.name)
	}
	_, err := Default().Evaluate(MaxStake+1, 0, nil)
	require.ErrorIs(t, err, ErrTable)
	empty := Default()
	empty.Multipliers = nil
	_, err = empty.Evaluate(1, 0, window(m(1, 1, 900), m(1, 1, 0), m(1, 1, 0), m(1, 1, 0)))
	require.ErrorIs(t, err, ErrTable)
	_, err = ParseSeverity("")
	require.ErrorIs(t, err, ErrTable)
}

func TestHealth(t *testing.T) {
	beat := func(t, latency int64, ok bool) Beat { return Beat{big.NewRat(t, 1), ok, big.NewRat(latency, 1)} }
	h := NewHealth()
	for _, c := range []struct {
		b      Beat
		want   Outcome
		score  float64
		status string
	}{
		{beat(1000, 250, true), Counted, 0.5, "DEGRADED"},
		{beat(1030, 100, true), Counted, 0.7442899921085615, "HEALTHY"},
		{beat(1030, 100, true), Ignored, 0.7442899921085615, "HEALTHY"},
		{beat(1029, 1, false), Ignored, 0.7442899921085615, "HEALTHY"},
		{beat(1030, 100, false), Refused, 0.7442899921085615, "HEALTHY"},
		{beat(1031, -1, true), Refused, 0.7442899921085615, "HEALTHY"},
		{beat(1060, 0, false), Counted, 0.5963781158596762, "HEALTHY"},
		{beat(1960, 0, false), Counted, 0.5963781158596762 * 0.5 * 0.74, "DEGRADED"},
		{beat(2860, 625, true), Counted, 0.4439562196462751, "DEGRADED"},
	} {
		require.Equal(t, c.want, h.Add(c.b))
		got, _ := h.Score().Float64()
		require.InDelta(t, c.score, got, 1e-12)
		require.Equal(t, c.status, h.Status())
	}
	require.Equal(t, Counted, h.Add(beat(1<<50, 0, false)))
	require.Zero(t, h.Score().Sign(), "a score dies out")
	require.Equal(t, "UNRESPONSIVE", h.Status())
	require.Equal(t, Refused, NewHealth().Add(Beat{T: big.NewRat(-1, 1)}))
}

// A score stays within 0..1 and replaying a log of beats changes nothing.
func TestHealthIsBoundedAndIdempotent(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	h := NewHealth()
	now := int64(0)
	for range 500 {
		now += r.Int64N(400)
		b := Beat{T: big.NewRat(now, 1), OK: r.IntN(3) > 0}
		if r.IntN(2) == 0 {
			b.LatencyMS = big.NewRat(r.Int64N(2000), 1)
		}
		h.Add(b)
		score, status := h.Score(), h.Status()
		require.True(t, score.Sign() >= 0 && score.Cmp(big.NewRat(1, 1)) <= 0)
		require.NotEqual(t, Counted, h.Add(b))
		require.Zero(t, score.Cmp(h.Score()))
		require.Equal(t, status, h.Status())
	}
}
