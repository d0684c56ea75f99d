package driver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

var zeroTime time.Time

// Client is a driver process as the engine sees it: Driver and all optional
// interfaces, over gRPC. What a process answers is checked before it is returned.
type Client struct {
	rpc  driverv1.DriverClient
	meta *driverv1.Meta
}

var (
	_ Driver    = (*Client)(nil)
	_ Watcher   = (*Client)(nil)
	_ Estimator = (*Client)(nil)
	_ Signer    = (*Client)(nil)
)

// NewClient speaks over an open connection. meta labels every call that does not
// bring its own; nil is fine.
func NewClient(conn grpc.ClientConnInterface, meta *driverv1.Meta) *Client {
	return &Client{rpc: driverv1.NewDriverClient(conn), meta: meta}
}

// Describe implements Driver.
func (c *Client) Describe(ctx context.Context) (*driverv1.Description, error) {
	d, err := c.rpc.Describe(ctx, &driverv1.DescribeRequest{Meta: c.meta})
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	for _, id := range d.DeviceIds {
		if !CheckID(id) {
			return nil, fmt.Errorf("device id %.130q: %w", id, ErrBroken)
		}
	}
	return d, nil
}

// Configure implements Driver.
func (c *Client) Configure(ctx context.Context, cfg *Config) ([]string, error) {
	r, err := c.rpc.Configure(ctx, &driverv1.ConfigureRequest{Meta: c.meta, ConfigJson: cfg.JSON, Secrets: cfg.Secrets, CacheDir: cfg.CacheDir, Dev: cfg.Dev})
	return r.GetWarnings(), fromStatus(ctx, err)
}

// Device implements Driver.
func (c *Client) Device(ctx context.Context, id string) (*driverv1.Device, error) {
	r, err := c.rpc.GetDevice(ctx, &driverv1.GetDeviceRequest{Meta: c.meta, DeviceId: id})
	switch d := r.GetDevice(); {
	case err != nil:
		return nil, fromStatus(ctx, err)
	case d == nil || d.Id != id:
		return nil, fmt.Errorf("asked for device %s, got %.130q: %w", id, d.GetId(), ErrBroken)
	case d.Width < 1 || d.Width > maxWidth || len(d.Qubits) != 0 && len(d.Qubits) != int(d.Width):
		return nil, fmt.Errorf("device %s: width %d with %d qubits: %w", id, d.Width, len(d.Qubits), ErrBroken)
	default:
		return d, nil
	}
}

// Calibration implements Driver.
func (c *Client) Calibration(ctx context.Context, device, id string) (*driverv1.Calibration, error) {
	r, err := c.rpc.GetCalibration(ctx, &driverv1.GetCalibrationRequest{Meta: c.meta, DeviceId: device, CalibrationId: id})
	switch {
	case err != nil:
		return nil, fromStatus(ctx, err)
	case len(r.VendorRaw) > MaxRawCalibration:
		return nil, fmt.Errorf("calibration with %d raw bytes, at most %d: %w", len(r.VendorRaw), MaxRawCalibration, ErrBroken)
	case !CheckID(r.Id) || id != "" && r.Id != id:
		return nil, fmt.Errorf("calibration id %.130q, asked for %q: %w", r.Id, id, ErrBroken)
	}
	return r, nil
}

// Submit implements Driver. A connection that breaks after the first byte left is
// SubmitUncertain: only Recover may tell what became of the batch.
func (c *Client) Submit(ctx context.Context, s *Submission) (*driverv1.SubmitResponse, error) {
	stream, err := c.rpc.SubmitBatch(ctx)
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	sendErr := s.chunks(stream.Send)
	if sendErr != nil && !errors.Is(sendErr, io.EOF) { // EOF: the answer tells more
		return nil, uncertain(fromStatus(ctx, sendErr))
	}
	r, err := stream.CloseAndRecv()
	if err != nil {
		return nil, uncertain(fromStatus(ctx, err))
	}
	if !CheckID(r.JobId) || r.State < driverv1.JobState_JOB_STATE_QUEUED || r.State > driverv1.JobState_JOB_STATE_EXPIRED {
		return nil, fmt.Errorf("submission %x: job id %.130q in state %s: %w", s.Key[:4], r.JobId, r.State, ErrBroken)
	}
	return r, nil
}

// uncertain turns every end of a submission that is not the driver's answer into
// SubmitUncertain, keeping the cause.
func uncertain(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Code != Deadline && e.Code != Cancelled {
		return err
	}
	return fmt.Errorf("%w: %w", &Error{Code: SubmitUncertain, VendorMessage: "the submission's end is not known", Hint: "ask Recover with the same key"}, err)
}

// Validate asks whether a batch would be accepted; no problems mean yes.
func (c *Client) Validate(ctx context.Context, s *Submission) ([]*Error, error) {
	stream, err := c.rpc.Validate(ctx)
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	if err := s.chunks(stream.Send); err != nil && !errors.Is(err, io.EOF) {
		return nil, fromStatus(ctx, err)
	}
	r, err := stream.CloseAndRecv()
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	var out []*Error
	for _, p := range r.Problems {
		out = append(out, FromDetail(p))
	}
	if r.Ok != (len(out) == 0) {
		return out, fmt.Errorf("validation says ok=%t with %d problems: %w", r.Ok, len(out), ErrBroken)
	}
	return out, nil
}

// Estimate implements Estimator.
func (c *Client) Estimate(ctx context.Context, r *driverv1.EstimateRequest) (*driverv1.EstimateResponse, error) {
	resp, err := c.rpc.Estimate(ctx, r)
	return resp, fromStatus(ctx, err)
}

// Get implements Driver.
func (c *Client) Get(ctx context.Context, jobID string, wait time.Duration) (*driverv1.Job, error) {
	j, err := c.rpc.Get(ctx, &driverv1.GetRequest{Meta: c.meta, JobId: jobID, Wait: durationpb.New(wait)})
	if err != nil {
		return nil, fromStatus(ctx, err)
	}
	return j, checkJob(j, jobID)
}

func checkJob(j *driverv1.Job, jobID string) error {
	switch {
	case !CheckID(j.JobId) || jobID != "" && j.JobId != jobID:
		return fmt.Errorf("job id %.130q, asked for %q: %w", j.JobId, jobID, ErrBroken)
	case j.State < driverv1.JobState_JOB_STATE_QUEUED || j.State > driverv1.JobState_JOB_STATE_EXPIRED:
		return fmt.Errorf("job %s in state %d: %w", j.JobId, j.State, ErrBroken)
	case len(j.IdempotencyKey) != 0 && len(j.IdempotencyKey) != 32:
		return fmt.Errorf("job %s with a key of %d bytes: %w", j.JobId, len(j.IdempotencyKey), ErrBroken)
	}
	return nil
}

// Results implements Driver: send gets chunks that are in order and whole so far.
// Only a nil error says that the stream as a whole was right.
func (c *Client) Results(ctx context.Context, jobID string, from uint64, maxBytes int, send func(*driverv1.ResultChunk) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.rpc.Results(ctx, &driverv1.ResultsRequest{Meta: c.meta, JobId: jobID, FromSlot: from, MaxMessageBytes: uint32(messageBytes(maxBytes))})
	if err != nil {
		return fromStatus(ctx, err)
	}
	var check checker
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return check.done()
		}
		if err != nil {
			return fromStatus(ctx, err)
		}
		if err := check.take(chunk, from); err != nil {
			return err
		}
		if err := send(chunk); err != nil {
			return err
		}
	}
}

// Cancel implements Driver.
func (c *Client) Cancel(ctx context.Context, jobID string) (driverv1.CancelState, error) {
	r, err := c.rpc.Cancel(ctx, &driverv1.CancelRequest{Meta: c.meta, JobId: jobID})
	return r.GetState(), fromStatus(ctx, err)
}

// Recover implements Driver.
func (c *Client) Recover(ctx context.Context, device string, key [32]byte, since time.Time, send func(*driverv1.Job) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &driverv1.RecoverRequest{Meta: c.meta, DeviceId: device}
	if key != [32]byte{} {
		r.IdempotencyKey = key[:]
	}
	if !since.IsZero() {
		r.Since = timestamppb.New(since)
	}
	stream, err := c.rpc.Recover(ctx, r)
	if err != nil {
		return fromStatus(ctx, err)
	}
	for {
		j, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fromStatus(ctx, err)
		}
		if err := checkJob(j, ""); err != nil {
			return err
		}
		if err := send(j); err != nil {
			return err
		}
	}
}

// Watch implements Watcher.
func (c *Client) Watch(ctx context.Context, device string, send func(*driverv1.DeviceStatus) error) error {
	stream, err := c.rpc.WatchStatus(ctx, &driverv1.WatchStatusRequest{Meta: c.meta, DeviceId: device})
	if err != nil {
		return fromStatus(ctx, err)
	}
	for {
		s, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fromStatus(ctx, err)
		}
		if err := send(s); err != nil {
			return err
		}
	}
}

// Sign implements Signer. The caller verifies the signature against the key that
// Device or a certificate gives.
func (c *Client) Sign(ctx context.Context, device string, purpose driverv1.Purpose, digest [32]byte) (*driverv1.Signature, error) {
	s, err := c.rpc.SignTranscript(ctx, &driverv1.SignTranscriptRequest{Meta: c.meta, DeviceId: device, Digest: digest[:], Purpose: purpose})
	return s, fromStatus(ctx, err)
}

// Drain asks the process to finish; send hears how many jobs are open.
func (c *Client) Drain(ctx context.Context, grace time.Duration, send func(open uint64) error) error {
	stream, err := c.rpc.Drain(ctx, &driverv1.DrainRequest{Meta: c.meta, Grace: durationpb.New(grace)})
	if err != nil {
		return fromStatus(ctx, err)
	}
	for {
		p, err := stream.Recv()
		if errors.Is(err, io.EOF) || p.GetDone() {
			return nil
		}
		if err != nil {
			return fromStatus(ctx, err)
		}
		if err := send(p.OpenJobs); err != nil {
			return err
		}
	}
}
