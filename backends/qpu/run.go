package qpu

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

const (
	pollWait = 10 * time.Second // of one Get
	// retries bounds how often one step is tried again when the vendor says that
	// trying again helps.
	retries = 8
)

// Run implements backends.Backend: the batch in parts of what the device takes at
// once, each submitted, awaited and fetched. An end of ctx cancels at the vendor.
func (b *Backend) Run(ctx context.Context, batch *backends.Batch, emit backends.Emit) error {
	if err := batch.Validate(); err != nil {
		return err
	}
	if !b.device.Verbatim {
		return fmt.Errorf("device %s changes circuits before it runs them, so traps would mean nothing: %w", b.device.Id, backends.ErrUnsupported)
	}
	if b.countsOnly() {
		return b.runCounts(ctx, batch, emit)
	}
	step := int(min(max(1, b.device.GetLimits().GetMaxSlotsPerSubmit()), 1<<20))
	row := batch.Rows.Locations * batch.Rows.ElemSize
	step = min(step, max(1, b.maxBytes()/row))
	for first := 0; first < batch.Rows.N; first += step {
		n := min(step, batch.Rows.N-first)
		s := b.submission(batch, first, n, 1, driverv1.ResultKind_RESULT_KIND_PER_SHOT)
		if err := b.part(ctx, s, batch.Rows.First+uint64(first), emit); err != nil {
			return fmt.Errorf("slots %d to %d: %w", first, first+n-1, err)
		}
	}
	return nil
}

func (b *Backend) maxBytes() int {
	if m := b.device.GetLimits().GetMaxProgramBytes(); m > 0 && m < driver.MaxProgramBytes {
		return int(m)
	}
	return driver.MaxProgramBytes
}

// maxAttempts bounds how many jobs of one submission may have ended without
// outcomes before it is refused.
const maxAttempts = 64

// part takes one submission to its end. A job of an earlier run is taken up where
// it is; one that ended at the vendor without outcomes (cancelled, failed, expired)
// is followed by the next attempt, under a key of its own.
func (b *Backend) part(ctx context.Context, s *driver.Submission, slot uint64, emit backends.Emit) error {
	first := s.Key
	for attempt := uint32(0); attempt < maxAttempts; attempt++ {
		s.Key = attemptKey(first, attempt)
		jobID, before, err := b.submit(ctx, s)
		if err == nil {
			err = b.wait(ctx, jobID)
		}
		var ended *endedError
		if before && errors.As(err, &ended) {
			b.cfg.Note(fmt.Sprintf("job %s of an earlier run is %s and left no outcomes: this is attempt %d", jobID, ended.state, attempt+2))
			continue
		}
		if before && err == nil {
			b.cfg.Note(fmt.Sprintf("%s accepted this submission before, as job %s: its outcomes are fetched, nothing runs again; another seed makes another execution", b.device.Id, jobID))
		}
		if err == nil {
			err = b.finish(ctx, s, jobID, slot, emit)
		}
		if err != nil && ctx.Err() != nil {
			b.cancel(ctx, s, jobID)
		}
		if before {
			err = gone(err, jobID)
		}
		return err
	}
	return fmt.Errorf("%d jobs of this submission ended at %s without outcomes: take a new lease, or for a job without a lease another seed: %w", maxAttempts, b.device.Id, backends.ErrUnavailable)
}

// gone adds the next step to the error of a job of an earlier run that the vendor
// does not have any more: what it gave is lost, and it ran.
func gone(err error, jobID string) error {
	var de *driver.Error
	if !errors.As(err, &de) || de.Code != driver.UnknownJob && de.Code != driver.ResultGone {
		return err
	}
	e := *de
	e.Hint = "a transcript is executed once, and job " + jobID + " of an earlier run executed it: take a new lease, or for a job without a lease another spec.seed"
	return &e
}

// acquire waits for the driver, for Patience at most.
func (b *Backend) acquire(ctx context.Context) (*driver.Client, *driverv1.Description, <-chan struct{}, error) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	c, about, gone, err := b.cfg.Acquire(ctx)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%w: %w", err, backends.ErrUnavailable)
	}
	return c, about, gone, nil
}

// finish passes the outcomes of a job that succeeded on.
func (b *Backend) finish(ctx context.Context, s *driver.Submission, jobID string, slot uint64, emit backends.Emit) error {
	next := uint64(0)
	for try := 0; ; try++ {
		c, _, _, err := b.acquire(ctx)
		if err != nil {
			return err
		}
		began := next
		if s.Kind == driverv1.ResultKind_RESULT_KIND_COUNTS {
			err = b.fetchCounts(ctx, c, s, jobID, emit)
		} else {
			err = b.fetch(ctx, c, s, jobID, slot, &next, emit)
		}
		var de *driver.Error
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || try >= retries && next == began:
			return err
		case errors.Is(err, driver.ErrDied), errors.As(err, &de) && de.Retryable:
		default:
			return err
		}
		if err := b.cfg.Sleep(ctx, pause(min(try, 4))); err != nil {
			return err
		}
	}
}

// wait follows the job to its end.
func (b *Backend) wait(ctx context.Context, jobID string) error {
	for try := 0; ; {
		c, _, _, err := b.acquire(ctx)
		if err != nil {
			return err
		}
		j, err := c.Get(ctx, jobID, pollWait)
		var de *driver.Error
		switch {
		case err == nil && j.State == driverv1.JobState_JOB_STATE_SUCCEEDED:
			return nil
		case err == nil && j.State > driverv1.JobState_JOB_STATE_SUCCEEDED:
			return &endedError{jobID, stateName(j.State), failure(j)}
		case err == nil:
			try = 0
			if err := b.cfg.Sleep(ctx, j.NextPoll.AsDuration()); err != nil {
				return err
			}
			continue
		case ctx.Err() != nil || try >= retries:
			return err
		case errors.Is(err, driver.ErrDied), errors.As(err, &de) && (de.Retryable || de.Code == driver.Deadline):
		default:
			return err
		}
		wait := pause(min(try, 4))
		if de != nil {
			wait = max(wait, de.RetryAfter)
		}
		try++
		if err := b.cfg.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// endedError: the vendor ended the job without outcomes.
type endedError struct {
	jobID, state string
	why          error
}

func (e *endedError) Error() string {
	return "job " + e.jobID + " is " + e.state + ": " + e.why.Error()
}
func (e *endedError) Unwrap() error { return e.why }

func stateName(s driverv1.JobState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "JOB_STATE_"))
}

func failure(j *driverv1.Job) error {
	if e := driver.FromDetail(j.Error); e != nil {
		return e
	}
	return errors.New("the driver gives no reason")
}

// fetch streams from slot *next on, which it advances with every whole body.
func (b *Backend) fetch(ctx context.Context, c *driver.Client, s *driver.Submission, jobID string, slot uint64, next *uint64, emit backends.Emit) error {
	width := s.Batch.Skeleton.Width
	return c.Results(ctx, jobID, *next, driver.ChunkBytes, func(chunk *driverv1.ResultChunk) error {
		if h := chunk.GetHeader(); h != nil {
			switch {
			case h.Kind != driverv1.ResultKind_RESULT_KIND_PER_SHOT:
				return fmt.Errorf("job %s: %s: %w", jobID, h.Kind, ErrResultKind)
			case int(h.Width) != width || h.Total != s.Slots():
				return fmt.Errorf("job %s: %d outcomes of %d bits, want %d of %d: %w", jobID, h.Total, h.Width, s.Slots(), width, driver.ErrBroken)
			}
			return nil
		}
		body := chunk.GetBody()
		if body == nil {
			return nil
		}
		o := &guest.Outcomes{First: slot + body.First, N: int(body.N), Width: width, Rows: body.Rows, Present: body.Present}
		if len(o.Present) == 0 {
			o.Present = make([]byte, (o.N+7)/8)
			for i := range o.N {
				o.Present[i>>3] |= 1 << (i & 7)
			}
		}
		clearAbsent(o)
		if err := emit(o); err != nil {
			return err
		}
		*next = body.First + uint64(body.N)
		return nil
	})
}

// clearAbsent zeroes rows that are not there, as guest.Outcomes has it.
func clearAbsent(o *guest.Outcomes) {
	for i := range o.N {
		if !o.Has(i) {
			clear(o.Row(i))
		}
	}
}
