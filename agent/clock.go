package agent

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// MaxSkew is the most by which this machine's clock may differ from the service's while
// proofs are signed and offers taken.
const MaxSkew = 5 * time.Second

// ErrClockSkew says that the clock here is not to be trusted with a signature's time.
var ErrClockSkew = errors.New("this machine's clock differs from the service's")

// Clock knows how far this machine's clock is from the service's: by the times in signed
// answers, and between them by a second clock that nobody sets, so that a clock which is
// turned after the last answer is noticed before anything is signed.
type Clock struct {
	Now    func() time.Time     // nil: time.Now
	Steady func() time.Duration // since some moment; nil: the system's monotonic clock

	mu           sync.Mutex
	known        bool
	ahead, slack time.Duration // of this machine's clock; how far the measurement may be off
	wall         time.Time     // when it was measured
	steady       time.Duration
}

var began = time.Now()

func (c *Clock) read() (wall time.Time, steady time.Duration) {
	wall, steady = time.Now(), time.Since(began)
	if c.Now != nil {
		wall = c.Now()
	}
	if c.Steady != nil {
		steady = c.Steady()
	}
	return wall.Round(0), steady // without the monotonic reading
}

// Heard measures by an answer: the service's clock showed service, or up to a second more,
// at some moment between sent and got.
func (c *Clock) Heard(sent, got, service time.Time) {
	const resolution = time.Second // of the time in a signature
	sent, got = sent.Round(0), got.Round(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.steady = c.read()
	c.ahead = (sent.Sub(service) + got.Sub(service) - resolution) / 2
	c.slack = (got.Sub(sent) + resolution) / 2
	c.known = true
}

// Check refuses while the clock is more than MaxSkew from the service's, beyond what the
// measurement leaves open. It says nothing before the first answer.
func (c *Clock) Check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return nil
	}
	wall, steady := c.read()
	ahead := c.ahead + wall.Sub(c.wall) - (steady - c.steady)
	if ahead.Abs()-c.slack <= MaxSkew {
		return nil
	}
	way := "ahead"
	if ahead < 0 {
		way = "behind"
	}
	return fmt.Errorf("%w: it is %s %s, give or take %s, at most %s is allowed", ErrClockSkew, ahead.Abs().Round(time.Millisecond), way, c.slack.Round(time.Millisecond), MaxSkew)
}
