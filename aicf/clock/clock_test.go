package clock

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var epoch = time.Unix(1_800_000_000, 0)

// TestSteadyNeverJumps: whatever the wall clock does, the time goes on, and by a
// twentieth more or less than real time.
func TestSteadyNeverJumps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var real, off time.Duration
		c := New(func() time.Time { return epoch.Add(real + off) }, func() time.Duration { return real })
		last, before := c.Now(), real
		for range rapid.IntRange(1, 50).Draw(t, "readings") {
			off = time.Duration(rapid.Int64Range(-3_600_000, 3_600_000).Draw(t, "off ms")) * time.Millisecond
			real += time.Duration(rapid.Int64Range(0, 60_000).Draw(t, "step ms")) * time.Millisecond
			now := c.Now()
			went, took := now.Sub(last), real-before
			if went < took-took/Drift || went > took+took/Drift {
				t.Fatalf("in %v the clock went %v", took, went)
			}
			last, before = now, real
		}
	})
}

// TestSteadyArrives: a clock that is off comes to the wall clock, and stays.
func TestSteadyArrives(t *testing.T) {
	for _, off := range []time.Duration{-time.Minute, 30 * time.Second} {
		var real, wrong time.Duration
		c := New(func() time.Time { return epoch.Add(real + wrong) }, func() time.Duration { return real })
		wrong = off
		for range 20 * 60 {
			real += time.Second
			c.Now()
		}
		require.Zero(t, c.Off())
		require.Equal(t, epoch.Add(real+wrong), c.Now())
	}
}

// TestReplicasFollowOneServer: two machines whose own clocks are wrong agree when
// both ask one server, half an answer's way from the truth at most.
func TestReplicasFollowOneServer(t *testing.T) {
	var real time.Duration
	elapsed := func() time.Duration { return real }
	server := func() time.Time { return epoch.Add(real) }
	a, b := NewSamples(server(), elapsed), NewSamples(server(), elapsed)
	first, second := New(a.Now, elapsed), New(b.Now, elapsed)
	for i := range 1000 {
		real += time.Second
		for j, s := range []*Samples{a, b} {
			asked := real
			real += time.Duration(j) * 10 * time.Millisecond // the way there
			at := server()
			real += time.Duration(i%3) * 10 * time.Millisecond // and back
			s.Add(at, asked)
		}
		apart := first.Now().Sub(second.Now())
		require.Less(t, apart.Abs(), 20*time.Millisecond)
	}
	require.Less(t, first.Now().Sub(server()).Abs(), 20*time.Millisecond)
}

func TestElapsedGoesOn(t *testing.T) {
	a := Elapsed()
	require.GreaterOrEqual(t, Elapsed(), a)
}
