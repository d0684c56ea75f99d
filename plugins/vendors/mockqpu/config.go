package mockqpu

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// Schema is the JSON Schema of the configuration.
const Schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "width": {"type": "integer", "minimum": 1, "maximum": 64, "default": 24, "description": "qubits of the device"},
    "coupling": {"enum": ["all", "line", "grid"], "default": "all"},
    "calibration": {"type": "object", "description": "a calibration snapshot, format noise/v1: depolarizing, pair_depolarizing and readout"},
    "seed": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "makes outcomes a function of seed and submission; without it they are random"},
    "latency_ms": {"type": "integer", "minimum": 0, "maximum": 60000, "default": 0, "description": "time that every job takes at least"},
    "max_slots": {"type": "integer", "minimum": 1, "maximum": 10000000, "default": 10000000},
    "result_kind": {"enum": ["per-shot", "counts", "probabilities", "resampled"], "default": "per-shot", "description": "what the device gives at best; per-shot has counts too"},
    "answer_kind": {"enum": ["probabilities", "resampled"], "description": "give this in place of the shots that were asked for: a device that breaks its word"},
    "omit_cz": {"type": "boolean", "default": false, "description": "leave every CZ out: a device that does not do its work"},
    "faults": {"type": "array", "maxItems": 64, "items": {
      "type": "object", "additionalProperties": false, "required": ["call", "code"],
      "properties": {
        "call": {"enum": ["submit", "submit-lost-reply", "get", "results", "cancel", "recover", "calibration", "job"]},
        "code": {"type": "string", "description": "an error code, such as RATE_LIMITED"},
        "times": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 1},
        "retry_after_ms": {"type": "integer", "minimum": 0, "maximum": 60000, "default": 0}
      }}}
  }
}`

// config is a parsed configuration.
type config struct {
	width    int
	coupling string
	model    *noise.Model
	raw      []byte // of the calibration
	seed     string
	latency  time.Duration
	maxSlots uint64
	omitCZ   bool
	kinds    []driverv1.ResultKind
	answer   driverv1.ResultKind // 0: what was asked for
	faults   []fault
}

// fault makes calls of one kind fail.
type fault struct {
	call       string
	code       driver.Code
	times      int
	retryAfter time.Duration
}

// kindsOf gives the result kinds of a device by its best.
var kindsOf = map[string][]driverv1.ResultKind{
	"per-shot":      {driverv1.ResultKind_RESULT_KIND_PER_SHOT, driverv1.ResultKind_RESULT_KIND_COUNTS},
	"counts":        {driverv1.ResultKind_RESULT_KIND_COUNTS},
	"probabilities": {driverv1.ResultKind_RESULT_KIND_PROBABILITIES},
	"resampled":     {driverv1.ResultKind_RESULT_KIND_RESAMPLED},
}

// cleanSnapshot is the calibration of a device without noise.
const cleanSnapshot = `{"format":"noise/v1","device":"mockqpu without noise"}`

func parseConfig(b []byte) (*config, error) {
	if len(b) == 0 {
		b = []byte("{}")
	}
	cfg := &config{width: 24, coupling: "all", maxSlots: 10_000_000, raw: []byte(cleanSnapshot), kinds: kindsOf["per-shot"]}
	c := strictjson.Open(b, strictjson.Limits{Bytes: 64 << 10, Depth: 8, Values: 1 << 14})
	c.Only("width", "coupling", "calibration", "seed", "latency_ms", "max_slots", "omit_cz", "result_kind", "answer_kind", "faults")
	if m, ok := c.Optional("width"); ok {
		cfg.width = int(m.Uint(1, 64))
	}
	if m, ok := c.Optional("coupling"); ok {
		cfg.coupling = m.OneOf("all", "line", "grid")
	}
	c.Optional("calibration") // noise.Parse reads it
	if m, ok := c.Optional("seed"); ok {
		if cfg.seed = m.Text(64); len(cfg.seed) != 64 {
			m.Fail("64 hexadecimal digits", "has %d characters", len(cfg.seed))
		}
	}
	if m, ok := c.Optional("latency_ms"); ok {
		cfg.latency = time.Duration(m.Uint(0, 60_000)) * time.Millisecond
	}
	if m, ok := c.Optional("max_slots"); ok {
		cfg.maxSlots = m.Uint(1, 10_000_000)
	}
	if m, ok := c.Optional("omit_cz"); ok {
		cfg.omitCZ = m.Bool()
	}
	if m, ok := c.Optional("result_kind"); ok {
		cfg.kinds = kindsOf[m.OneOf("per-shot", "counts", "probabilities", "resampled")]
	}
	if m, ok := c.Optional("answer_kind"); ok {
		if k := kindsOf[m.OneOf("probabilities", "resampled")]; len(k) > 0 {
			cfg.answer = k[0]
		}
	}
	if m, ok := c.Optional("faults"); ok {
		for _, f := range m.Items(64) {
			cfg.faults = append(cfg.faults, parseFault(f))
		}
	}
	if err := c.Err(); err != nil {
		return nil, &driver.Error{Code: driver.ConfigInvalid, Field: "config_json", VendorMessage: err.Error()}
	}
	var own struct {
		Calibration json.RawMessage `json:"calibration"`
	}
	if err := json.Unmarshal(b, &own); err != nil {
		return nil, &driver.Error{Code: driver.ConfigInvalid, Field: "config_json", VendorMessage: err.Error()}
	}
	if own.Calibration != nil {
		cfg.raw = own.Calibration
	}
	model, err := noise.Parse(cfg.raw)
	if err != nil {
		return nil, &driver.Error{Code: driver.ConfigInvalid, Field: "calibration", VendorMessage: err.Error()}
	}
	for _, r := range model.Rules {
		if r.AmplitudeDamping != 0 || r.PhaseDamping != 0 || r.DurationNS != 0 {
			return nil, &driver.Error{Code: driver.ConfigInvalid, Field: "calibration.gates", VendorMessage: fmt.Sprintf("the rule for %s has more than depolarizing noise, which this device does not have", r.Gate)}
		}
	}
	cfg.model = model
	return cfg, nil
}

func parseFault(c strictjson.Cursor) fault {
	c.Only("call", "code", "times", "retry_after_ms")
	f := fault{call: c.Member("call").OneOf("submit", "submit-lost-reply", "get", "results", "cancel", "recover", "calibration", "job"), times: 1}
	m := c.Member("code")
	code := m.Text(64)
	if v, ok := driverv1.ErrorCode_value["ERROR_CODE_"+code]; ok && v != 0 {
		f.code = driver.Code(v)
	} else {
		m.Fail("a name such as RATE_LIMITED", "no error has the code %q", code)
	}
	if m, ok := c.Optional("times"); ok {
		f.times = int(m.Uint(1, 1_000_000))
	}
	if m, ok := c.Optional("retry_after_ms"); ok {
		f.retryAfter = time.Duration(m.Uint(0, 60_000)) * time.Millisecond
	}
	return f
}

// edges is the coupling map; empty: all pairs.
func (c *config) edges() []*driverv1.Edge {
	var out []*driverv1.Edge
	switch c.coupling {
	case "line":
		for q := 0; q+1 < c.width; q++ {
			out = append(out, &driverv1.Edge{A: uint32(q), B: uint32(q + 1)})
		}
	case "grid":
		side := 1
		for side*side < c.width {
			side++
		}
		for q := range c.width {
			if (q+1)%side != 0 && q+1 < c.width {
				out = append(out, &driverv1.Edge{A: uint32(q), B: uint32(q + 1)})
			}
			if q+side < c.width {
				out = append(out, &driverv1.Edge{A: uint32(q), B: uint32(q + side)})
			}
		}
	}
	return out
}
