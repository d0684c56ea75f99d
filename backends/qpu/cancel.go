package qpu

import (
	"context"
	"time"

	"github.com/animicaorg/engine/plugins/driver"
)

// cancelTime bounds how long a cancellation may take to reach the vendor.
const cancelTime = 10 * time.Second

// cancelTries is how often the vendor is asked about a submission whose end is not
// known before it counts as never made.
const cancelTries = 4

// cancel tells the vendor after the caller has gone, who does not wait for it;
// Close does. jobID is empty when the caller went while the submission was on its
// way: then the vendor's job is looked for by the key.
func (b *Backend) cancel(ctx context.Context, s *driver.Submission, jobID string) {
	b.tidy.Go(func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
		defer stop()
		for try := 0; jobID == "" && try < cancelTries; try++ {
			var err error
			if jobID, err = b.recover(ctx, s); err != nil {
				return // the intent stays in the journal
			}
			if jobID == "" && b.cfg.Sleep(ctx, pause(try)) != nil {
				return
			}
		}
		if c, _, _, err := b.cfg.Acquire(ctx); err == nil && jobID != "" {
			_, _ = c.Cancel(ctx, jobID) // the caller's end is what is reported
		}
	})
}
