// Package clock is the time of a network's service: it does not jump.
//
// Leases, heartbeats and windows end by time, so a wall clock that leaps ahead
// for a minute would end them all, and stake would be held for it. Steady goes on
// by a clock that only measures and drifts towards the wall clock, at most a
// twentieth faster or slower than real time. Samples turns the clock of another
// machine, the database server's, into a wall clock for it: replicas that follow
// one server agree.
//
// It does not know which of two clocks is right: a service that starts with a
// wrong clock is wrong until the drift has made up for it.
package clock

import (
	"context"
	"sync"
	"time"
)

// Drift is the part of the real time by which Steady runs fast or slow while it
// is off.
const Drift = 20 // one in 20

// Steady is a clock that never jumps and never goes back.
type Steady struct {
	wall    func() time.Time
	elapsed func() time.Duration

	mu  sync.Mutex
	at  time.Time     // what it says,
	was time.Duration // at this reading of elapsed
}

// New starts a clock at what wall says. elapsed is a clock that only measures
// real time, from any origin (Elapsed).
func New(wall func() time.Time, elapsed func() time.Duration) *Steady {
	return &Steady{wall: wall, elapsed: elapsed, at: wall().Round(0), was: elapsed()}
}

// Now is the time.
func (s *Steady) Now() time.Time {
	now, _ := s.read()
	return now
}

// Off is how far the wall clock is ahead; negative: behind.
func (s *Steady) Off() time.Duration {
	_, off := s.read()
	return off
}

func (s *Steady) read() (now time.Time, off time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := max(s.elapsed()-s.was, 0)
	s.was += d
	s.at = s.at.Add(d)
	off = s.wall().Round(0).Sub(s.at) // Round(0): the wall, not its monotonic reading
	step := min(max(off, -d/Drift), d/Drift)
	s.at = s.at.Add(step)
	return s.at, off - step
}

// Samples is a clock elsewhere, as it was read last.
type Samples struct {
	elapsed func() time.Duration

	mu  sync.Mutex
	at  time.Time
	was time.Duration
}

// NewSamples starts with a first reading.
func NewSamples(first time.Time, elapsed func() time.Duration) *Samples {
	return &Samples{elapsed: elapsed, at: first, was: elapsed()}
}

// longest is how long an answer may take that says what time it is.
const longest = time.Second

// Add takes a reading: at is what the clock said between now and asked, when
// elapsed was read before. An answer that took more than a second is not used.
func (s *Samples) Add(at time.Time, asked time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.elapsed()
	if now-asked > longest {
		return
	}
	s.at, s.was = at.Add((now-asked)/2), now
}

// Follow asks the clock at each beat until ctx ends. A question that fails changes
// nothing: the last reading goes on.
func (s *Samples) Follow(ctx context.Context, beat <-chan time.Time, ask func(context.Context) (time.Time, error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat:
		}
		asked := s.elapsed()
		if at, err := ask(ctx); err == nil {
			s.Add(at, asked)
		}
	}
}

// Now is what the clock says now, by the last reading.
func (s *Samples) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at.Add(s.elapsed() - s.was)
}
