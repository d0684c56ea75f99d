package driver

import (
	"context"
	"time"

	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// Config is what Configure brings.
type Config struct {
	JSON     []byte            // valid by the schema that Describe gives; at most 64 KiB
	Secrets  map[string]string // never logged, never in an error
	CacheDir string            // the only folder that the driver may write
	Dev      bool              // fakes and vendor sandboxes are fine
}

// Driver is what every driver does. Vendors implement it, Client implements it
// for the engine. Methods are called from several goroutines at once; Configure
// is called alone, first and, for a hot reload, again. Errors are *Error.
type Driver interface {
	// Describe works before Configure; it answers the same for the process's life.
	Describe(ctx context.Context) (*driverv1.Description, error)
	// Configure returns warnings for the operator.
	Configure(ctx context.Context, c *Config) (warnings []string, err error)
	Device(ctx context.Context, id string) (*driverv1.Device, error)
	// Calibration is the present snapshot, or the one with an id.
	Calibration(ctx context.Context, device, id string) (*driverv1.Calibration, error)
	// Submit hands the batch to the vendor at most once for its key. An end that is
	// not known is SubmitUncertain, and Recover answers it later.
	Submit(ctx context.Context, s *Submission) (*driverv1.SubmitResponse, error)
	// Get waits up to wait (at most 30 s) for the job to change.
	Get(ctx context.Context, jobID string, wait time.Duration) (*driverv1.Job, error)
	// Results sends a header, bodies from a slot on, and a trailer. SendRows and
	// SendPairs make all of them.
	Results(ctx context.Context, jobID string, from uint64, maxBytes int, send func(*driverv1.ResultChunk) error) error
	Cancel(ctx context.Context, jobID string) (driverv1.CancelState, error)
	// Recover sends the vendor's jobs that carry a key, or all since a time.
	Recover(ctx context.Context, device string, key [32]byte, since time.Time, send func(*driverv1.Job) error) error
}

// Watcher is implemented by drivers with FEATURE_WATCH. It sends the present
// state first and returns when ctx ends.
type Watcher interface {
	Watch(ctx context.Context, device string, send func(*driverv1.DeviceStatus) error) error
}

// Validator is implemented by drivers that can tell more about a batch than the
// device's limits do. The server checks the limits itself.
type Validator interface {
	Validate(ctx context.Context, s *Submission) ([]*Error, error)
}

// Estimator is implemented by drivers with FEATURE_ESTIMATE.
type Estimator interface {
	Estimate(ctx context.Context, r *driverv1.EstimateRequest) (*driverv1.EstimateResponse, error)
}

// Signer is implemented by drivers with FEATURE_SIGN. It signs SignedMessage of
// purpose and digest.
type Signer interface {
	Sign(ctx context.Context, device string, purpose driverv1.Purpose, digest [32]byte) (*driverv1.Signature, error)
}

// Drainer is implemented by drivers that have something to finish. The server
// itself refuses new submissions while it drains.
type Drainer interface {
	Drain(ctx context.Context, grace time.Duration, send func(open uint64) error) error
}

// SignedMessage is what a device key signs for a transcript digest: a fixed
// domain, the purpose and the digest, so that a driver's key signs nothing else.
func SignedMessage(p driverv1.Purpose, digest [32]byte) []byte {
	name := map[driverv1.Purpose]string{driverv1.Purpose_PURPOSE_EXEC: "exec", driverv1.Purpose_PURPOSE_RESULT: "result"}[p]
	return append([]byte("engine.driver.v1/sign/"+name+"\x00"), digest[:]...)
}

// Has tells whether a description lists a feature.
func Has(d *driverv1.Description, f driverv1.Feature) bool {
	for _, g := range d.GetFeatures() {
		if g == f {
			return true
		}
	}
	return false
}

// CheckID reports whether an id of the contract is well formed: 1 to 128
// characters of [A-Za-z0-9._:-].
func CheckID(id string) bool {
	if len(id) < 1 || len(id) > 128 {
		return false
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == ':' || c == '-') {
			return false
		}
	}
	return true
}
