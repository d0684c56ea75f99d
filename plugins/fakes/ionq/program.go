package ionq

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/animicaorg/engine/circuit"
)

// submission is the body of POST /jobs, with the members that the vendor knows.
type submission struct {
	Type      string            `json:"type"`
	Name      string            `json:"name"`
	Backend   string            `json:"backend"`
	Shots     count             `json:"shots"`
	Lang      string            `json:"lang"` // "json", which older clients say
	Metadata  map[string]string `json:"metadata"`
	SessionID string            `json:"session_id"`
	DryRun    bool              `json:"dry_run"`
	Noise     struct {
		Model string `json:"model"`
		Seed  *int64 `json:"seed"`
	} `json:"noise"` // of the simulator
	Settings struct {
		Compilation struct {
			Opt            int    `json:"opt"`
			Precision      string `json:"precision"`
			ServiceVersion string `json:"service_version"`
		} `json:"compilation"`
		Mitigation struct {
			Debiasing bool `json:"debiasing"`
		} `json:"error_mitigation"`
	} `json:"settings"`
	Input struct {
		Gateset  string  `json:"gateset"`
		Qubits   int     `json:"qubits"`
		Circuit  []gate  `json:"circuit"`
		Circuits []entry `json:"circuits"`
	} `json:"input"`
}

// count is an integer, or one in a string, as some clients send it.
type count int

// UnmarshalJSON implements json.Unmarshaler.
func (c *count) UnmarshalJSON(b []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(b), `"`))
	*c = count(n)
	return err
}

type entry struct {
	Name    string `json:"name"`
	Circuit []gate `json:"circuit"`
}

type gate struct {
	Gate     string   `json:"gate"`
	Target   *int     `json:"target"`
	Targets  []int    `json:"targets"`
	Control  *int     `json:"control"`
	Controls []int    `json:"controls"`
	Rotation *float64 `json:"rotation"`
	// of native gates, in turns
	Phase  *float64  `json:"phase"`
	Phases []float64 `json:"phases"`
	Angle  *float64  `json:"angle"`
}

// Limits of a request.
const (
	maxBody     = 32 << 20
	maxCircuits = 10_000
	maxGates    = 1 << 22 // of all circuits together
	maxShots    = 1_000_000
	maxMetadata = 400 // characters of a value
	maxQubit    = 4095
)

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
func parse(b []byte, qubits map[string]int) (*submission, []*circuit.Circuit, error) {
	var s submission
	if err := strict(b, &s); err != nil {
		return nil, nil, err
	}
	width, known := qubits[s.Backend]
	in := &s.Input
	switch {
	case s.Lang != "" && s.Lang != "json":
		return nil, nil, fmt.Errorf("lang %.40q", s.Lang)
	case !known:
		return nil, nil, fmt.Errorf("backend %q does not exist", s.Backend)
	case s.Shots < 1 || s.Shots > maxShots:
		return nil, nil, fmt.Errorf("shots must be 1 to %d", maxShots)
	case in.Qubits < 1 || in.Qubits > width:
		return nil, nil, fmt.Errorf("qubits must be 1 to %d", width)
	case in.Gateset != "qis" && in.Gateset != "native":
		return nil, nil, fmt.Errorf("gateset %q does not exist", in.Gateset)
	case s.Settings.Compilation.Opt < 0 || s.Settings.Compilation.Opt > 1:
		return nil, nil, errors.New("opt must be 0 or 1")
	case s.Settings.Mitigation.Debiasing && s.Shots < 500:
		return nil, nil, errors.New("debiasing needs at least 500 shots")
	case s.DryRun || s.SessionID != "" || s.Noise.Model != "" && s.Noise.Model != "ideal":
		return nil, nil, errors.New("dry runs, sessions and noise models are not served here")
	}
	for k, v := range s.Metadata {
		if len(v) > maxMetadata || len(k) > maxMetadata {
			return nil, nil, fmt.Errorf("metadata %.40q is longer than %d characters", k, maxMetadata)
		}
	}
	list := in.Circuits
	switch {
	case s.Type == "ionq.circuit.v1" && len(in.Circuit) > 0 && len(list) == 0:
		list = []entry{{Circuit: in.Circuit}}
	case s.Type == "ionq.multi-circuit.v1" && len(in.Circuit) == 0 && len(list) > 0 && len(list) <= maxCircuits:
	default:
		return nil, nil, fmt.Errorf("type %q does not fit the input", s.Type)
	}
	total := 0
	for _, e := range list {
		if total += len(e.Circuit); len(e.Circuit) == 0 || total > maxGates {
			return nil, nil, fmt.Errorf("a circuit without gates, or more than %d gates", maxGates)
		}
	}
	var out []*circuit.Circuit
	for i, e := range list {
		c, err := build(in.Qubits, e.Circuit, in.Gateset == "native")
		if err != nil {
			return nil, nil, fmt.Errorf("circuit %d: %w", i, err)
		}
		out = append(out, c)
	}
	return &s, out, nil
}

// spelled are names that differ from those of the engine's gate table, and forms
// with one control.
var spelled = map[string]string{"not": "x", "v": "sx", "vi": "sxdg", "si": "sdg", "ti": "tdg", "cnot": "cx", "xx": "rxx", "yy": "ryy", "zz": "rzz"}

var names = map[string]bool{"x": true, "y": true, "z": true, "h": true, "s": true, "t": true, "rx": true, "ry": true, "rz": true, "swap": true,
	"not": true, "v": true, "vi": true, "si": true, "ti": true, "cnot": true, "xx": true, "yy": true, "zz": true}

func build(width int, gates []gate, native bool) (*circuit.Circuit, error) {
	c := &circuit.Circuit{Qubits: width, Clbits: width}
	for i, g := range gates {
		var err error
		if native {
			c.Ops, err = g.native(c.Ops)
		} else {
			var op circuit.Op
			op, err = g.op()
			c.Ops = append(c.Ops, op)
		}
		if err != nil {
			return nil, fmt.Errorf("gate %d: %w", i, err)
		}
	}
	return c, c.Validate()
}

func one(single *int, list []int) []int {
	if single != nil {
		return append([]int{*single}, list...)
	}
	return list
}

func (g *gate) op() (op circuit.Op, err error) {
	if g.Phase != nil || g.Phases != nil || g.Angle != nil {
		return op, fmt.Errorf("%.40q with phases or an angle, which native gates have", g.Gate)
	}
	if !names[g.Gate] {
		return op, fmt.Errorf("there is no gate %.40q", g.Gate)
	}
	name := g.Gate
	if s, ok := spelled[name]; ok {
		name = s
	}
	controls, targets := one(g.Control, g.Controls), one(g.Target, g.Targets)
	if len(controls) == 1 && g.Gate != "cnot" {
		name = "c" + name
	}
	kind, ok := circuit.GateByName(name)
	if !ok || len(controls) > 1 {
		return op, fmt.Errorf("%s with %d controls is not served here", g.Gate, len(controls))
	}
	info, q := kind.Info(), append(controls, targets...)
	if len(q) != info.Qubits || info.Params == 1 != (g.Rotation != nil) || info.Params > 1 {
		return op, fmt.Errorf("%s with %d qubits, or with a rotation that does not belong", g.Gate, len(q))
	}
	op = circuit.Op{Gate: kind, NQ: uint8(len(q))}
	for k, x := range q {
		if x < 0 || x > maxQubit {
			return op, fmt.Errorf("qubit %d", x)
		}
		op.Q[k] = uint16(x)
	}
	if g.Rotation != nil {
		op.Params[0], err = circuit.AngleFromRadians(*g.Rotation)
	}
	return op, err
}
