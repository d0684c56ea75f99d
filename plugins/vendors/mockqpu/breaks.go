package mockqpu

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// Serve runs the driver; name is the conformance check that it is made to fail,
// empty for the driver as it should be.
func Serve(now func() time.Time, name string) error {
	if name == "" {
		driver.Serve(New(now))
		return nil
	}
	if !slices.Contains(Breaks(), name) {
		return fmt.Errorf("there is no break %q; there are %s", name, strings.Join(Breaks(), ", "))
	}
	b := &broken{plain: New(now), name: name, seen: map[[32]byte]bool{}, mine: map[string]bool{}, reads: map[string]int{}}
	c := driver.ServeConfig{Driver: b, Options: []grpc.ServerOption{grpc.ChainUnaryInterceptor(b.unary), grpc.ChainStreamInterceptor(b.stream)}}
	switch name {
	case "needs-cookie":
		os.Setenv(driver.Handshake.MagicCookieKey, driver.Handshake.MagicCookieValue)
	case "answers-to-sigterm":
		signal.Ignore(syscall.SIGTERM)
	case "quiet-log":
		fmt.Fprintln(os.Stderr, "panic: not really")
	case "handshake-line":
		c.Prepare = rewriteLine(func(p []string) []string {
			for len(p) < 8 {
				p = append(p, "")
			}
			return p
		})
	case "protocol-version":
		c.Prepare = rewriteLine(func(p []string) []string {
			if strings.Contains(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), "9999") {
				p[1] = "9999"
			}
			return p
		})
	case "refuses-no-certificate", "refuses-other-certificate":
		b.looseTLS(&c)
	}
	c.Serve()
	return nil
}

// Breaks lists the names: the checks of the conformance kit that can fail while
// the rest of the driver works.
func Breaks() []string {
	return []string{
		"handshake-line", "protocol-version", "refuses-no-certificate", "refuses-other-certificate", "needs-cookie", "answers-to-sigterm", "health",
		"describe-stable", "driver-id", "driver-version", "features", "device-ids", "config-schema", "secret-names", "vendor-api",
		"device-before-configure", "submit-before-configure", "get-before-configure", "unknown-member", "not-json", "refusal-keeps-the-old", "hot-reload", "secrets-stay-secret",
		"device-names", "device-kind", "device-stable", "unknown-device", "qubits", "edges", "operations", "limits", "result-kinds", "device-keys", "emulator-is-no-qpu", "money",
		"calibration-stable", "calibration-by-id", "unknown-calibration", "calibration-raw-hash", "calibration-units", "calibration-gates",
		"submit", "same-key-same-batch", "says-deduplicated", "same-key-other-batch", "other-device", "index-outside-palette", "palette-out-of-order", "rows-too-few", "too-many-qubits",
		"too-many-slots", "too-many-shots", "shots-for-many-slots", "not-coupled", "unknown-kind", "kind-not-offered", "time-has-passed", "time-has-passed-leaves-no-job", "five-megabytes",
		"validate-accepts", "validate-refuses", "validate-submits-nothing", "estimate",
		"unknown-job", "get-after-the-end", "ends-stay", "slots-done", "times-in-order", "deadline-is-honoured", "many-calls-at-once", "cancel-unknown", "cancel-too-late",
		"bit-0-of-3", "bit-2-of-3", "bits-over-a-byte", "slots-in-order", "gate-h", "gate-z", "gate-s", "phases-in-order", "gate-cz", "gate-cz-idle", "declared-kind", "shots-are-not-constant",
		"same-again", "resume-from-slot-7", "resume-at-the-end", "small-messages", "slot-beyond-the-end", "results-of-unknown-job", "calibration-in-trailer", "counts-add-up",
		"recover-by-key", "recover-nothing", "recover-since", "killed-after-acceptance", "killed-while-submitting", "results-survive-kill",
		"signature-verifies", "purpose-is-signed", "counter-rises", "counter-survives-kill", "sign-unknown-device", "sign-unknown-purpose",
		"watch-begins-with-now", "memory-is-flat", "files-are-closed", "quiet-log", "drain-ends", "drain-refuses-work",
	}
}

// plain is the driver as it should be, under a name that leaves Device free.
type plain = Device

// broken is mockqpu with one promise broken.
type broken struct {
	*plain
	name  string
	calls atomic.Uint64 // of everything
	busy  atomic.Int32  // calls of Get at once

	mu        sync.Mutex
	seen      map[[32]byte]bool // keys that Submit or Validate was asked about
	mine      map[string]bool   // jobs that this process accepted
	reads     map[string]int    // whole readings of a job
	flagged   bool              // the last calibration asked for was a changed one, or one by id
	restarted bool              // an earlier process was configured in this folder
	reloads   int
	refused   bool
	signed    uint64
	leak      [][]byte
	files     []*os.File
}

// forgives tells whether a refusal becomes an answer.
func (b *broken) forgives(method string, e *driver.Error) bool {
	in := func(m string, code driver.Code, text string) bool {
		return strings.HasSuffix(method, "/"+m) && e.Code == code && strings.Contains(e.Field+": "+e.VendorMessage, text)
	}
	switch b.name {
	case "device-before-configure":
		return in("GetDevice", driver.NotConfigured, "")
	case "submit-before-configure":
		return in("SubmitBatch", driver.NotConfigured, "")
	case "get-before-configure":
		return in("Get", driver.NotConfigured, "")
	case "unknown-member":
		return in("Configure", driver.ConfigInvalid, "no_such_member")
	case "not-json":
		return in("Configure", driver.ConfigInvalid, "") && !strings.Contains(e.VendorMessage, "no_such_member") && !strings.Contains(e.VendorMessage, "object")
	case "unknown-device":
		return in("GetDevice", driver.UnknownDevice, "")
	case "unknown-calibration":
		return in("GetCalibration", driver.ResultGone, "")
	case "same-key-other-batch":
		return in("SubmitBatch", driver.KeyReused, "")
	case "other-device":
		return in("SubmitBatch", driver.UnknownDevice, "")
	case "index-outside-palette":
		return in("SubmitBatch", driver.ProgramInvalid, "outside the palette")
	case "palette-out-of-order":
		return in("SubmitBatch", driver.ProgramInvalid, "out of order")
	case "rows-too-few":
		return in("SubmitBatch", driver.ProgramInvalid, "arrived")
	case "too-many-qubits":
		return in("SubmitBatch", driver.TooManyQubits, "")
	case "too-many-slots":
		return in("SubmitBatch", driver.TooManyShots, "slots: ")
	case "too-many-shots":
		return in("SubmitBatch", driver.TooManyShots, "takes") && e.Field == "shots_per_slot"
	case "shots-for-many-slots":
		return in("SubmitBatch", driver.TooManyShots, "shots for each")
	case "not-coupled":
		return in("SubmitBatch", driver.Connectivity, "")
	case "unknown-kind":
		return in("SubmitBatch", driver.NotSupported, "not known")
	case "kind-not-offered":
		return in("SubmitBatch", driver.NotSupported, "gives no")
	case "time-has-passed":
		return in("SubmitBatch", driver.Deadline, "not_after")
	case "unknown-job":
		return in("Get", driver.UnknownJob, "")
	case "sign-unknown-device":
		return in("SignTranscript", driver.UnknownDevice, "")
	case "sign-unknown-purpose":
		return in("SignTranscript", driver.ProgramInvalid, "purpose")
	case "drain-refuses-work":
		return in("SubmitBatch", driver.Draining, "")
	}
	return false
}

// unary is the interceptor of unary calls.
func (b *broken) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	b.calls.Add(1)
	if b.name == "deadline-is-honoured" {
		if dl, ok := ctx.Deadline(); ok && time.Until(dl) < 50*time.Millisecond {
			os.Exit(3)
		}
	}
	resp, err := handler(ctx, req)
	if err == nil {
		b.edit(req, resp)
		return resp, nil
	}
	e := driver.FromStatus(err)
	if e == nil || !b.forgives(info.FullMethod, e) {
		return resp, err
	}
	switch r := req.(type) {
	case *driverv1.GetDeviceRequest:
		return &driverv1.GetDeviceResponse{Etag: "x", Device: &driverv1.Device{Id: r.DeviceId, Width: 1}}, nil
	case *driverv1.GetRequest:
		return &driverv1.Job{JobId: r.JobId, State: driverv1.JobState_JOB_STATE_QUEUED}, nil
	case *driverv1.GetCalibrationRequest:
		return &driverv1.Calibration{Id: r.CalibrationId}, nil
	case *driverv1.SignTranscriptRequest:
		return &driverv1.Signature{}, nil
	}
	return &driverv1.ConfigureResponse{}, nil
}

// stream is the interceptor of streams.
func (b *broken) stream(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	b.calls.Add(1)
	if b.name == "validate-refuses" {
		s = yes{s}
	}
	err := handler(srv, s)
	e := driver.FromStatus(err)
	if e == nil || !b.forgives(info.FullMethod, e) {
		return err
	}
	return s.SendMsg(&driverv1.SubmitResponse{JobId: "invented", State: driverv1.JobState_JOB_STATE_QUEUED, AcceptedAt: timestamppb.New(b.now())})
}

// yes is a stream whose validations have no objection.
type yes struct{ grpc.ServerStream }

// SendMsg implements grpc.ServerStream.
func (y yes) SendMsg(m any) error {
	if r, ok := m.(*driverv1.ValidateReport); ok {
		r.Ok, r.Problems = true, nil
	}
	return y.ServerStream.SendMsg(m)
}

// edit changes answers in place.
func (b *broken) edit(req, resp any) {
	switch r := resp.(type) {
	case *driverv1.Description:
		b.editDescription(r)
	case *driverv1.GetDeviceResponse:
		b.editDevice(r.Device)
	case *driverv1.Calibration:
		b.editCalibration(req.(*driverv1.GetCalibrationRequest).CalibrationId, r)
	case *driverv1.EstimateResponse:
		if b.name == "estimate" {
			r.Cost.Currency = "?"
		}
	case *driverv1.Signature:
		if b.name == "signature-verifies" && req.(*driverv1.SignTranscriptRequest).Digest[0] == 1 {
			r.Signature[0] ^= 1
		}
	case *healthpb.HealthCheckResponse:
		if b.name == "health" {
			r.Status = healthpb.HealthCheckResponse_NOT_SERVING
		}
	}
}

func (b *broken) editDescription(d *driverv1.Description) {
	switch b.name {
	case "describe-stable":
		d.Build = fmt.Sprint(b.calls.Load())
	case "driver-id":
		d.Id = "mockqpu"
	case "driver-version":
		d.Version = "one"
	case "features":
		slices.Reverse(d.Features)
	case "device-ids":
		d.DeviceIds = append(d.DeviceIds, d.DeviceIds...)
	case "config-schema":
		d.ConfigSchema = []byte("[]")
	case "secret-names":
		d.SecretNames = []string{"b", "a"}
	case "vendor-api":
		d.VendorApi = ""
	}
}

func (b *broken) editDevice(d *driverv1.Device) {
	switch b.name {
	case "device-names":
		d.Serial = ""
	case "device-kind":
		d.Kind = 99
	case "device-stable":
		d.Location = fmt.Sprint(b.calls.Load())
	case "qubits":
		d.Qubits[0].Id = 5
	case "edges":
		d.Edges = append(d.Edges, &driverv1.Edge{A: 1, B: 0})
	case "operations":
		d.Operations = nil
	case "limits":
		d.Limits.MaxInFlight = 0
	case "result-kinds":
		d.ResultKinds = append(d.ResultKinds, 99)
	case "device-keys":
		d.Keys[0].Holder = 0
	case "emulator-is-no-qpu":
		d.Keys[0].Holder = driverv1.KeyHolder_KEY_HOLDER_DEVICE
	case "money":
		d.Pricing = &driverv1.Pricing{PerShot: &driverv1.Money{Currency: "E", Micro: 1}}
	}
}

func (b *broken) editCalibration(asked string, c *driverv1.Calibration) {
	half, two := uint64(0), 2.0
	switch b.name {
	case "calibration-stable":
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.flagged = asked == "" && !b.flagged; asked == "" && !b.flagged {
			c.MeasuredAt = timestamppb.New(time.Unix(int64(b.calls.Load()), 0))
		}
	case "calibration-by-id":
		if asked != "" {
			c.MeasuredAt = timestamppb.New(time.Unix(1, 0))
		}
	case "calibration-raw-hash":
		c.VendorRawSha256[0] ^= 1
	case "calibration-units":
		c.Qubits[0].T1Ns = &half
	case "calibration-gates":
		c.Gates[0].Fidelity = &two
	}
}

// looseTLS serves clients that should be refused.
func (b *broken) looseTLS(c *driver.ServeConfig) {
	cfg, der, err := looseConfig(b.name == "refuses-no-certificate")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	c.TLS = cfg
	c.Prepare = rewriteLine(func(p []string) []string {
		for len(p) < 6 {
			p = append(p, "")
		}
		p[5] = der
		return p
	})
}
