package iqm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/animicaorg/engine/circuit"
)

// Limits of a submission, of the body and those that the service tells.
const (
	maxBody         = 64 << 20
	maxCircuits     = 2000
	maxExecutions   = 100_000 // circuits × shots
	maxInstructions = 10_000  // of one circuit
	maxShots        = 20_000
	maxTag          = 50 // characters
	maxKey          = 128
)

// submission is the body of POST /jobs/{qc}/circuit, with the members that the
// vendor's client sends.
type submission struct {
	Circuits        []program `json:"circuits"`
	CalibrationSet  *string   `json:"calibration_set_id"`
	Mapping         []mapping `json:"qubit_mapping"`
	Shots           *int      `json:"shots"`
	DurationOverT2  *float64  `json:"max_circuit_duration_over_t2"`
	Heralding       string    `json:"heralding_mode"`
	MoveValidation  string    `json:"move_gate_validation"`
	MoveTracking    string    `json:"move_gate_frame_tracking"`
	ActiveReset     *int      `json:"active_reset_cycles"`
	DD              string    `json:"dd_mode"`
	DDStrategy      any       `json:"dd_strategy"`
	MoveValidation0 string    `json:"move_validation_mode"` // names of older clients
	MoveTracking0   string    `json:"move_gate_frame_tracking_mode"`
}

type mapping struct {
	Logical  string `json:"logical_name"`
	Physical string `json:"physical_name"`
}

type program struct {
	Name         string        `json:"name"`
	Instructions []instruction `json:"instructions"`
	Metadata     any           `json:"metadata"`
}

type instruction struct {
	Name           string   `json:"name"`
	Implementation *string  `json:"implementation"`
	Locus          []string `json:"locus"`
	Args           args     `json:"args"`
}

type args struct {
	Angle       *float64 `json:"angle"` // radians
	Phase       *float64 `json:"phase"` // radians
	Key         *string  `json:"key"`
	FeedbackKey *string  `json:"feedback_key"`
}

// parsed is one circuit, ready to run.
type parsed struct {
	circuit  *circuit.Circuit
	physical []int    // physical qubit of each of the circuit's, by its place
	keys     []string // of measurements, in order
	bits     []int    // how many bits each key has, in order
}

// strict decodes one value without unknown members.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the request")
	}
	return nil
}

// parse reads a submission and its circuits.
func parse(b []byte, c *computer) (*submission, []*parsed, error) {
	s := submission{Heralding: "none", MoveValidation: "strict", MoveTracking: "full", DD: "disabled"}
	if err := strict(b, &s); err != nil {
		return nil, nil, err
	}
	shots := 1
	if s.Shots != nil {
		shots = *s.Shots
	}
	s.Shots = &shots
	switch n := len(s.Circuits); {
	case n < 1 || n > maxCircuits:
		return nil, nil, fmt.Errorf("circuits: %d, want 1 to %d", n, maxCircuits)
	case shots < 1 || shots > maxShots || n*shots > maxExecutions:
		return nil, nil, fmt.Errorf("shots: %d of %d circuits, at most %d each and %d executions", shots, n, maxShots, maxExecutions)
	case s.CalibrationSet != nil && *s.CalibrationSet != c.id("calibration"):
		return nil, nil, fmt.Errorf("calibration_set_id: there is no %.60q", *s.CalibrationSet)
	case s.Heralding != "none" || s.DD != "disabled" || s.ActiveReset != nil:
		return nil, nil, errors.New("heralding, dynamical decoupling and active reset are not served here")
	case len(s.Mapping) > c.n:
		return nil, nil, errors.New("qubit_mapping: more qubits than there are")
	}
	names := map[string]int{}
	for k := range c.n {
		names[qubit(k+1)] = k
	}
	if len(s.Mapping) > 0 {
		names = map[string]int{}
		for _, m := range s.Mapping {
			if names[m.Logical] = c.index(m.Physical); names[m.Logical] < 0 {
				return nil, nil, fmt.Errorf("qubit_mapping: there is no qubit %.40q", m.Physical)
			}
		}
	}
	var out []*parsed
	for i := range s.Circuits {
		p, err := build(&s.Circuits[i], c, names)
		if err != nil {
			return nil, nil, fmt.Errorf("circuits.%d.%w", i, err)
		}
		out = append(out, p)
	}
	return &s, out, nil
}

// build translates a circuit; its qubits are those that it uses.
func build(in *program, c *computer, names map[string]int) (*parsed, error) {
	if in.Name == "" || len(in.Instructions) < 1 || len(in.Instructions) > maxInstructions {
		return nil, fmt.Errorf("instructions: %d of circuit %.40q, want 1 to %d and a name", len(in.Instructions), in.Name, maxInstructions)
	}
	b := &builder{parsed: parsed{circuit: &circuit.Circuit{}}, computer: c, names: names, at: map[int]int{}, seen: map[string]bool{}}
	for i := range in.Instructions {
		if err := b.add(&in.Instructions[i]); err != nil {
			return nil, fmt.Errorf("instructions.%d: %w", i, err)
		}
	}
	if len(b.keys) == 0 {
		return nil, errors.New("instructions: nothing is measured")
	}
	b.circuit.Qubits = len(b.at)
	return &b.parsed, b.circuit.Validate()
}
