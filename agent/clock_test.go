package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClock measures by answers, and by what happens to the clock between them.
func TestClock(t *testing.T) {
	service := time.Unix(1_800_000_000, 0)
	wall, steady := service, time.Duration(0)
	c := &Clock{Now: func() time.Time { return wall }, Steady: func() time.Duration { return steady }}
	pass := func(d time.Duration) { wall, steady = wall.Add(d), steady+d }
	require.NoError(t, c.Check(), "no answer yet")

	// An answer that was on its way for 200 ms; the service's time is cut to seconds, so
	// half a second is open and the middle lies 600 ms ahead at the true skew of 0.
	heard := func(skew time.Duration) {
		wall = service.Add(skew)
		c.Heard(wall, wall.Add(200*time.Millisecond), service)
	}
	for _, x := range []struct {
		skew time.Duration
		ok   bool
	}{{0, true}, {5 * time.Second, true}, {-4800 * time.Millisecond, true}, {6 * time.Second, true}, {6001 * time.Millisecond, false}, {-5200 * time.Millisecond, true},
		{-5201 * time.Millisecond, false}, {time.Hour, false}, {-time.Hour, false}} {
		heard(x.skew)
		if err := c.Check(); x.ok {
			require.NoError(t, err, x.skew)
		} else {
			require.ErrorIs(t, err, ErrClockSkew, x.skew)
		}
	}
	require.ErrorContains(t, c.Check(), "behind")

	// The clock is turned after the last answer.
	heard(0)
	pass(time.Hour)
	require.NoError(t, c.Check(), "time passes")
	wall = wall.Add(7 * time.Second)
	require.ErrorIs(t, c.Check(), ErrClockSkew)
	require.ErrorContains(t, c.Check(), "ahead")
	wall = wall.Add(-14 * time.Second)
	require.ErrorIs(t, c.Check(), ErrClockSkew)
	require.ErrorContains(t, c.Check(), "behind")
	heard(0)
	require.NoError(t, c.Check(), "it was set right, and measured again")

	real := &Clock{}
	real.Heard(time.Now(), time.Now(), time.Now())
	require.NoError(t, real.Check())
	real.Heard(time.Now(), time.Now(), time.Now().Add(-time.Minute))
	require.ErrorIs(t, real.Check(), ErrClockSkew)
}
