package iqm

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// Name is how an operator calls this driver. DeviceID is its only device: the
// quantum computer that the configuration names, or its chosen qubits.
const (
	Name     = "iqm"
	DeviceID = "iqm"
	Version  = "1.0.0"
)

// Driver implements driver.Driver.
type Driver struct {
	now func() time.Time

	mu     sync.Mutex
	cfg    *config
	ledger *book
	dir    string
	submit sync.Mutex // one submission at a time: a key is never in two hands
}

// New makes the driver; now is its clock.
func New(now func() time.Time) *Driver { return &Driver{now: now} }

// Describe implements driver.Driver.
func (d *Driver) Describe(context.Context) (*driverv1.Description, error) {
	return &driverv1.Description{Id: "animica/" + Name, Version: Version, VendorApi: "IQM Server v1 (iqm-client 36.0.0, 2026-10)", ConfigSchema: []byte(Schema), DeviceIds: []string{DeviceID}, SecretNames: []string{"token"},
		Features: []driverv1.Feature{driverv1.Feature_FEATURE_CANCEL, driverv1.Feature_FEATURE_RECOVER, driverv1.Feature_FEATURE_PER_SHOT, driverv1.Feature_FEATURE_BATCH, driverv1.Feature_FEATURE_VERBATIM}}, nil
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
		l, err := openBook(c.CacheDir)
		if err != nil {
			return nil, rest.ConfigError("cache_dir", err.Error())
		}
		if d.ledger != nil {
			_ = d.ledger.Close() // every line of it is on disk
		}
		d.ledger, d.dir = l, c.CacheDir
	}
	d.cfg = cfg
	return nil, nil
}

func (d *Driver) present() (*config, *book) {
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

// Device implements driver.Driver.
func (d *Driver) Device(ctx context.Context, id string) (*driverv1.Device, error) {
	if err := d.check(id); err != nil {
		return nil, err
	}
	cfg, _ := d.present()
	qc, err := cfg.find(ctx)
	if err != nil {
		return nil, err
	}
	a, err := cfg.architecture(ctx, qc.Alias, "default")
	if err != nil {
		return nil, err
	}
	dev := &driverv1.Device{Id: DeviceID, Vendor: "iqm", Family: "superconducting", Serial: qc.Alias, Firmware: qc.version(), Location: rest.Cut(qc.Name, 128), Kind: driverv1.DeviceKind_DEVICE_KIND_QPU, Width: uint32(len(a.names)), Verbatim: true,
		Operations:  []*driverv1.Operation{{Name: "cz", Arity: 2}, {Name: "measure", Arity: 1}, {Name: "u3", Arity: 1, Parameters: 3}},
		ResultKinds: []driverv1.ResultKind{driverv1.ResultKind_RESULT_KIND_PER_SHOT, driverv1.ResultKind_RESULT_KIND_COUNTS}}
	if strings.HasSuffix(qc.Alias, ":mock") { // the vendor's machines without a machine
		dev.Kind = driverv1.DeviceKind_DEVICE_KIND_EMULATOR
	}
	for q, name := range a.names {
		dev.Qubits = append(dev.Qubits, &driverv1.Qubit{Id: uint32(q), Label: name, Operational: true})
	}
	for _, e := range a.edges() {
		dev.Edges = append(dev.Edges, &driverv1.Edge{A: uint32(e.A), B: uint32(e.B)})
	}
	if dev.Limits, err = cfg.limits(ctx, qc.Alias); err != nil {
		return nil, err
	}
	return dev, nil
}

// limits are those of the configuration and the server's, whichever are lower.
func (c *config) limits(ctx context.Context, alias string) (*driverv1.Limits, error) {
	out := &driverv1.Limits{MaxSlotsPerSubmit: c.maxCircuits, MaxShotsPerSlot: c.maxShots, MaxGatesPerSlot: c.maxGates, MaxInFlight: 4}
	var l struct {
		Circuits     *uint64 `json:"max_circuits_per_job"`
		Executions   *uint64 `json:"max_executions_per_job"` // circuits × shots
		Instructions *uint64 `json:"max_instructions_per_circuit"`
		Shots        *uint64 `json:"max_shots_per_circuit"`
	}
	err := c.Get(ctx, "/quantum-computers/"+alias+"/limits", &l)
	if rest.IsCode(err, driver.UnknownJob) { // an older server tells none
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	lower := func(v *uint64, limits ...*uint64) {
		for _, x := range limits {
			if x != nil && *x > 0 {
				*v = min(*v, *x)
			}
		}
	}
	lower(&out.MaxSlotsPerSubmit, l.Circuits, l.Executions)
	lower(&out.MaxShotsPerSlot, l.Shots, l.Executions)
	if l.Instructions != nil && *l.Instructions > 1 { // one measures
		gates := *l.Instructions - 1
		lower(&out.MaxGatesPerSlot, &gates)
	}
	return out, nil
}
