package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// maxVendorText bounds what a vendor's message may add to an error.
const maxVendorText = 1024

// Code is an error code of the contract, in the order of ErrorCode in the proto.
type Code = driverv1.ErrorCode

// The codes a driver answers with.
const (
	ProgramInvalid    = driverv1.ErrorCode_ERROR_CODE_PROGRAM_INVALID
	GateUnsupported   = driverv1.ErrorCode_ERROR_CODE_GATE_UNSUPPORTED
	Connectivity      = driverv1.ErrorCode_ERROR_CODE_CONNECTIVITY
	TooManyQubits     = driverv1.ErrorCode_ERROR_CODE_TOO_MANY_QUBITS
	TooManyShots      = driverv1.ErrorCode_ERROR_CODE_TOO_MANY_SHOTS
	ProgramTooLarge   = driverv1.ErrorCode_ERROR_CODE_PROGRAM_TOO_LARGE
	Auth              = driverv1.ErrorCode_ERROR_CODE_AUTH
	Forbidden         = driverv1.ErrorCode_ERROR_CODE_FORBIDDEN
	Quota             = driverv1.ErrorCode_ERROR_CODE_QUOTA
	RateLimited       = driverv1.ErrorCode_ERROR_CODE_RATE_LIMITED
	Budget            = driverv1.ErrorCode_ERROR_CODE_BUDGET
	DeviceOffline     = driverv1.ErrorCode_ERROR_CODE_DEVICE_OFFLINE
	Calibrating       = driverv1.ErrorCode_ERROR_CODE_CALIBRATING
	VendorDown        = driverv1.ErrorCode_ERROR_CODE_VENDOR_DOWN
	ExecutionFailed   = driverv1.ErrorCode_ERROR_CODE_EXECUTION_FAILED
	CompilationFailed = driverv1.ErrorCode_ERROR_CODE_COMPILATION_FAILED
	NotConfigured     = driverv1.ErrorCode_ERROR_CODE_NOT_CONFIGURED
	Deadline          = driverv1.ErrorCode_ERROR_CODE_DEADLINE
	UnknownJob        = driverv1.ErrorCode_ERROR_CODE_UNKNOWN_JOB
	UnknownDevice     = driverv1.ErrorCode_ERROR_CODE_UNKNOWN_DEVICE
	ResultGone        = driverv1.ErrorCode_ERROR_CODE_RESULT_GONE
	SubmitUncertain   = driverv1.ErrorCode_ERROR_CODE_SUBMIT_UNCERTAIN
	NotSupported      = driverv1.ErrorCode_ERROR_CODE_NOT_SUPPORTED
	Cancelled         = driverv1.ErrorCode_ERROR_CODE_CANCELLED
	KeyReused         = driverv1.ErrorCode_ERROR_CODE_KEY_REUSED
	ConfigInvalid     = driverv1.ErrorCode_ERROR_CODE_CONFIG_INVALID
	Draining          = driverv1.ErrorCode_ERROR_CODE_DRAINING
)

// statusOf is the gRPC code that carries each code.
var statusOf = map[Code]codes.Code{
	ProgramInvalid: codes.InvalidArgument, GateUnsupported: codes.InvalidArgument, Connectivity: codes.InvalidArgument,
	TooManyQubits: codes.InvalidArgument, TooManyShots: codes.InvalidArgument, ProgramTooLarge: codes.InvalidArgument,
	ConfigInvalid: codes.InvalidArgument,
	Auth:          codes.Unauthenticated, Forbidden: codes.PermissionDenied,
	Quota: codes.ResourceExhausted, RateLimited: codes.ResourceExhausted, Budget: codes.ResourceExhausted,
	DeviceOffline: codes.Unavailable, Calibrating: codes.Unavailable, VendorDown: codes.Unavailable, Draining: codes.Unavailable,
	ExecutionFailed: codes.FailedPrecondition, CompilationFailed: codes.FailedPrecondition, NotConfigured: codes.FailedPrecondition,
	Deadline: codes.DeadlineExceeded, UnknownJob: codes.NotFound, UnknownDevice: codes.NotFound, ResultGone: codes.DataLoss,
	SubmitUncertain: codes.Unknown, NotSupported: codes.Unimplemented, Cancelled: codes.Canceled, KeyReused: codes.AlreadyExists,
}

// ErrDied tells that the driver process went away during a call, as opposed to an
// answer of the driver or an end that the caller asked for.
var ErrDied = errors.New("the driver process died")

// ErrBroken tells that a driver broke the contract: its answer must not be used.
var ErrBroken = errors.New("the driver broke the contract")

// Error is what a driver answers when it refuses or fails.
type Error struct {
	Code          Code
	Retryable     bool          // the same call may succeed later; never true for SubmitUncertain
	RetryAfter    time.Duration // 0: the caller's own schedule
	VendorCode    string
	VendorMessage string // at most 1 KiB; never a secret
	HTTPStatus    int    // of the vendor's answer; 0: none
	Field         string
	Hint          string
}

// Errorf makes an Error whose VendorMessage is the formatted text.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, VendorMessage: fmt.Sprintf(format, args...)}
}

// Name is the code without its prefix: "RATE_LIMITED".
func Name(c Code) string { return strings.TrimPrefix(c.String(), "ERROR_CODE_") }

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(Name(e.Code))
	if e.Field != "" {
		fmt.Fprintf(&b, " (%s)", e.Field)
	}
	if e.VendorMessage != "" {
		b.WriteString(": " + e.VendorMessage)
	}
	if e.VendorCode != "" || e.HTTPStatus != 0 {
		fmt.Fprintf(&b, " [vendor %s %d]", e.VendorCode, e.HTTPStatus)
	}
	return b.String()
}

// Is matches another Error of the same code, so that errors.Is(err,
// &Error{Code: Auth}) asks for a code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// detail is the wire form.
func (e *Error) detail() *driverv1.ErrorDetail {
	d := &driverv1.ErrorDetail{Code: e.Code, Retryable: e.Retryable && e.Code != SubmitUncertain, VendorCode: clip(e.VendorCode, 128),
		VendorMessage: clip(e.VendorMessage, maxVendorText), Field: clip(e.Field, 256), Hint: clip(e.Hint, maxVendorText)}
	if e.HTTPStatus > 0 {
		d.HttpStatus = uint32(e.HTTPStatus)
	}
	if e.RetryAfter > 0 {
		d.RetryAfter = durationpb.New(e.RetryAfter)
	}
	return d
}

// FromDetail reads the wire form; nil gives nil.
func FromDetail(d *driverv1.ErrorDetail) *Error {
	if d == nil {
		return nil
	}
	return &Error{Code: d.Code, Retryable: d.Retryable && d.Code != SubmitUncertain, RetryAfter: max(0, d.RetryAfter.AsDuration()), VendorCode: clip(d.VendorCode, 128),
		VendorMessage: clip(d.VendorMessage, maxVendorText), HTTPStatus: int(d.HttpStatus), Field: clip(d.Field, 256), Hint: clip(d.Hint, maxVendorText)}
}

// toStatus is what the server answers for an error of the implementation.
func toStatus(err error) error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded):
		e = Errorf(Deadline, "the call's deadline passed")
	case errors.Is(err, context.Canceled):
		e = Errorf(Cancelled, "the caller cancelled")
	default:
		if s, ok := status.FromError(err); ok {
			return s.Err()
		}
		e = Errorf(ExecutionFailed, "%v", err)
	}
	c, ok := statusOf[e.Code]
	if !ok {
		c = codes.Unknown
	}
	s, err := status.New(c, clip(e.Error(), maxVendorText)).WithDetails(e.detail())
	if err != nil {
		return status.Error(c, clip(e.Error(), maxVendorText))
	}
	return s.Err()
}

// FromStatus reads the detail of a gRPC error; nil when there is none.
func FromStatus(err error) *Error {
	s, ok := status.FromError(err)
	if err == nil || !ok {
		return nil
	}
	for _, d := range s.Details() {
		if d, ok := d.(*driverv1.ErrorDetail); ok {
			return FromDetail(d)
		}
	}
	return nil
}

// fromStatus is what the client returns for a status. ctx tells the caller's own
// end apart from the driver's.
func fromStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	if e := FromStatus(err); e != nil {
		return e
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	switch s.Code() {
	case codes.Unavailable, codes.Canceled: // Canceled, and not by us: the connection closes
		return fmt.Errorf("%w: %s", ErrDied, s.Message())
	case codes.Unimplemented:
		return &Error{Code: NotSupported, VendorMessage: clip(s.Message(), maxVendorText)}
	case codes.DeadlineExceeded:
		return &Error{Code: Deadline, VendorMessage: clip(s.Message(), maxVendorText)}
	}
	return fmt.Errorf("status %s without details (%s): %w", s.Code(), clip(s.Message(), maxVendorText), ErrBroken)
}

// clip cuts a foreign text to n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, string(utf8.RuneError))
}
