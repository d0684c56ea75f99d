package ionq

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// Submit implements driver.Driver. The order matters: everything that can be
// refused without the vendor, then the ledger's line on disk, then one POST.
func (d *Driver) Submit(ctx context.Context, s *driver.Submission) (*driverv1.SubmitResponse, error) {
	cfg, ledger := d.present()
	if !s.NotAfter.IsZero() && d.now().After(s.NotAfter) {
		return nil, &driver.Error{Code: driver.Deadline, Field: "not_after", VendorMessage: "the time has passed"}
	}
	d.submit.Lock()
	defer d.submit.Unlock()
	e, known := ledger.Lookup(s.Key)
	if known {
		if e.Digest != s.Digest() {
			return nil, &driver.Error{Code: driver.KeyReused, Field: "idempotency_key", VendorMessage: "this key stands for another batch"}
		}
		r, err := d.before(ctx, cfg, ledger, s, e)
		if r != nil || err != nil {
			return r, err
		}
	}
	body, err := encode(cfg, s)
	if err != nil {
		return nil, err
	}
	if err := cfg.admit(ctx, s); err != nil {
		return nil, err
	}
	// Another look at the clock: the wait above may have been long.
	if !s.NotAfter.IsZero() && d.now().After(s.NotAfter) {
		return nil, &driver.Error{Code: driver.Deadline, Field: "not_after", VendorMessage: "the time has passed"}
	}
	if _, _, err := ledger.Begin(s.Key, s.Digest()); err != nil {
		return nil, err
	}
	return d.post(ctx, cfg, ledger, s, body)
}

// before answers for a key that went out before; nil: the vendor surely has no job
// of it.
func (d *Driver) before(ctx context.Context, cfg *config, ledger *driver.Ledger, s *driver.Submission, e driver.Entry) (*driverv1.SubmitResponse, error) {
	if e.JobID != "" {
		j, err := cfg.job(ctx, e.JobID)
		if err != nil {
			return nil, err
		}
		w, err := j.wire(cfg.poll)
		if err != nil {
			return nil, err
		}
		return &driverv1.SubmitResponse{JobId: e.JobID, State: w.State, Deduplicated: true, AcceptedAt: w.AcceptedAt}, nil
	}
	// The POST had no answer. A request may still be on its way: look twice.
	for try := range 2 {
		if try > 0 {
			if err := rest.Pause(ctx, cfg.settle); err != nil {
				return nil, err
			}
		}
		found, err := cfg.find(ctx, s.Key)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			w, err := found[0].wire(cfg.poll)
			if err != nil {
				return nil, err
			}
			return &driverv1.SubmitResponse{JobId: w.JobId, State: w.State, Deduplicated: true, AcceptedAt: w.AcceptedAt}, ledger.Accepted(s.Key, w.JobId)
		}
	}
	return nil, nil
}

// admit refuses what costs nothing to refuse: a backend that takes no jobs, a
// calibration that is gone, a price above the ceiling.
func (c *config) admit(ctx context.Context, s *driver.Submission) error {
	b, err := c.info(ctx)
	if err != nil {
		return err
	}
	switch b.Status {
	case "available", "running":
	case "calibrating":
		return &driver.Error{Code: driver.Calibrating, Retryable: true, VendorMessage: c.backend + " is calibrating"}
	default:
		return &driver.Error{Code: driver.DeviceOffline, Retryable: true, VendorMessage: fmt.Sprintf("%s is %.40q", c.backend, b.Status)}
	}
	if s.CalibrationID != "" && s.CalibrationID != b.Calib {
		return &driver.Error{Code: driver.ResultGone, Field: "calibration_id", VendorMessage: "the backend was characterized anew", Hint: "run the job again: it binds the new calibration"}
	}
	if s.MaxCost == nil {
		return nil
	}
	cz := uint64(s.Batch.Skeleton.NumCZ())
	e, err := c.estimate(ctx, s.Slots(), s.ShotsPerSlot, uint32(s.Batch.Skeleton.Width), 3*uint64(s.Batch.Rows.Locations)+2*cz, cz)
	if err != nil {
		return err
	}
	if e.Cost == nil || e.Cost.Currency != s.MaxCost.Currency || e.Cost.Micro > s.MaxCost.Micro {
		return &driver.Error{Code: driver.Budget, Field: "max_cost", VendorMessage: fmt.Sprintf("the vendor's estimate is %s, the ceiling %s", money(e.Cost), money(s.MaxCost))}
	}
	return nil
}

func money(m *driverv1.Money) string {
	if m == nil {
		return "unknown"
	}
	return fmt.Sprintf("%d.%06d %s", m.Micro/1_000_000, m.Micro%1_000_000, m.Currency)
}

// post is the one POST of a key. Only an answer that surely refuses frees the key.
func (d *Driver) post(ctx context.Context, cfg *config, ledger *driver.Ledger, s *driver.Submission, body []byte) (*driverv1.SubmitResponse, error) {
	a, err := cfg.Send(ctx, http.MethodPost, "/jobs", body)
	switch {
	case errors.Is(err, rest.ErrNotSent):
		return nil, errors.Join(&driver.Error{Code: driver.VendorDown, Retryable: true, VendorMessage: cfg.Scrub(err.Error())}, ledger.Refused(s.Key))
	case err != nil:
		return nil, cfg.Uncertain(a.Status, "no whole answer: "+err.Error())
	case a.Status == http.StatusOK || a.Status == http.StatusCreated:
		var j job
		if err := rest.Decode(a.Body, &j); err != nil || !rest.Segment(j.ID) {
			return nil, cfg.Uncertain(a.Status, fmt.Sprintf("an answer without a job id (%v)", err))
		}
		state := states[j.Status]
		if state == 0 {
			state = driverv1.JobState_JOB_STATE_QUEUED
		}
		if err := ledger.Accepted(s.Key, j.ID); err != nil {
			return nil, cfg.Uncertain(a.Status, err.Error())
		}
		return &driverv1.SubmitResponse{JobId: j.ID, State: state, AcceptedAt: timestamppb.New(d.now())}, nil
	case a.Status >= 400 && a.Status < 500 && a.Status != http.StatusRequestTimeout:
		e := cfg.Refused(a)
		if a.Status == http.StatusNotFound {
			e.Code = driver.NotSupported // there is no /jobs at base_url
		}
		return nil, errors.Join(e, ledger.Refused(s.Key))
	}
	return nil, cfg.Uncertain(a.Status, cfg.Refused(a).VendorMessage)
}
