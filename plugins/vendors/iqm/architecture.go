package iqm

import (
	"context"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// machine is the vendor's entry of a quantum computer.
type machine struct {
	ID      string `json:"id"`
	Alias   string `json:"alias"`
	Name    string `json:"display_name"`
	Station string `json:"station_control_version"`
}

func (m *machine) version() string {
	if m.Station != "" && driver.CheckID(m.Station) {
		return "station-control-" + m.Station
	}
	return "iqm-server-v1"
}

// find is the quantum computer that the configuration means.
func (c *config) find(ctx context.Context) (*machine, error) {
	var list struct {
		Computers []machine `json:"quantum_computers"`
	}
	if err := c.Get(ctx, "/quantum-computers", &list); err != nil {
		return nil, err
	}
	var names []string
	for i := range list.Computers {
		m := &list.Computers[i]
		if !rest.Segment(m.Alias) {
			return nil, rest.BadAnswer(fmt.Errorf("a quantum computer with the alias %.80q", m.Alias))
		}
		if c.computer == m.Alias || c.computer == m.ID || c.computer == "" && len(list.Computers) == 1 {
			return m, nil
		}
		names = append(names, m.Alias)
	}
	return nil, &driver.Error{Code: driver.UnknownDevice, Field: "quantum_computer", VendorMessage: fmt.Sprintf("the server lists %.500q, and the configuration names %q", names, c.computer),
		Hint: "quantum_computer in the driver's configuration is one of them"}
}

// architecture is what the calibration set of a quantum computer can do.
type architecture struct {
	set   string   // id of the calibration set
	names []string // of the device's qubits, in the order of its bits
	cz    map[circuit.Pair][2]string
	deflt map[string]string // gate → its implementation where none is asked for
}

type dynamic struct {
	Set    string   `json:"calibration_set_id"`
	Qubits []string `json:"qubits"`
	Gates  map[string]struct {
		Implementations map[string]struct {
			Loci [][]string `json:"loci"`
		} `json:"implementations"`
		Default string `json:"default_implementation"`
	} `json:"gates"`
}

// loci are those on which a gate has any calibrated implementation.
func (d *dynamic) loci(gate string) (out [][]string) {
	for _, i := range d.Gates[gate].Implementations {
		out = append(out, i.Loci...)
	}
	return out
}

// architecture reads a calibration set by its id, or "default".
func (c *config) architecture(ctx context.Context, alias, set string) (*architecture, error) {
	var d dynamic
	if err := c.Get(ctx, "/calibration-sets/"+alias+"/"+set+"/dynamic-quantum-architecture", &d); err != nil {
		return nil, err
	}
	if !isUUID(d.Set) || set != "default" && d.Set != set || len(d.Qubits) < 1 || len(d.Qubits) > 4096 {
		return nil, rest.BadAnswer(fmt.Errorf("calibration set %.80q of %d qubits, asked for %s", d.Set, len(d.Qubits), set))
	}
	return d.choose(c.qubits)
}

// choose keeps the qubits that the configuration names, or all that can be turned
// and measured.
func (d *dynamic) choose(want []string) (*architecture, error) {
	usable := map[string]int{} // 1: prx, 2: measure
	for _, l := range d.loci("prx") {
		for _, q := range l {
			usable[q] |= 1
		}
	}
	for _, l := range d.loci("measure") { // one locus may have all qubits
		for _, q := range l {
			usable[q] |= 2
		}
	}
	a := &architecture{set: d.Set, cz: map[circuit.Pair][2]string{}, deflt: map[string]string{}}
	if len(want) == 0 {
		for _, q := range d.Qubits {
			if usable[q] == 3 {
				a.names = append(a.names, q)
			}
		}
	}
	for _, q := range want {
		if usable[q] != 3 {
			return nil, &driver.Error{Code: driver.DeviceOffline, Field: "qubits", VendorMessage: fmt.Sprintf("qubit %.40q has no calibrated prx and measurement", q), Hint: fmt.Sprintf("the calibration set has %.800q", d.Qubits)}
		}
		a.names = append(a.names, q)
	}
	if len(a.names) == 0 {
		return nil, &driver.Error{Code: driver.DeviceOffline, Retryable: true, VendorMessage: "no qubit has a calibrated prx and measurement"}
	}
	for _, l := range d.loci("cz") {
		if len(l) != 2 {
			continue // with resonators
		}
		x, y := slices.Index(a.names, l[0]), slices.Index(a.names, l[1])
		if x >= 0 && y >= 0 && x != y {
			p := circuit.Pair{A: uint16(min(x, y)), B: uint16(max(x, y))}
			if old, ok := a.cz[p]; !ok || l[0] < old[0] { // both orders of a symmetric gate
				a.cz[p] = [2]string{l[0], l[1]}
			}
		}
	}
	if len(a.names) > 1 && len(a.cz) == 0 {
		return nil, &driver.Error{Code: driver.DeviceOffline, Field: "qubits", VendorMessage: fmt.Sprintf("no cz is calibrated between any of %.500q", a.names)}
	}
	for g, info := range d.Gates {
		a.deflt[g] = info.Default
	}
	return a, nil
}

// edges are the couplings, ascending.
func (a *architecture) edges() []circuit.Pair {
	var out []circuit.Pair
	for p := range a.cz {
		out = append(out, p)
	}
	slices.SortFunc(out, func(p, q circuit.Pair) int { return (int(p.A)-int(q.A))<<16 + int(p.B) - int(q.B) })
	return out
}
