package auditlog

import (
	"bytes"
	"context"
	"errors"
	"time"
)

// Interval is how often a running provider puts pending entries under a checkpoint. A log
// does so by itself behind 256 entries.
const Interval = 2 * time.Second

// Keep writes a checkpoint at each tick that finds pending entries, until ctx ends or ticks
// is closed. done is told of each new checkpoint, and of each failure.
func (l *Log) Keep(ctx context.Context, ticks <-chan time.Time, done func(signed []byte, err error)) {
	var last []byte
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-ticks:
			if !ok {
				return
			}
		}
		signed, err := l.Checkpoint(ctx)
		switch {
		case errors.Is(err, ErrCheckpoint): // nothing was logged yet
		case err != nil:
			done(nil, err)
		case !bytes.Equal(signed, last):
			last = signed
			done(signed, nil)
		}
	}
}
