package ionq

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// Name is how an operator calls this driver. DeviceID is its only device: the
// backend that the configuration names.
const (
	Name     = "ionq"
	DeviceID = "ionq"
	Version  = "1.0.0"
)

// Driver implements driver.Driver and driver.Estimator.
type Driver struct {
	now func() time.Time

	mu     sync.Mutex
	cfg    *config
	ledger *driver.Ledger
	dir    string
	submit sync.Mutex // one submission at a time: a key is never in two hands
}

// New makes the driver; now is its clock.
func New(now func() time.Time) *Driver { return &Driver{now: now} }

// Describe implements driver.Driver.
func (d *Driver) Describe(context.Context) (*driverv1.Description, error) {
	return &driverv1.Description{Id: "animica/" + Name, Version: Version, VendorApi: "IonQ REST v0.4 (2026-04-30)", ConfigSchema: []byte(Schema), DeviceIds: []string{DeviceID}, SecretNames: []string{"api_key"},
		Features: []driverv1.Feature{driverv1.Feature_FEATURE_CANCEL, driverv1.Feature_FEATURE_RECOVER, driverv1.Feature_FEATURE_PER_SHOT, driverv1.Feature_FEATURE_ESTIMATE,
			driverv1.Feature_FEATURE_BATCH, driverv1.Feature_FEATURE_VERBATIM}}, nil
}

// Configure implements driver.Driver. It does not ask the vendor anything.
func (d *Driver) Configure(_ context.Context, c *driver.Config) ([]string, error) {
	cfg, err := parseConfig(c)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ledger == nil || d.dir != c.CacheDir {
		l, err := driver.OpenLedger(c.CacheDir)
		if err != nil {
			return nil, rest.ConfigError("cache_dir", err.Error())
		}
		if d.ledger != nil {
			_ = d.ledger.Close() // every line of it is on disk
		}
		d.ledger, d.dir = l, c.CacheDir
	}
	d.cfg = cfg
	if cfg.ideal() {
		return []string{"the backend is IonQ's ideal simulator: it gives probabilities, no shots, and takes no job with traps"}, nil
	}
	return nil, nil
}

func (d *Driver) present() (*config, *driver.Ledger) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg, d.ledger
}

func (d *Driver) check(id string) error {
	if id != DeviceID {
		return &driver.Error{Code: driver.UnknownDevice, Field: "device_id", VendorMessage: fmt.Sprintf("%.128q is not here, only %s", id, DeviceID)}
	}
	return nil
}

// info is the vendor's entry of the configured backend.
func (c *config) info(ctx context.Context) (*backendInfo, error) {
	var list []backendInfo
	if err := c.Get(ctx, "/backends", &list); err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Backend == c.backend {
			if n := list[i].Qubits; n < 1 || n > 4096 {
				return nil, rest.BadAnswer(fmt.Errorf("a backend of %d qubits", n))
			}
			return &list[i], nil
		}
	}
	return nil, &driver.Error{Code: driver.UnknownDevice, Field: "backend", VendorMessage: fmt.Sprintf("the vendor lists no backend %s", c.backend), Hint: "backend in the driver's configuration is a name of GET /backends"}
}

// Device implements driver.Driver.
func (d *Driver) Device(ctx context.Context, id string) (*driverv1.Device, error) {
	if err := d.check(id); err != nil {
		return nil, err
	}
	cfg, _ := d.present()
	b, err := cfg.info(ctx)
	if err != nil {
		return nil, err
	}
	dev := &driverv1.Device{Id: DeviceID, Vendor: "ionq", Family: "trapped-ion", Serial: cfg.backend, Firmware: "rest-v0.4", Location: rest.Cut(b.Place, 128), Kind: driverv1.DeviceKind_DEVICE_KIND_QPU, Width: b.Qubits, Verbatim: true,
		Operations:  []*driverv1.Operation{{Name: "cz", Arity: 2}, {Name: "measure", Arity: 1}, {Name: "u3", Arity: 1, Parameters: 3}},
		ResultKinds: []driverv1.ResultKind{driverv1.ResultKind_RESULT_KIND_PER_SHOT, driverv1.ResultKind_RESULT_KIND_COUNTS},
		Limits:      &driverv1.Limits{MaxSlotsPerSubmit: cfg.maxCircuits, MaxShotsPerSlot: cfg.maxShots, MaxGatesPerSlot: cfg.maxGates, MaxInFlight: 4}}
	if cfg.ideal() {
		dev.Kind, dev.Family = driverv1.DeviceKind_DEVICE_KIND_SIMULATOR, "simulator"
		dev.ResultKinds = []driverv1.ResultKind{driverv1.ResultKind_RESULT_KIND_PROBABILITIES}
		dev.Limits.MaxSlotsPerSubmit = 1 // an answer holds the probabilities of one circuit
	}
	for q := range b.Qubits {
		dev.Qubits = append(dev.Qubits, &driverv1.Qubit{Id: q, Label: "q" + strconv.Itoa(int(q)), Operational: true})
	}
	return dev, nil
}

// Calibration implements driver.Driver: IonQ characterises a whole backend by
// medians, which stand here for every qubit.
func (d *Driver) Calibration(ctx context.Context, device, id string) (*driverv1.Calibration, error) {
	if err := d.check(device); err != nil {
		return nil, err
	}
	cfg, _ := d.present()
	if cfg.ideal() {
		return nil, &driver.Error{Code: driver.NotSupported, VendorMessage: "the simulator has no calibration"}
	}
	if id == "" {
		b, err := cfg.info(ctx)
		if err != nil {
			return nil, err
		}
		if id = b.Calib; id == "" {
			return nil, &driver.Error{Code: driver.NotSupported, VendorMessage: "the backend has no characterization"}
		}
	}
	gone := &driver.Error{Code: driver.ResultGone, Field: "calibration_id", VendorMessage: fmt.Sprintf("there is no characterization %.128q", id)}
	if !rest.Segment(id) {
		return nil, gone
	}
	raw, err := cfg.GetRaw(ctx, "/backends/"+cfg.backend+"/characterizations/"+id)
	if rest.IsCode(err, driver.UnknownJob) {
		return nil, gone
	}
	if err != nil {
		return nil, err
	}
	return calibration(raw, id)
}

// ns converts seconds; nil where the vendor's number is no time.
func ns(s float64) *uint64 {
	if !(s >= 1e-9 && s <= 1e4) {
		return nil
	}
	n := uint64(math.Round(s * 1e9))
	return &n
}

// fraction is a number from 0 to 1, or nil.
func fraction(p *float64) *float64 {
	if p == nil || !(*p >= 0 && *p <= 1) {
		return nil
	}
	return p
}

func calibration(raw []byte, id string) (*driverv1.Calibration, error) {
	var in characterization
	if err := rest.Decode(raw, &in); err != nil {
		return nil, rest.BadAnswer(err)
	}
	if in.ID != id || in.Qubits < 1 || in.Qubits > 4096 || len(raw) > 4<<20 {
		return nil, rest.BadAnswer(fmt.Errorf("characterization %.80q of %d qubits, asked for %s", in.ID, in.Qubits, id))
	}
	sum := sha256.Sum256(raw)
	out := &driverv1.Calibration{Id: id, MeasuredAt: stamp(in.Date), VendorRaw: raw, VendorRawSha256: sum[:]}
	one := in.Fidelity["1q"]
	for q := range in.Qubits {
		qc := &driverv1.QubitCalibration{Id: q, T1Ns: ns(in.Timing["t1"]), T2Ns: ns(in.Timing["t2"])}
		if f := fraction(in.Fidelity["spam"].Median); f != nil {
			e := 1 - *f
			qc.Readout_0Given_1, qc.Readout_1Given_0 = &e, &e
		}
		out.Qubits = append(out.Qubits, qc)
		g := &driverv1.GateCalibration{Operation: "u3", Qubits: []uint32{q}, Fidelity: fraction(one.Median), DurationNs: ns(in.Timing["1q"])}
		if one.Stderr != nil && *one.Stderr >= 0 {
			g.Stderr = one.Stderr
		}
		out.Gates = append(out.Gates, g)
	}
	return out, nil
}

// Estimate implements driver.Estimator.
func (d *Driver) Estimate(ctx context.Context, r *driverv1.EstimateRequest) (*driverv1.EstimateResponse, error) {
	if err := d.check(r.DeviceId); err != nil {
		return nil, err
	}
	cfg, _ := d.present()
	return cfg.estimate(ctx, r.Slots, r.ShotsPerSlot, r.Width, r.GatesPerSlot, 0)
}

// estimate asks the vendor about one circuit and multiplies by slots.
func (c *config) estimate(ctx context.Context, slots, shots uint64, width uint32, ones, twos uint64) (*driverv1.EstimateResponse, error) {
	q := url.Values{"backend": {c.backend}, "type": {single}, "shots": {strconv.FormatUint(max(1, shots), 10)}, "qubits": {strconv.FormatUint(uint64(max(1, width)), 10)},
		"1q_gates": {strconv.FormatUint(ones, 10)}, "2q_gates": {strconv.FormatUint(twos, 10)}, "error_mitigation": {"false"}}
	var e estimate
	if err := c.Get(ctx, "/jobs/estimate?"+q.Encode(), &e); err != nil {
		return nil, err
	}
	out := &driverv1.EstimateResponse{}
	if v, err := e.Cost.Value.Float64(); err == nil && v >= 0 && v < 1e9 && slices.Contains([]string{"usd", "USD"}, e.Cost.Unit) {
		out.Cost = &driverv1.Money{Currency: "USD", Micro: uint64(math.Ceil(v*1e6)) * max(1, slots)}
	}
	if e.Execution >= 0 && e.Execution < 1e7 {
		out.Duration = durationpb.New(time.Duration(e.Execution * 1e9 * float64(max(1, min(slots, 1000)))))
	}
	if e.Queue >= 0 && e.Queue < 1e9 {
		out.Queue = durationpb.New(time.Duration(e.Queue * 1e9))
	}
	return out, nil
}
