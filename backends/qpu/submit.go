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

// submission is slots first..first+n-1 of the batch, shots of each. Its key is a function of
// lease, job, device, calibration and content: one execution per transcript, and an
// engine that starts again finds its own submission.
func (b *Backend) submission(batch *backends.Batch, first, n int, shots uint64, kind driverv1.ResultKind) *driver.Submission {
	row := batch.Rows.Locations * batch.Rows.ElemSize
	part := &backends.Batch{Skeleton: batch.Skeleton, Palette: batch.Palette, Meta: batch.Meta,
		Rows: &guest.Rows{N: n, Locations: batch.Rows.Locations, ElemSize: batch.Rows.ElemSize, Data: batch.Rows.Data[first*row : (first+n)*row]}}
	s := &driver.Submission{Device: b.device.Id, Batch: part, ShotsPerSlot: shots, Kind: kind,
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

// attemptKey is the key of an attempt: the submission's own for the first, then
// SHA3-256("engine/qpu/attempt" ‖ key ‖ u32 little-endian attempt).
func attemptKey(key [32]byte, attempt uint32) [32]byte {
	if attempt == 0 {
		return key
	}
	return sha3.Sum256(binary.LittleEndian.AppendUint32(append([]byte("engine/qpu/attempt"), key[:]...), attempt))
}

// submit returns the vendor's id of the submission, making it at most once; before
// tells that an earlier run made it.
func (b *Backend) submit(ctx context.Context, s *driver.Submission) (jobID string, before bool, err error) {
	e, known, err := b.cfg.Journal.Begin(s.Key, s.Digest())
	if err != nil {
		return "", false, err
	}
	if known && e.JobID != "" {
		return e.JobID, true, nil
	}
	if known { // an intent without an end: the earlier run may have submitted
		jobID, err = b.recover(ctx, s)
		if err != nil {
			return "", false, err
		}
		if jobID != "" {
			return jobID, true, b.cfg.Journal.Accepted(s.Key, jobID)
		}
		// The driver says that the vendor has no such job. It keeps its own ledger,
		// or the vendor dedups: the same key cannot run twice.
	}
	jobID, err = b.submitNew(ctx, s)
	return jobID, false, err
}

// submitNew makes a submission whose intent stands in the journal.
func (b *Backend) submitNew(ctx context.Context, s *driver.Submission) (string, error) {
	uncertain := false
	for try := 0; ; try++ {
		if uncertain {
			id, err := b.recover(ctx, s)
			if err != nil {
				return "", err
			}
			if id != "" {
				return id, b.cfg.Journal.Accepted(s.Key, id)
			}
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
