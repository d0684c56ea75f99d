package clock

import "time"

var started = time.Now()

func sinceStart() time.Duration { return time.Since(started) }
