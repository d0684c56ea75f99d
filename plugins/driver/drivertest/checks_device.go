package drivertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// about is a check of the device as it was given.
func about(f func(d *driverv1.Device) error) func(context.Context, *bench) error {
	return func(_ context.Context, b *bench) error { return f(b.device) }
}

var deviceChecks = []check{
	{"device", "device-names", 0, about(func(d *driverv1.Device) error {
		if d.Vendor == "" || d.Family == "" || d.Serial == "" {
			return fmt.Errorf("vendor %q, family %q, serial %q: none may be empty", d.Vendor, d.Family, d.Serial)
		}
		return nil
	})},
	{"device", "device-kind", 0, about(func(d *driverv1.Device) error {
		if d.Kind == 0 || driverv1.DeviceKind_name[int32(d.Kind)] == "" {
			return fmt.Errorf("kind %d", d.Kind)
		}
		return nil
	})},
	{"device", "device-stable", 0, func(ctx context.Context, b *bench) error {
		d, err := b.client().Device(ctx, b.device.Id)
		if err == nil && !proto.Equal(d, b.device) {
			err = errors.New("the device changes between calls")
		}
		return err
	}},
	{"device", "unknown-device", 0, func(ctx context.Context, b *bench) error {
		_, err := b.client().Device(ctx, "no-such-device")
		return wantCode(err, driver.UnknownDevice)
	}},
	{"device", "qubits", 0, about(func(d *driverv1.Device) error {
		if len(d.Qubits) != int(d.Width) {
			return fmt.Errorf("%d qubits listed of %d", len(d.Qubits), d.Width)
		}
		for i, q := range d.Qubits {
			if q.Id != uint32(i) {
				return fmt.Errorf("qubit %d has id %d", i, q.Id)
			}
		}
		return nil
	})},
	{"device", "edges", 0, about(func(d *driverv1.Device) error {
		seen := map[[2]uint32]bool{}
		for _, e := range d.Edges {
			if e.A >= e.B || e.B >= d.Width || seen[[2]uint32{e.A, e.B}] {
				return fmt.Errorf("coupling (%d, %d) is not a < b < %d, or stands twice", e.A, e.B, d.Width)
			}
			seen[[2]uint32{e.A, e.B}] = true
		}
		return nil
	})},
	{"device", "operations", 0, about(func(d *driverv1.Device) error {
		for _, o := range d.Operations {
			if o.Name == "" || o.Arity < 1 || o.Fidelity != nil && !(*o.Fidelity >= 0 && *o.Fidelity <= 1) {
				return fmt.Errorf("operation %v", o)
			}
			if o.Name == "measure" {
				return nil
			}
		}
		return errors.New("no operation is called measure")
	})},
	{"device", "limits", 0, about(func(d *driverv1.Device) error {
		l := d.Limits
		if l == nil || l.MaxSlotsPerSubmit < 1 || l.MaxShotsPerSlot < 1 || l.MaxInFlight < 1 {
			return fmt.Errorf("limits %v: slots, shots and in-flight submissions are at least 1", l)
		}
		return nil
	})},
	{"device", "result-kinds", 0, about(func(d *driverv1.Device) error {
		if len(d.ResultKinds) == 0 {
			return errors.New("no result kind")
		}
		for _, k := range d.ResultKinds {
			if k == 0 || driverv1.ResultKind_name[int32(k)] == "" {
				return fmt.Errorf("result kind %d", k)
			}
		}
		return nil
	})},
	{"device", "device-keys", 0, about(func(d *driverv1.Device) error {
		for _, k := range d.Keys {
			if k.Algorithm != "ed25519" || len(k.PublicKey) != 32 || !driver.CheckID(k.Id) || k.Holder == 0 {
				return fmt.Errorf("key %q: algorithm %q, %d bytes, holder %s", k.Id, k.Algorithm, len(k.PublicKey), k.Holder)
			}
		}
		return nil
	})},
	{"device", "emulator-is-no-qpu", 0, about(func(d *driverv1.Device) error {
		for _, k := range d.Keys {
			if d.Kind != driverv1.DeviceKind_DEVICE_KIND_QPU && k.Holder == driverv1.KeyHolder_KEY_HOLDER_DEVICE {
				return fmt.Errorf("a %s cannot hold a device's key", d.Kind)
			}
		}
		return nil
	})},
}

// calibrated gives the present snapshot, or skips.
func calibrated(f func(ctx context.Context, b *bench, c *driverv1.Calibration) error) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		c, err := b.client().Calibration(ctx, b.device.Id, "")
		if errors.Is(err, &driver.Error{Code: driver.NotSupported}) {
			return skip("the device has no calibration data")
		}
		if err != nil {
			return err
		}
		return f(ctx, b, c)
	}
}

var calibrationChecks = []check{
	{"calibration", "calibration-stable", 0, calibrated(func(ctx context.Context, b *bench, c *driverv1.Calibration) error {
		again, err := b.client().Calibration(ctx, b.device.Id, "")
		if err == nil && again.Id == c.Id && !proto.Equal(again, c) {
			err = errors.New("one id, two snapshots: their bytes depend on the time of asking")
		}
		return err
	})},
	{"calibration", "calibration-by-id", 0, calibrated(func(ctx context.Context, b *bench, c *driverv1.Calibration) error {
		again, err := b.client().Calibration(ctx, b.device.Id, c.Id)
		if err == nil && !proto.Equal(again, c) {
			err = errors.New("the snapshot by its id is another one")
		}
		return err
	})},
	{"calibration", "unknown-calibration", 0, calibrated(func(ctx context.Context, b *bench, _ *driverv1.Calibration) error {
		_, err := b.client().Calibration(ctx, b.device.Id, "no-such-calibration")
		return wantCode(err, driver.ResultGone, driver.ProgramInvalid, driver.NotSupported)
	})},
	{"calibration", "calibration-raw-hash", 0, calibrated(func(_ context.Context, _ *bench, c *driverv1.Calibration) error {
		sum := sha256.Sum256(c.VendorRaw)
		if len(c.VendorRaw) > 0 && !bytes.Equal(sum[:], c.VendorRawSha256) {
			return errors.New("vendor_raw_sha256 is not the hash of vendor_raw")
		}
		return nil
	})},
	{"calibration", "calibration-units", 0, calibrated(func(_ context.Context, b *bench, c *driverv1.Calibration) error {
		for i, q := range c.Qubits {
			if q.Id >= b.device.Width || i > 0 && q.Id <= c.Qubits[i-1].Id {
				return fmt.Errorf("qubit ids are not ascending below %d", b.device.Width)
			}
			for _, t := range []*uint64{q.T1Ns, q.T2Ns} {
				if t != nil && (*t < 1 || *t > 1e13) {
					return fmt.Errorf("qubit %d: %d ns is no relaxation time (1 ns to 10^4 s)", q.Id, *t)
				}
			}
			for _, p := range []*float64{q.Readout_0Given_1, q.Readout_1Given_0} {
				if p != nil && !(*p >= 0 && *p <= 1) {
					return fmt.Errorf("qubit %d: readout error %v", q.Id, *p)
				}
			}
		}
		return nil
	})},
	{"calibration", "calibration-gates", 0, calibrated(func(_ context.Context, b *bench, c *driverv1.Calibration) error {
		for _, g := range c.Gates {
			if g.Operation == "" || len(g.Qubits) == 0 || g.Fidelity != nil && !(*g.Fidelity >= 0 && *g.Fidelity <= 1) || g.Stderr != nil && !(*g.Stderr >= 0) {
				return fmt.Errorf("gate %v", g)
			}
			for _, q := range g.Qubits {
				if q >= b.device.Width {
					return fmt.Errorf("gate %s on qubit %d of %d", g.Operation, q, b.device.Width)
				}
			}
		}
		return nil
	})},
}
