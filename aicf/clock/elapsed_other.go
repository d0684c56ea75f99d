//go:build !linux

package clock

import "time"

// Elapsed is the time since the process started.
func Elapsed() time.Duration { return sinceStart() }
