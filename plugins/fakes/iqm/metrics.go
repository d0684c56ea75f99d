package iqm

import (
	"strings"

	"github.com/animicaorg/engine/backends/noise"
)

// measured is the time at which the metrics were taken, made up.
const measured = "2026-11-01T00:00:00Z"

// metrics is the quality metric set of the only calibration set: readout, coherence
// and fidelities, as the vendor names them.
func (c *computer) metrics(m *noise.Model) object {
	var list []object
	add := func(field string, value float64, unit string, uncertainty any) {
		list = append(list, object{"observation_id": len(list) + 1, "dut_field": field, "value": value, "unit": unit, "uncertainty": uncertainty, "invalid": false,
			"created_timestamp": measured, "modified_timestamp": measured})
	}
	one, two := depolarizing(m, "1q"), depolarizing(m, "2q")
	for _, q := range c.names() {
		add("characterization.model."+q+".t1_time", 40e-6, "s", 1e-6)
		add("characterization.model."+q+".t2_time", 20e-6, "s", nil)
		add("metrics.ssro.measure.constant."+q+".error_0_to_1", readout(m).ZeroOne, "", nil)
		add("metrics.ssro.measure.constant."+q+".error_1_to_0", readout(m).OneZero, "", nil)
		add("metrics.rb.prx.drag_gaussian."+q+".fidelity:par=d1", 1-one*2/3, "", 1e-5)
	}
	for _, l := range c.double() {
		add("metrics.irb.cz.tgss."+strings.Join(l, "__")+".fidelity:par=d2", 1-two*4/5, "", 1e-4)
	}
	return object{"observation_set_id": c.id("metrics"), "observation_set_type": "quality-metric-set", "describes_id": c.id("calibration"), "invalid": false,
		"dut_label": "fake", "created_timestamp": measured, "end_timestamp": measured, "observations": list, "observation_ids": []int{}}
}

// calibration is the calibration set itself; its pulses are nobody's business here.
func (c *computer) calibration() object {
	return object{"observation_set_id": c.id("calibration"), "observation_set_type": "calibration-set", "describes_id": nil, "invalid": false,
		"dut_label": "fake", "created_timestamp": measured, "end_timestamp": measured, "observations": []object{}, "observation_ids": []int{}}
}

// depolarizing is the error of the gates of a class: fidelities are averages over
// states, d/(d+1) of the chance of a Pauli that is not I.
func depolarizing(m *noise.Model, class string) float64 {
	if m == nil {
		return 0
	}
	for _, r := range m.Rules {
		if r.Gate == class {
			return max(r.Depolarizing, r.PairDepolarizing)
		}
	}
	return 0
}

func readout(m *noise.Model) noise.Qubit {
	if m == nil {
		return noise.Qubit{}
	}
	return m.Default
}
