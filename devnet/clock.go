package devnet

import (
	"sync"
	"time"
)

// Clock is a logical clock: it stands still until somebody advances it. Its methods may be
// called by many goroutines.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock is a clock that shows at.
func NewClock(at time.Time) *Clock { return &Clock{at: at} }

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock forward and returns its time; d below 0 moves nothing.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(max(d, 0))
	return c.at
}
