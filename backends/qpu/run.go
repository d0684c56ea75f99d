package qpu

import (
	"context"
	"crypto/sha3"
	"encoding/binary"
	"errors"
	"fmt"
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
	step := int(min(max(1, b.device.GetLimits().GetMaxSlotsPerSubmit()), 1<<20))
	row := batch.Rows.Locations * batch.Rows.ElemSize
	step = min(step, max(1, b.maxBytes()/row))
	for first := 0; first < batch.Rows.N; first += step {
		n := min(step, batch.Rows.N-first)
		if err := b.part(ctx, b.submission(batch, first, n), batch.Rows.First+uint64(first), emit); err != nil {
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

// submission is slots first..first+n-1 of the batch. Its key is a function of
// lease, job, device, calibration and content: one execution per transcript, and an
// engine that starts again finds its own submission.
func (b *Backend) submission(batch *backends.Batch, first, n int) *driver.Submission {
	row := batch.Rows.Locations * batch.Rows.ElemSize
	part := &backends.Batch{Skeleton: batch.Skeleton, Palette: batch.Palette, Meta: batch.Meta,
		Rows: &guest.Rows{N: n, Locations: batch.Rows.Locations, ElemSize: batch.Rows.ElemSize, Data: batch.Rows.Data[first*row : (first+n)*row]}}
	s := &driver.Submission{Device: b.device.Id, Batch: part, ShotsPerSlot: 1, Kind: driverv1.ResultKind_RESULT_KIND_PER_SHOT,
		CalibrationID: b.calib, MaxCost: b.cfg.MaxCost, NotAfter: b.cfg.NotAfter, Verbatim: true, Meta: &driverv1.Meta{EngineJobId: batch.Meta.JobID, LeaseId: batch.Meta.LeaseID}}
	content := s.Digest()
	h := sha3.New256()
	for _, p := range []string{"engine/qpu/submission", batch.Meta.LeaseID, batch.Meta.JobID, b.about.Id, b.device.Id, b.frame.Firmware, b.frame.CalibrationID, string(content[:])} {
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(p))))
		h.Write([]byte(p))
	}
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(first)))
	s.Key = [32]byte(h.Sum(nil))
	return s
}

// part takes one submission to its end.
func (b *Backend) part(ctx context.Context, s *driver.Submission, slot uint64, emit backends.Emit) error {
	jobID, err := b.submit(ctx, s)
	if err == nil {
		err = b.finish(ctx, s, jobID, slot, emit)
	}
	if err != nil && ctx.Err() != nil {
		b.cancel(ctx, s, jobID)
	}
	return err
}

// submit returns the vendor's id of the submission, making it at most once.
func (b *Backend) submit(ctx context.Context, s *driver.Submission) (string, error) {
	e, known, err := b.cfg.Journal.Begin(s.Key, s.Digest())
	if err != nil {
		return "", err
	}
	if known && e.JobID != "" {
		b.cfg.Note(fmt.Sprintf("%s accepted this submission before, as job %s: its outcomes are fetched, nothing runs again; another seed makes another execution", b.device.Id, e.JobID))
		return e.JobID, nil
	}
	uncertain := known // an intent without an end: somebody may have submitted
	for try := 0; ; try++ {
		if uncertain {
			id, err := b.recover(ctx, s)
			if err != nil {
				return "", err
			}
			if id != "" {
				return id, b.cfg.Journal.Accepted(s.Key, id)
			}
			// The driver says that the vendor has no such job. It keeps its own
			// ledger, or the vendor dedups: the same key cannot run twice.
		}
		c, _, _, err := b.acquire(ctx)
		if err != nil {
			return "", err
		}
		r, err := c.Submit(ctx, s)
		var de *driver.Error
		switch {
		case err == nil:
			return r.JobId, b.cfg.Journal.Accepted(s.Key, r.JobId)
		case ctx.Err() != nil, errors.Is(err, driver.ErrBroken):
			return "", err
		case errors.Is(err, &driver.Error{Code: driver.SubmitUncertain}), errors.Is(err, driver.ErrDied):
			uncertain = true
			if try >= retries {
				return "", fmt.Errorf("%w: key %x: %w", ErrUncertain, s.Key[:8], err)
			}
			if err := b.cfg.Sleep(ctx, pause(try)); err != nil {
				return "", err
			}
		case errors.As(err, &de) && de.Retryable && try < retries:
			if err := b.cfg.Sleep(ctx, max(de.RetryAfter, pause(try))); err != nil {
				return "", err
			}
		default:
			return "", errors.Join(fmt.Errorf("submit: %w", err), b.cfg.Journal.Refused(s.Key))
		}
	}
}

// pause grows from 50 ms to 12.8 s.
func pause(try int) time.Duration { return 50 * time.Millisecond << min(try, 8) }

// recover asks for the job of a key; "" when the vendor has none.
func (b *Backend) recover(ctx context.Context, s *driver.Submission) (string, error) {
	for try := 0; ; try++ {
		c, about, _, err := b.acquire(ctx)
		if err != nil {
			return "", err
		}
		if !driver.Has(about, driverv1.Feature_FEATURE_RECOVER) {
			return "", fmt.Errorf("%w: driver %s cannot look for key %x; ask the vendor", ErrUncertain, b.cfg.Name, s.Key[:8])
		}
		var found []*driverv1.Job
		err = c.Recover(ctx, b.device.Id, s.Key, time.Time{}, func(j *driverv1.Job) error {
			found = append(found, j)
			return nil
		})
		var de *driver.Error
		switch {
		case err == nil && len(found) > 1:
			return "", fmt.Errorf("the vendor has %d jobs with key %x (%s, %s, …): %w", len(found), s.Key[:8], found[0].JobId, found[1].JobId, driver.ErrBroken)
		case err == nil && len(found) == 1:
			return found[0].JobId, nil
		case err == nil:
			return "", nil
		case ctx.Err() != nil || try >= retries:
			return "", fmt.Errorf("recover key %x: %w", s.Key[:8], err)
		case errors.As(err, &de) && !de.Retryable:
			return "", fmt.Errorf("recover key %x: %w", s.Key[:8], err)
		}
		if err := b.cfg.Sleep(ctx, pause(try)); err != nil {
			return "", err
		}
	}
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

// finish waits for the job and passes its outcomes on.
func (b *Backend) finish(ctx context.Context, s *driver.Submission, jobID string, slot uint64, emit backends.Emit) error {
	if err := b.wait(ctx, jobID); err != nil {
		return err
	}
	next := uint64(0)
	for try := 0; ; try++ {
		c, _, _, err := b.acquire(ctx)
		if err != nil {
			return err
		}
		began := next
		err = b.fetch(ctx, c, s, jobID, slot, &next, emit)
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
			return fmt.Errorf("job %s is %s: %w", jobID, j.State, failure(j))
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
