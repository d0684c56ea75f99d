package iqm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// maxHold bounds how long the server is asked to hold a request, by its own limit.
const maxHold = 30 * time.Second

// read parses a job id; what no driver of ours wrote is no job here.
func read(id string) (ticket, error) {
	t, ok := readTicket(id)
	if !ok {
		return t, &driver.Error{Code: driver.UnknownJob, Field: "job_id", VendorMessage: "this is no id of this driver"}
	}
	return t, nil
}

// job reads one job, at once or when it ended or hold is over. held tells that the
// server did wait.
func (c *config) job(ctx context.Context, id string, hold time.Duration) (j *job, held bool, err error) {
	path := "/jobs/" + id
	if seconds := int(hold / time.Second); seconds > 0 {
		path += fmt.Sprintf("?wait_until_terminal=true&timeout_seconds=%d", seconds)
	}
	a, err := c.Read(ctx, path)
	if err != nil {
		return nil, false, err
	}
	if err := rest.Decode(a.Body, &j); err != nil || j == nil {
		return nil, false, rest.BadAnswer(fmt.Errorf("job: %v", err))
	}
	return j, a.Header.Get("IQM-Long-Poll-Timed-Out") == "true", nil
}

// Get implements driver.Driver: the server holds the request until the job has
// ended.
func (d *Driver) Get(ctx context.Context, id string, wait time.Duration) (*driverv1.Job, error) {
	t, err := read(id)
	if err != nil {
		return nil, err
	}
	cfg, ledger := d.present()
	end := d.now().Add(min(wait, driver.MaxWait))
	hold := time.Duration(0) // the first look is at once
	for {
		j, held, err := cfg.job(ctx, t.id, hold)
		if err != nil {
			return nil, err
		}
		w, err := j.wire(t)
		if err != nil {
			return nil, err
		}
		left := end.Sub(d.now())
		if w.State >= driverv1.JobState_JOB_STATE_SUCCEEDED || left <= 0 {
			ledger.name(w)
			return w, nil
		}
		// A request must not outlive its own timeout.
		asked := hold > 0
		hold = min(left, maxHold, cfg.Timeout-cfg.Timeout/4).Truncate(time.Second)
		if hold == 0 || asked && !held {
			if err := rest.Pause(ctx, min(cfg.poll, left)); err != nil {
				return nil, err
			}
		}
	}
}

// Cancel implements driver.Driver.
func (d *Driver) Cancel(ctx context.Context, id string) (driverv1.CancelState, error) {
	t, err := read(id)
	if err != nil {
		return driverv1.CancelState_CANCEL_STATE_UNKNOWN_JOB, nil
	}
	cfg, _ := d.present()
	for try := range 4 {
		j, _, err := cfg.job(ctx, t.id, 0)
		if rest.IsCode(err, driver.UnknownJob) {
			return driverv1.CancelState_CANCEL_STATE_UNKNOWN_JOB, nil
		}
		if err != nil {
			return 0, err
		}
		w, err := j.wire(t)
		switch {
		case err != nil:
			return 0, err
		case w.State == driverv1.JobState_JOB_STATE_CANCELLED:
			return driverv1.CancelState_CANCEL_STATE_CANCELLED, nil
		case w.State >= driverv1.JobState_JOB_STATE_SUCCEEDED:
			return driverv1.CancelState_CANCEL_STATE_TOO_LATE, nil
		}
		a, err := cfg.Send(ctx, http.MethodPost, "/jobs/"+t.id+"/cancel", nil)
		if err == nil && a.Status >= 200 && a.Status < 300 {
			return driverv1.CancelState_CANCEL_STATE_CANCELLED, nil
		}
		// 403 is the vendor's answer when the job has ended meanwhile.
		if err == nil && a.Status != http.StatusForbidden && a.Status < 500 && a.Status != http.StatusTooManyRequests {
			return 0, cfg.Refused(a)
		}
		if err := rest.Pause(ctx, 20*time.Millisecond<<try); err != nil {
			return 0, err
		}
	}
	return 0, &driver.Error{Code: driver.VendorDown, Retryable: true, VendorMessage: "the vendor did not take the cancellation"}
}

// Recover implements driver.Driver, by the ledger: the vendor has no list. A key
// that went out and never came back is SUBMIT_UNCERTAIN, not nothing.
func (d *Driver) Recover(ctx context.Context, device string, key [32]byte, since time.Time, send func(*driverv1.Job) error) error {
	if err := d.check(device); err != nil {
		return err
	}
	cfg, ledger := d.present()
	if key != [32]byte{} {
		id, err := cfg.end(ctx, ledger, key)
		if err != nil || id == "" {
			return err
		}
		return d.send(ctx, cfg, driver.KeyedEntry{Key: key, Entry: driver.Entry{JobID: id}}, time.Time{}, send)
	}
	seen := map[string]bool{}
	entries := ledger.Entries()
	for i := len(entries) - 1; i >= 0; i-- { // newest first, until one is too old
		e := entries[i]
		if e.JobID == "" || seen[e.JobID] {
			continue
		}
		seen[e.JobID] = true
		err := d.send(ctx, cfg, e, since, send)
		if errors.Is(err, errOlder) {
			return nil
		}
		if err != nil && !rest.IsCode(err, driver.UnknownJob) { // deleted in the dashboard
			return err
		}
	}
	return nil
}

var errOlder = errors.New("older than wanted")

// send looks at the job of an entry and passes it on.
func (d *Driver) send(ctx context.Context, cfg *config, e driver.KeyedEntry, since time.Time, send func(*driverv1.Job) error) error {
	t, err := read(e.JobID)
	if err != nil {
		return err
	}
	j, _, err := cfg.job(ctx, t.id, 0)
	if err != nil {
		return err
	}
	w, err := j.wire(t)
	if err != nil {
		return err
	}
	if !since.IsZero() && w.AcceptedAt != nil && w.AcceptedAt.AsTime().Before(since) {
		return errOlder
	}
	_, ledger := d.present()
	ledger.name(w)
	return send(w)
}

// Results implements driver.Driver.
func (d *Driver) Results(ctx context.Context, id string, from uint64, maxBytes int, send func(*driverv1.ResultChunk) error) error {
	t, err := read(id)
	if err != nil {
		return err
	}
	cfg, _ := d.present()
	j, _, err := cfg.job(ctx, t.id, 0)
	if err != nil {
		return err
	}
	w, err := j.wire(t)
	if err != nil {
		return err
	}
	if w.State != driverv1.JobState_JOB_STATE_SUCCEEDED {
		return &driver.Error{Code: driver.ExecutionFailed, VendorMessage: "the job is " + w.State.String(), Retryable: w.State < driverv1.JobState_JOB_STATE_SUCCEEDED}
	}
	f := driver.Finished{Started: w.StartedAt, Done: w.FinishedAt}
	if c := j.Compilation; c != nil && isUUID(c.Set) {
		f.CalibrationID = calibrationID(c.Set, t.metrics)
	}
	raw, err := cfg.GetRaw(ctx, "/jobs/"+t.id+"/artifacts/measurements")
	if rest.IsCode(err, driver.UnknownJob) {
		return &driver.Error{Code: driver.ResultGone, VendorMessage: "the vendor has no measurements of this job", HTTPStatus: http.StatusNotFound}
	}
	if err != nil {
		return err
	}
	rows, err := parseMeasurements(raw, t)
	if err != nil {
		return rest.BadAnswer(err)
	}
	o := &guest.Outcomes{N: int(t.slots * t.shots), Width: t.width, Rows: rows}
	o.Present = make([]byte, (o.N+7)/8)
	for i := range o.N {
		o.Present[i>>3] |= 1 << (i & 7)
	}
	if t.kind == driverv1.ResultKind_RESULT_KIND_COUNTS {
		return driver.SendPairs(send, t.kind, t.width, uint64(o.N), driver.Count(o), from, f)
	}
	return driver.SendRows(send, o, from, maxBytes, f)
}
