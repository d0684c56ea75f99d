package ionq

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// Bounds of one look at the vendor's list.
const (
	pageSize = 100
	maxPages = 1000
)

// job reads one job.
func (c *config) job(ctx context.Context, id string) (*job, error) {
	if !rest.Segment(id) {
		return nil, &driver.Error{Code: driver.UnknownJob, Field: "job_id", VendorMessage: "this is no id of the vendor"}
	}
	var j job
	if err := c.Get(ctx, "/jobs/"+id, &j); err != nil {
		return nil, err
	}
	if j.ID != id {
		return nil, rest.BadAnswer(fmt.Errorf("job %.80q, asked for %s", j.ID, id))
	}
	return &j, nil
}

// each walks the vendor's list. The children of multi-circuit jobs are passed over.
func (c *config) each(ctx context.Context, f func(*job) error) error {
	next := ""
	for range maxPages {
		q := url.Values{"limit": {fmt.Sprint(pageSize)}}
		if next != "" {
			q.Set("next", next)
		}
		var p jobPage
		if err := c.Get(ctx, "/jobs?"+q.Encode(), &p); err != nil {
			return err
		}
		for i := range p.Jobs {
			if p.Jobs[i].Parent == "" {
				if err := f(&p.Jobs[i]); err != nil {
					return err
				}
			}
		}
		if p.Next == "" {
			return nil
		}
		if p.Next == next {
			return rest.BadAnswer(fmt.Errorf("the job list's page %.40q follows itself", next))
		}
		next = p.Next
	}
	return &driver.Error{Code: driver.VendorDown, VendorMessage: fmt.Sprintf("the vendor's list has more than %d jobs", maxPages*pageSize), Hint: "delete old jobs in the vendor's console"}
}

// find lists the jobs of a key: the whole list, for a second job would be the
// very thing to see.
func (c *config) find(ctx context.Context, key [32]byte) (found []*job, err error) {
	want := hex.EncodeToString(key[:])
	err = c.each(ctx, func(j *job) error {
		if j.Metadata["engine_key"] == want {
			found = append(found, j)
		}
		return nil
	})
	return found, err
}

// Get implements driver.Driver. The vendor has no long poll: the driver asks every
// poll_ms.
func (d *Driver) Get(ctx context.Context, id string, wait time.Duration) (*driverv1.Job, error) {
	cfg, _ := d.present()
	end := d.now().Add(min(wait, driver.MaxWait))
	var first driverv1.JobState
	for {
		j, err := cfg.job(ctx, id)
		if err != nil {
			return nil, err
		}
		w, err := j.wire(cfg.poll)
		if err != nil {
			return nil, err
		}
		if first == 0 {
			first = w.State
		}
		left := end.Sub(d.now())
		if w.State >= driverv1.JobState_JOB_STATE_SUCCEEDED || w.State != first || left <= 0 {
			return w, nil
		}
		if err := rest.Pause(ctx, min(cfg.poll, left)); err != nil {
			return nil, err
		}
	}
}

// Cancel implements driver.Driver.
func (d *Driver) Cancel(ctx context.Context, id string) (driverv1.CancelState, error) {
	cfg, _ := d.present()
	for try := range 4 {
		j, err := cfg.job(ctx, id)
		if rest.IsCode(err, driver.UnknownJob) {
			return driverv1.CancelState_CANCEL_STATE_UNKNOWN_JOB, nil
		}
		if err != nil {
			return 0, err
		}
		w, err := j.wire(cfg.poll)
		switch {
		case err != nil:
			return 0, err
		case w.State == driverv1.JobState_JOB_STATE_CANCELLED:
			return driverv1.CancelState_CANCEL_STATE_CANCELLED, nil
		case w.State >= driverv1.JobState_JOB_STATE_SUCCEEDED:
			return driverv1.CancelState_CANCEL_STATE_TOO_LATE, nil
		}
		a, err := cfg.Send(ctx, http.MethodPut, "/jobs/"+id+"/status/cancel", []byte("{}"))
		if err == nil && a.Status == http.StatusOK {
			return driverv1.CancelState_CANCEL_STATE_CANCELLED, nil
		}
		if err == nil && a.Status != http.StatusConflict && a.Status < 500 && a.Status != http.StatusTooManyRequests {
			return 0, cfg.Refused(a)
		}
		if err := rest.Pause(ctx, 20*time.Millisecond<<try); err != nil {
			return 0, err
		}
	}
	return 0, &driver.Error{Code: driver.VendorDown, Retryable: true, VendorMessage: "the vendor did not take the cancellation"}
}

// Recover implements driver.Driver, by the vendor's list alone.
func (d *Driver) Recover(ctx context.Context, device string, key [32]byte, since time.Time, send func(*driverv1.Job) error) error {
	if err := d.check(device); err != nil {
		return err
	}
	cfg, _ := d.present()
	want := hex.EncodeToString(key[:])
	return cfg.each(ctx, func(j *job) error {
		if key != [32]byte{} && j.Metadata["engine_key"] != want {
			return nil
		}
		w, err := j.wire(cfg.poll)
		if err != nil {
			return err
		}
		if !since.IsZero() && w.AcceptedAt != nil && w.AcceptedAt.AsTime().Before(since) {
			return nil
		}
		return send(w)
	})
}
