package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Elapsed is the time since the machine started, the time that it slept
// included.
func Elapsed() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return sinceStart()
	}
	return time.Duration(t.Nano())
}
