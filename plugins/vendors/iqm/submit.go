package iqm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// end is the job id of a key; "": the vendor surely has no job of it.
func (c *config) end(ctx context.Context, ledger *book, key [32]byte) (string, error) {
	k, e := ledger.last(c, key)
	if k < 0 || e.JobID != "" {
		return e.JobID, nil
	}
	mark := tag(attempt(key, k))
	switch word := c.settled[mark]; word {
	case none:
		return "", nil
	case "":
		return "", &driver.Error{Code: driver.SubmitUncertain, VendorMessage: "a submission with the tag " + mark + " had no answer, and this vendor has no list of jobs to look into",
			Hint: "look for the tag in the vendor's dashboard, then settle it in the driver's configuration: settled: [{tag: " + mark + ", job: ID or none}]"}
	default:
		return c.adopt(ctx, ledger, key, k, word)
	}
}

// adopt takes the job that the operator found for a tag.
func (c *config) adopt(ctx context.Context, ledger *book, key [32]byte, k int, id string) (string, error) {
	refuse := func(text string) (string, error) {
		return "", &driver.Error{Code: driver.ConfigInvalid, Field: "settled", VendorMessage: text}
	}
	j, _, err := c.job(ctx, id, 0)
	if rest.IsCode(err, driver.UnknownJob) {
		return refuse("the vendor has no job " + id)
	}
	if err != nil {
		return "", err
	}
	if mark := tag(attempt(key, k)); j.Tag != mark {
		return refuse(fmt.Sprintf("job %s has the tag %.60q, not %s", id, j.Tag, mark))
	}
	t, err := c.payload(ctx, id)
	if err != nil {
		return "", err
	}
	return t.String(), ledger.accept(key, t.String())
}

// payload reads back what a job was asked for. Its result kind is the engine's, for
// which alone this driver submits many circuits; one circuit was asked for counts.
func (c *config) payload(ctx context.Context, id string) (ticket, error) {
	var r request
	if err := c.Get(ctx, "/jobs/"+id+"/payload", &r); err != nil {
		return ticket{}, err
	}
	t := ticket{id: id, kind: driverv1.ResultKind_RESULT_KIND_PER_SHOT, slots: uint64(len(r.Circuits)), shots: r.Shots, metrics: "0"}
	if len(r.Circuits) > 0 && len(r.Circuits[0].Instructions) > 0 {
		in := r.Circuits[0].Instructions
		t.width = len(in[len(in)-1].Locus)
		if kind, m, ok := strings.Cut(r.Circuits[0].Name, "."); ok {
			t.kind, t.metrics = kinds[kind], m
		}
	}
	if _, ok := readTicket(t.String()); !ok {
		return t, rest.BadAnswer(fmt.Errorf("the payload of job %s is not what this driver sends", id))
	}
	return t, nil
}

// Submit implements driver.Driver. The order matters: everything that can be
// refused without the vendor, then the ledger's line on disk, then one POST.
func (d *Driver) Submit(ctx context.Context, s *driver.Submission) (*driverv1.SubmitResponse, error) {
	cfg, ledger := d.present()
	if err := d.inTime(s); err != nil {
		return nil, err
	}
	d.submit.Lock()
	defer d.submit.Unlock()
	if e, known := ledger.Lookup(s.Key); known && e.Digest != s.Digest() {
		return nil, &driver.Error{Code: driver.KeyReused, Field: "idempotency_key", VendorMessage: "this key stands for another batch"}
	}
	id, err := cfg.end(ctx, ledger, s.Key)
	if err != nil {
		return nil, err
	}
	if id != "" {
		return d.again(ctx, cfg, id)
	}
	alias, t, body, err := cfg.prepare(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := d.inTime(s); err != nil { // the wait above may have been long
		return nil, err
	}
	k, _ := ledger.last(cfg, s.Key)
	if k++; k == maxAttempts {
		return nil, cfg.Uncertain(0, "settled as not there sixteen times over")
	}
	under := attempt(s.Key, k)
	if _, _, err := ledger.Begin(under, s.Digest()); err != nil {
		return nil, err
	}
	return d.post(ctx, cfg, ledger, s, under, alias, t, body)
}

func (d *Driver) inTime(s *driver.Submission) error {
	if !s.NotAfter.IsZero() && d.now().After(s.NotAfter) {
		return &driver.Error{Code: driver.Deadline, Field: "not_after", VendorMessage: "the time has passed"}
	}
	return nil
}

// again answers for a key whose job is known.
func (d *Driver) again(ctx context.Context, cfg *config, id string) (*driverv1.SubmitResponse, error) {
	t, err := read(id)
	if err != nil {
		return nil, err
	}
	j, _, err := cfg.job(ctx, t.id, 0)
	if err != nil {
		return nil, err
	}
	w, err := j.wire(t)
	if err != nil {
		return nil, err
	}
	return &driverv1.SubmitResponse{JobId: id, State: w.State, Deduplicated: true, AcceptedAt: w.AcceptedAt}, nil
}

// prepare refuses what costs nothing to refuse and makes the body.
func (c *config) prepare(ctx context.Context, s *driver.Submission) (alias string, t ticket, body []byte, err error) {
	if s.MaxCost != nil {
		return "", t, nil, &driver.Error{Code: driver.Budget, Field: "max_cost", VendorMessage: "this vendor quotes no prices, so that no ceiling can be kept"}
	}
	qc, err := c.find(ctx)
	if err != nil {
		return "", t, nil, err
	}
	var health struct {
		Healthy bool `json:"healthy"`
	}
	if err := c.Get(ctx, "/quantum-computers/"+qc.Alias+"/health", &health); err != nil {
		return "", t, nil, err
	}
	if !health.Healthy {
		return "", t, nil, &driver.Error{Code: driver.DeviceOffline, Retryable: true, VendorMessage: qc.Alias + " is not healthy"}
	}
	set, metrics := "default", ""
	if s.CalibrationID != "" {
		var ok bool
		if set, metrics, ok = readCalibrationID(s.CalibrationID); !ok {
			return "", t, nil, noCalibration(s.CalibrationID)
		}
	}
	a, err := c.architecture(ctx, qc.Alias, set)
	if err == nil && metrics == "" {
		metrics, _, err = c.metrics(ctx, qc.Alias, a.set)
	}
	if err != nil {
		return "", t, nil, err
	}
	t = ticket{kind: s.Kind, width: s.Batch.Skeleton.Width, slots: s.Slots(), shots: s.ShotsPerSlot, metrics: metrics}
	body, err = encode(a, s, kindLetters[t.kind]+"."+metrics)
	return qc.Alias, t, body, err
}

// post is the one POST of an attempt. Only an answer that surely refuses frees it.
func (d *Driver) post(ctx context.Context, cfg *config, ledger *book, s *driver.Submission, under [32]byte, alias string, t ticket, body []byte) (*driverv1.SubmitResponse, error) {
	q := url.Values{"tag": {tag(under)}}
	if cfg.timeslot {
		q.Set("use_timeslot", "true")
	}
	a, err := cfg.Send(ctx, http.MethodPost, "/jobs/"+alias+"/circuit?"+q.Encode(), body)
	switch {
	case errors.Is(err, rest.ErrNotSent):
		return nil, errors.Join(&driver.Error{Code: driver.VendorDown, Retryable: true, VendorMessage: cfg.Scrub(err.Error())}, ledger.Refused(under))
	case err != nil:
		return nil, cfg.Uncertain(a.Status, "no whole answer: "+err.Error())
	case a.Status >= 200 && a.Status < 300:
		var j job
		if err := rest.Decode(a.Body, &j); err != nil || !isUUID(j.ID) {
			return nil, cfg.Uncertain(a.Status, fmt.Sprintf("an answer without a job id (%v)", err))
		}
		t.id = j.ID
		if err := ledger.accept(s.Key, t.String()); err != nil {
			return nil, cfg.Uncertain(a.Status, err.Error())
		}
		out := &driverv1.SubmitResponse{JobId: t.String(), State: driverv1.JobState_JOB_STATE_QUEUED, AcceptedAt: timestamppb.New(d.now())}
		if w, err := j.wire(t); err == nil {
			out.State = w.State
		}
		return out, nil
	case a.Status >= 400 && a.Status < 500 && a.Status != http.StatusRequestTimeout:
		return nil, errors.Join(cfg.Refused(a), ledger.Refused(under))
	}
	return nil, cfg.Uncertain(a.Status, cfg.Refused(a).VendorMessage)
}
