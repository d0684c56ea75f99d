package ionq

import (
	"context"
	"fmt"
	"sync"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// fetchers is how many children of a job are read at once.
const fetchers = 8

// Results implements driver.Driver. What the job is, its metadata tells.
func (d *Driver) Results(ctx context.Context, id string, from uint64, maxBytes int, send func(*driverv1.ResultChunk) error) error {
	cfg, _ := d.present()
	j, err := cfg.job(ctx, id)
	if err != nil {
		return err
	}
	w, err := j.wire(cfg.poll)
	if err != nil {
		return err
	}
	m, ok := j.read()
	switch {
	case !ok:
		return &driver.Error{Code: driver.UnknownJob, Field: "job_id", VendorMessage: "this job was not made by the engine: its metadata says nothing"}
	case w.State != driverv1.JobState_JOB_STATE_SUCCEEDED:
		return &driver.Error{Code: driver.ExecutionFailed, VendorMessage: "the job is " + w.State.String(), Retryable: w.State < driverv1.JobState_JOB_STATE_SUCCEEDED}
	}
	f := driver.Finished{CalibrationID: j.Calib, Started: w.StartedAt, Done: w.FinishedAt}
	if m.kind == driverv1.ResultKind_RESULT_KIND_PROBABILITIES {
		raw, err := cfg.GetRaw(ctx, "/jobs/"+id+"/results/probabilities")
		if err != nil {
			return gone(err)
		}
		pairs, err := parseProbabilities(raw, m.width)
		if err != nil {
			return rest.BadAnswer(err)
		}
		return driver.SendPairs(send, m.kind, m.width, 0, pairs, from, f)
	}
	o, err := cfg.shots(ctx, j, m)
	if err != nil {
		return err
	}
	if m.kind == driverv1.ResultKind_RESULT_KIND_COUNTS {
		return driver.SendPairs(send, m.kind, m.width, uint64(o.N), driver.Count(o), from, f)
	}
	return driver.SendRows(send, o, from, maxBytes, f)
}

// gone says that a job is there and its outcomes are not.
func gone(err error) error {
	if rest.IsCode(err, driver.UnknownJob) {
		return &driver.Error{Code: driver.ResultGone, VendorMessage: "the vendor has no such results of this job", HTTPStatus: 404}
	}
	return err
}

// shots reads the outcomes of all circuits of a job, in order.
func (c *config) shots(ctx context.Context, j *job, m meaning) (*guest.Outcomes, error) {
	n := int(m.slots * m.shots)
	o := &guest.Outcomes{N: n, Width: m.width, Present: make([]byte, (n+7)/8)}
	for i := range n {
		o.Present[i>>3] |= 1 << (i & 7)
	}
	if m.slots == 1 {
		rows, err := c.list(ctx, j.ID, m.width, n)
		o.Rows = rows
		return o, err
	}
	if uint64(len(j.Children)) != m.slots {
		return nil, rest.BadAnswer(fmt.Errorf("%d children of a job of %d circuits", len(j.Children), m.slots))
	}
	rb := guest.RowBytes(m.width)
	o.Rows = make([]byte, n*rb)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for k := range fetchers {
		wg.Go(func() {
			for i := k; i < n && ctx.Err() == nil; i += fetchers {
				rows, err := c.list(ctx, j.Children[i], m.width, 1)
				if err != nil {
					cancel(err)
					return
				}
				copy(o.Rows[i*rb:], rows)
			}
		})
	}
	wg.Wait()
	return o, context.Cause(ctx)
}

// list reads the shots of one circuit.
func (c *config) list(ctx context.Context, id string, width, n int) ([]byte, error) {
	if !rest.Segment(id) {
		return nil, rest.BadAnswer(fmt.Errorf("a child job %.80q", id))
	}
	raw, err := c.GetRaw(ctx, "/jobs/"+id+"/results/shots")
	if err != nil {
		return nil, gone(err)
	}
	rows, err := parseShots(raw, width, n)
	if err != nil {
		return nil, rest.BadAnswer(err)
	}
	return rows, nil
}
