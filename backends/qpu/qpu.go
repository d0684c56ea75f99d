package qpu

import (
	"bytes"
	"context"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Sentinels.
var (
	// ErrResultKind: the device gives something else than shots, such as
	// probabilities.
	ErrResultKind = errors.New("the device returned no shots")
	// ErrUncertain: the driver cannot tell whether a submission was accepted.
	ErrUncertain = errors.New("it is not known whether the vendor accepted the submission")
	// ErrSignature: the device's signature does not verify.
	ErrSignature = errors.New("the device's signature does not verify")
)

// Acquire gives the present client of a driver; supervisor.Supervisor's method.
type Acquire func(ctx context.Context) (*driver.Client, *driverv1.Description, <-chan struct{}, error)

// Config of a backend.
type Config struct {
	Name    string // "mockqpu": how --backend names it
	Acquire Acquire
	Device  string // empty: the driver's only device
	// Journal holds intents and acceptances; see driver.Ledger.
	Journal *driver.Ledger
	// Keep stores a calibration snapshot under its id ("sha3-256:" and hex).
	Keep func(ctx context.Context, id string, snapshot []byte) error
	// MaxCost bounds one submission; nil: no bound.
	MaxCost *driverv1.Money
	// NotAfter is passed to the vendor; zero: none.
	NotAfter time.Time
	// Note hears, in words for the operator, that a submission was found to be made
	// before and is not made again; nil: nobody.
	Note func(string)
	// Certificate is the vendor's certificate of the device, DER, where the operator
	// has it and the driver does not; nil: that of the driver, if any.
	Certificate []byte
	// Patience is how long a driver that died may take to come back [60 s].
	Patience time.Duration
	// Sleep waits or returns ctx's error; nil: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Backend runs batches on a device.
type Backend struct {
	cfg    Config
	about  *driverv1.Description
	device *driverv1.Device
	frame  transcript.DeviceFrame
	calib  string         // the vendor's id of the calibration in the frame
	tidy   sync.WaitGroup // cancellations at the vendor that are under way
}

var _ backends.Backend = (*Backend)(nil)

// Open asks the driver for its device and present calibration.
func Open(ctx context.Context, cfg Config) (*Backend, error) {
	if cfg.Patience <= 0 {
		cfg.Patience = time.Minute
	}
	if cfg.Note == nil {
		cfg.Note = func(string) {}
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	c, about, _, err := cfg.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("driver %s: %w: %w", cfg.Name, err, backends.ErrUnavailable)
	}
	if cfg.Device == "" {
		if len(about.DeviceIds) != 1 {
			return nil, fmt.Errorf("driver %s has the devices %q: name one: %w", cfg.Name, about.DeviceIds, backends.ErrUnsupported)
		}
		cfg.Device = about.DeviceIds[0]
	}
	if !slices.Contains(about.DeviceIds, cfg.Device) {
		return nil, fmt.Errorf("driver %s has no device %q, only %q: %w", cfg.Name, cfg.Device, about.DeviceIds, backends.ErrUnsupported)
	}
	b := &Backend{cfg: cfg, about: about}
	if b.device, err = c.Device(ctx, cfg.Device); err != nil {
		return nil, fmt.Errorf("device %s: %w", cfg.Device, err)
	}
	if !b.gives(driverv1.ResultKind_RESULT_KIND_PER_SHOT) && !b.countsOnly() {
		return nil, fmt.Errorf("device %s gives %s: %w", cfg.Device, kindNames(b.device.ResultKinds), ErrResultKind)
	}
	if err := b.fixFrame(ctx, c); err != nil {
		return nil, err
	}
	return b, nil
}

// fixFrame takes the calibration snapshot and builds D.
func (b *Backend) fixFrame(ctx context.Context, c *driver.Client) error {
	d := b.device
	b.frame = transcript.DeviceFrame{Vendor: d.Vendor, Family: d.Family, Serial: d.Serial, Firmware: d.Firmware}
	if key := b.key(); key != nil {
		b.frame.DeviceKeySHA3 = digest.Sum(key.PublicKey)
	}
	cert := b.cfg.Certificate
	if len(d.CertificateChain) > 0 {
		if cert != nil && !bytes.Equal(cert, d.CertificateChain[0]) {
			return fmt.Errorf("device %s has another certificate than the one at hand: %w", d.Id, ErrSignature)
		}
		cert = d.CertificateChain[0]
	}
	if cert != nil {
		b.frame.VendorCertSHA3 = digest.Sum(cert)
	}
	cal, err := c.Calibration(ctx, d.Id, "")
	if errors.Is(err, &driver.Error{Code: driver.NotSupported}) {
		return nil // a device without calibration data, as D says by an empty id
	}
	if err != nil {
		return fmt.Errorf("calibration of %s: %w", d.Id, err)
	}
	b.calib = cal.Id
	// What is hashed must not change while the calibration does not: the time of
	// asking is not part of it.
	snapshot, err := proto.MarshalOptions{Deterministic: true}.Marshal(cal)
	if err != nil {
		return err
	}
	sum := sha3.Sum256(snapshot)
	b.frame.CalibrationID = "sha3-256:" + hex.EncodeToString(sum[:])
	if b.cfg.Keep != nil {
		return b.cfg.Keep(ctx, b.frame.CalibrationID, snapshot)
	}
	return nil
}

// key is the device's first ed25519 key; nil when there is none.
func (b *Backend) key() *driverv1.DeviceKey {
	for _, k := range b.device.Keys {
		if k.Algorithm == "ed25519" && len(k.PublicKey) == 32 {
			return k
		}
	}
	return nil
}

// Name implements backends.Backend.
func (b *Backend) Name() string { return b.cfg.Name }

// Description is the driver's own.
func (b *Backend) Description() *driverv1.Description { return b.about }

// Device is the device as it was when the backend was opened.
func (b *Backend) Device() *driverv1.Device { return b.device }

// Capabilities implements backends.Backend.
func (b *Backend) Capabilities(context.Context) (backends.Capabilities, error) {
	c := backends.Capabilities{MaxWidth: int(b.device.Width), MaxShots: 10_000_000, Device: b.frame, CountsOnly: b.countsOnly()}
	for _, e := range b.device.Edges {
		c.Edges = append(c.Edges, circuit.Pair{A: uint16(e.A), B: uint16(e.B)})
	}
	return c, nil
}

// Close implements backends.Backend: it waits for cancellations to reach the
// vendor. The driver belongs to its supervisor.
func (b *Backend) Close() error {
	b.tidy.Wait()
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
