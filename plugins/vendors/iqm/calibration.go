package iqm

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// readCalibrationID reads what calibrationID wrote.
func readCalibrationID(id string) (set, metrics string, ok bool) {
	set, metrics, ok = strings.Cut(id, ".")
	return set, metrics, ok && isUUID(set) && (metrics == "0" || isUUID(metrics))
}

func noCalibration(id string) error {
	return &driver.Error{Code: driver.ResultGone, Field: "calibration_id", VendorMessage: fmt.Sprintf("there is no calibration %.128q", id), Hint: "run the job again: it binds the present calibration"}
}

// metricSet is the quality metrics of a calibration set.
type metricSet struct {
	ID           string `json:"observation_set_id"`
	Created      string `json:"created_timestamp"`
	Ended        string `json:"end_timestamp"`
	Observations []struct {
		Field       string          `json:"dut_field"`
		Value       json.RawMessage `json:"value"`
		Uncertainty json.RawMessage `json:"uncertainty"`
		Invalid     bool            `json:"invalid"`
	} `json:"observations"`
}

// metrics reads the present metrics of a calibration set: their id, or "0" where
// there are none.
func (c *config) metrics(ctx context.Context, alias, set string) (id string, raw []byte, err error) {
	raw, err = c.GetRaw(ctx, "/calibration-sets/"+alias+"/"+set+"/metrics")
	if rest.IsCode(err, driver.UnknownJob) || rest.IsCode(err, driver.ResultGone) {
		return "0", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	var m metricSet
	if err := rest.Decode(raw, &m); err != nil || !isUUID(m.ID) {
		return "", nil, rest.BadAnswer(fmt.Errorf("metrics %.80q (%v)", m.ID, err))
	}
	return m.ID, raw, nil
}

// Calibration implements driver.Driver. A snapshot is a calibration set and the
// metrics that were measured of it; its id names both, since metrics are measured
// again while a set stays.
func (d *Driver) Calibration(ctx context.Context, device, id string) (*driverv1.Calibration, error) {
	if err := d.check(device); err != nil {
		return nil, err
	}
	cfg, _ := d.present()
	set, want := "default", ""
	if id != "" {
		var ok bool
		if set, want, ok = readCalibrationID(id); !ok {
			return nil, noCalibration(id)
		}
	}
	qc, err := cfg.find(ctx)
	if err != nil {
		return nil, err
	}
	a, err := cfg.architecture(ctx, qc.Alias, set)
	if rest.IsCode(err, driver.UnknownJob) {
		return nil, noCalibration(id)
	}
	if err != nil {
		return nil, err
	}
	metrics, raw, err := cfg.metrics(ctx, qc.Alias, a.set)
	if err != nil {
		return nil, err
	}
	if want != "" && want != metrics {
		return nil, noCalibration(id)
	}
	return snapshot(a, metrics, raw)
}

// snapshot is a function of its arguments alone.
func snapshot(a *architecture, metrics string, raw []byte) (*driverv1.Calibration, error) {
	out := &driverv1.Calibration{Id: calibrationID(a.set, metrics)}
	if raw == nil {
		return out, nil
	}
	var m metricSet
	if err := rest.Decode(raw, &m); err != nil {
		return nil, rest.BadAnswer(err)
	}
	if out.MeasuredAt = stamp(m.Ended); out.MeasuredAt == nil {
		out.MeasuredAt = stamp(m.Created)
	}
	sum := sha256.Sum256(raw)
	if out.VendorRawSha256 = sum[:]; len(raw) <= 4<<20 {
		out.VendorRaw = raw
	}
	r := &reader{a: a, qubits: make([]*driverv1.QubitCalibration, len(a.names)), gates: map[string]*driverv1.GateCalibration{}}
	for q := range a.names {
		r.qubits[q] = &driverv1.QubitCalibration{Id: uint32(q)}
	}
	for _, o := range m.Observations {
		var v float64
		if json.Unmarshal(o.Value, &v) == nil && !o.Invalid && !math.IsNaN(v) {
			r.add(o.Field, v, o.Uncertainty)
		}
	}
	out.Qubits = r.qubits
	for _, k := range r.order() {
		out.Gates = append(out.Gates, r.gates[k])
	}
	return out, nil
}

// reader sorts observations by their names.
type reader struct {
	a      *architecture
	qubits []*driverv1.QubitCalibration
	gates  map[string]*driverv1.GateCalibration
}

func (r *reader) add(field string, v float64, uncertainty []byte) {
	name, _, _ := strings.Cut(field, ":") // what follows are suffixes such as par=d2
	p := strings.Split(name, ".")
	if len(p) == 4 && p[0] == "characterization" && p[1] == "model" {
		if q := slices.Index(r.a.names, p[2]); q >= 0 {
			r.coherence(r.qubits[q], p[3], v)
		}
		return
	}
	// metrics.METHOD.GATE.IMPLEMENTATION.LOCUS.METRIC
	if len(p) != 6 || p[0] != "metrics" || r.a.deflt[p[2]] != p[3] || !(v >= 0 && v <= 1) {
		return
	}
	locus := strings.Split(p[4], "__")
	switch q := slices.Index(r.a.names, locus[0]); {
	case p[1] == "ssro" && p[2] == "measure" && q >= 0 && len(locus) == 1:
		switch p[5] {
		case "error_0_to_1":
			r.qubits[q].Readout_1Given_0 = &v
		case "error_1_to_0":
			r.qubits[q].Readout_0Given_1 = &v
		}
	case p[1] == "rb" && p[2] == "prx" && p[5] == "fidelity" && q >= 0 && len(locus) == 1:
		r.fidelity("u3", []uint32{uint32(q)}, v, uncertainty)
	case p[1] == "irb" && p[2] == "cz" && p[5] == "fidelity" && q >= 0 && len(locus) == 2:
		o := slices.Index(r.a.names, locus[1])
		if pair := (circuit.Pair{A: uint16(min(q, o)), B: uint16(max(q, o))}); o >= 0 && r.a.cz[pair] != [2]string{} {
			r.fidelity("cz", []uint32{uint32(pair.A), uint32(pair.B)}, v, uncertainty)
		}
	}
}

// coherence times are seconds.
func (r *reader) coherence(q *driverv1.QubitCalibration, property string, v float64) {
	if !(v >= 1e-9 && v <= 1e4) {
		return
	}
	ns := uint64(math.Round(v * 1e9))
	switch property {
	case "t1_time":
		q.T1Ns = &ns
	case "t2_time":
		q.T2Ns = &ns
	}
}

// fidelity keeps the lowest where a gate has several.
func (r *reader) fidelity(op string, qubits []uint32, v float64, uncertainty []byte) {
	key := fmt.Sprintf("%s %06d", op, qubits)
	if old := r.gates[key]; old != nil && *old.Fidelity <= v {
		return
	}
	g := &driverv1.GateCalibration{Operation: op, Qubits: qubits, Fidelity: &v}
	var e float64
	if json.Unmarshal(uncertainty, &e) == nil && string(uncertainty) != "null" && e >= 0 {
		g.Stderr = &e
	}
	r.gates[key] = g
}

func (r *reader) order() []string {
	var keys []string
	for k := range r.gates {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
