package driver

import (
	"context"
	"crypto/sha3"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// server puts the rules of SPEC.md around an implementation.
type server struct {
	driverv1.UnimplementedDriverServer
	d Driver

	configure  sync.RWMutex // held for writing while Configure runs
	configured bool
	draining   atomic.Bool
}

func (s *server) Describe(ctx context.Context, _ *driverv1.DescribeRequest) (*driverv1.Description, error) {
	d, err := s.d.Describe(ctx)
	return d, toStatus(err)
}

func (s *server) Configure(ctx context.Context, r *driverv1.ConfigureRequest) (*driverv1.ConfigureResponse, error) {
	if len(r.ConfigJson) > 64<<10 {
		return nil, toStatus(&Error{Code: ConfigInvalid, Field: "config_json", VendorMessage: fmt.Sprintf("%d bytes, at most %d", len(r.ConfigJson), 64<<10)})
	}
	s.configure.Lock()
	defer s.configure.Unlock()
	warnings, err := s.d.Configure(ctx, &Config{JSON: r.ConfigJson, Secrets: r.Secrets, CacheDir: r.CacheDir, Dev: r.Dev})
	if err != nil {
		return nil, toStatus(err)
	}
	s.configured = true
	return &driverv1.ConfigureResponse{Warnings: warnings}, nil
}

// ready is the first line of every call that needs a configuration. The caller
// calls the function it returns when it is done.
func (s *server) ready() (done func(), err error) {
	s.configure.RLock()
	if !s.configured {
		s.configure.RUnlock()
		return nil, toStatus(&Error{Code: NotConfigured, VendorMessage: "Configure has not succeeded yet"})
	}
	return s.configure.RUnlock, nil
}

func (s *server) GetDevice(ctx context.Context, r *driverv1.GetDeviceRequest) (*driverv1.GetDeviceResponse, error) {
	done, err := s.ready()
	if err != nil {
		return nil, err
	}
	defer done()
	d, err := s.d.Device(ctx, r.DeviceId)
	if err != nil {
		return nil, toStatus(err)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(d)
	if err != nil {
		return nil, toStatus(err)
	}
	sum := sha3.Sum256(b)
	resp := &driverv1.GetDeviceResponse{Etag: fmt.Sprintf("%x", sum[:16])}
	if resp.Etag != r.IfEtag {
		resp.Device = d
	}
	return resp, nil
}

func (s *server) GetCalibration(ctx context.Context, r *driverv1.GetCalibrationRequest) (*driverv1.Calibration, error) {
	done, err := s.ready()
	if err != nil {
		return nil, err
	}
	defer done()
	c, err := s.d.Calibration(ctx, r.DeviceId, r.CalibrationId)
	return c, toStatus(err)
}

func (s *server) WatchStatus(r *driverv1.WatchStatusRequest, stream grpc.ServerStreamingServer[driverv1.DeviceStatus]) error {
	done, err := s.ready()
	if err != nil {
		return err
	}
	done() // a watch outlives reloads
	w, ok := s.d.(Watcher)
	if !ok {
		return toStatus(&Error{Code: NotSupported, VendorMessage: "this driver does not watch its devices"})
	}
	return toStatus(w.Watch(stream.Context(), r.DeviceId, stream.Send))
}

// submission reads and checks a batch against its device.
func (s *server) submission(ctx context.Context, recv func() (*driverv1.SubmitChunk, error)) (*Submission, error) {
	sub, err := receive(ctx, func() (*driverv1.SubmitChunk, error) {
		c, err := recv()
		if n := len(c.GetRows()); n > ChunkBytes {
			return nil, fmt.Errorf("a chunk of %d bytes, at most %d", n, ChunkBytes)
		}
		return c, err
	}, MaxProgramBytes)
	if err != nil {
		return nil, err
	}
	d, err := s.d.Device(ctx, sub.Device)
	if err != nil {
		return nil, err
	}
	if m := d.GetLimits().GetMaxProgramBytes(); m > 0 && uint64(len(sub.Batch.Rows.Data)) > m {
		return nil, &Error{Code: ProgramTooLarge, Field: "rows", VendorMessage: fmt.Sprintf("%d bytes, device %s takes %d", len(sub.Batch.Rows.Data), d.Id, m)}
	}
	if e := CheckLimits(sub, d); e != nil {
		return nil, e
	}
	return sub, nil
}

func (s *server) Validate(stream grpc.ClientStreamingServer[driverv1.SubmitChunk, driverv1.ValidateReport]) error {
	done, err := s.ready()
	if err != nil {
		return err
	}
	defer done()
	report := &driverv1.ValidateReport{}
	sub, err := s.submission(stream.Context(), stream.Recv)
	if e, ok := err.(*Error); ok {
		report.Problems = append(report.Problems, e.detail())
	} else if err != nil {
		return toStatus(err)
	} else if v, ok := s.d.(Validator); ok {
		problems, err := v.Validate(stream.Context(), sub)
		if err != nil {
			return toStatus(err)
		}
		for _, p := range problems {
			report.Problems = append(report.Problems, p.detail())
		}
	}
	report.Ok = len(report.Problems) == 0
	return stream.SendAndClose(report)
}

func (s *server) Estimate(ctx context.Context, r *driverv1.EstimateRequest) (*driverv1.EstimateResponse, error) {
	done, err := s.ready()
	if err != nil {
		return nil, err
	}
	defer done()
	e, ok := s.d.(Estimator)
	if !ok {
		return nil, toStatus(&Error{Code: NotSupported, VendorMessage: "this driver does not estimate"})
	}
	resp, err := e.Estimate(ctx, r)
	return resp, toStatus(err)
}

func (s *server) SubmitBatch(stream grpc.ClientStreamingServer[driverv1.SubmitChunk, driverv1.SubmitResponse]) error {
	done, err := s.ready()
	if err != nil {
		return err
	}
	defer done()
	if s.draining.Load() {
		return toStatus(&Error{Code: Draining, VendorMessage: "the driver is draining", Retryable: true})
	}
	sub, err := s.submission(stream.Context(), stream.Recv)
	if err != nil {
		return toStatus(err)
	}
	resp, err := s.d.Submit(stream.Context(), sub)
	if err != nil {
		return toStatus(err)
	}
	return stream.SendAndClose(resp)
}

func (s *server) Get(ctx context.Context, r *driverv1.GetRequest) (*driverv1.Job, error) {
	done, err := s.ready()
	if err != nil {
		return nil, err
	}
	done() // a long poll outlives reloads
	j, err := s.d.Get(ctx, r.JobId, min(MaxWait, max(0, r.Wait.AsDuration())))
	return j, toStatus(err)
}

func (s *server) Results(r *driverv1.ResultsRequest, stream grpc.ServerStreamingServer[driverv1.ResultChunk]) error {
	done, err := s.ready()
	if err != nil {
		return err
	}
	done()
	return toStatus(s.d.Results(stream.Context(), r.JobId, r.FromSlot, messageBytes(int(r.MaxMessageBytes)), stream.Send))
}

func (s *server) Cancel(ctx context.Context, r *driverv1.CancelRequest) (*driverv1.CancelResponse, error) {
	done, err := s.ready()
	if err != nil {
		return nil, err
	}
	defer done()
	state, err := s.d.Cancel(ctx, r.JobId)
	return &driverv1.CancelResponse{State: state}, toStatus(err)
}

func (s *server) Recover(r *driverv1.RecoverRequest, stream grpc.ServerStreamingServer[driverv1.Job]) error {
	done, err := s.ready()
	if err != nil {
		return err
	}
	defer done()
	var key [32]byte
	switch {
	case len(r.IdempotencyKey) == 32:
		key = [32]byte(r.IdempotencyKey)
	case len(r.IdempotencyKey) != 0 || r.Since == nil:
		return toStatus(invalid("idempotency_key", "%d bytes, want 32, or none and a time", len(r.IdempotencyKey)))
	}
	since := zeroTime
	if r.Since != nil {
		since = r.Since.AsTime()
	}
	return toStatus(s.d.Recover(stream.Context(), r.DeviceId, key, since, stream.Send))
}

func (s *server) SignTranscript(ctx context.Context, r *driverv1.SignTranscriptRequest) (*driverv1.Signature, error) {
	done, err := s.ready()
	if err != nil {
		return nil, err
	}
	defer done()
	signer, ok := s.d.(Signer)
	switch {
	case len(r.Digest) != 32:
		return nil, toStatus(invalid("digest", "%d bytes, want 32", len(r.Digest)))
	case r.Purpose != driverv1.Purpose_PURPOSE_EXEC && r.Purpose != driverv1.Purpose_PURPOSE_RESULT:
		return nil, toStatus(invalid("purpose", "%d is not known", r.Purpose))
	case !ok:
		return nil, toStatus(&Error{Code: NotSupported, VendorMessage: "this driver holds no device key"})
	}
	sig, err := signer.Sign(ctx, r.DeviceId, r.Purpose, [32]byte(r.Digest))
	return sig, toStatus(err)
}

func (s *server) Drain(r *driverv1.DrainRequest, stream grpc.ServerStreamingServer[driverv1.DrainProgress]) error {
	s.draining.Store(true)
	if d, ok := s.d.(Drainer); ok {
		err := d.Drain(stream.Context(), max(0, r.Grace.AsDuration()), func(open uint64) error {
			return stream.Send(&driverv1.DrainProgress{OpenJobs: open, Done: open == 0})
		})
		if err != nil {
			return toStatus(err)
		}
	}
	return stream.Send(&driverv1.DrainProgress{Done: true})
}
