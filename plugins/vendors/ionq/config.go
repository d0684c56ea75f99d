package ionq

import (
	"strings"
	"time"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// Schema is the JSON Schema of the configuration.
const Schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "base_url": {"type": "string", "default": "https://api.ionq.co/v0.4", "description": "https, or http to a loopback address"},
    "backend": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$", "default": "simulator", "description": "a name of GET /backends"},
    "gateset": {"enum": ["qis", "native-ms", "native-zz"], "default": "qis", "description": "native: gpi2 and the device's own gate on two qubits, ms on Aria, zz on Forte"},
    "max_circuits": {"type": "integer", "minimum": 1, "maximum": 10000, "default": 500, "description": "circuits of one job"},
    "max_gates": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 20000, "description": "u3 and CZ of one circuit"},
    "max_shots": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 100000, "description": "shots of one circuit"},
    "poll_ms": {"type": "integer", "minimum": 1, "maximum": 30000, "default": 1000},
    "settle_ms": {"type": "integer", "minimum": 0, "maximum": 60000, "default": 5000, "description": "wait between two looks at the job list before a key whose POST had no answer is posted again"},
    "timeout_ms": {"type": "integer", "minimum": 100, "maximum": 300000, "default": 60000, "description": "of one HTTP request"}
  }
}`

// config is a parsed configuration.
type config struct {
	rest.Client
	backend     string
	gateset     string
	maxCircuits uint64
	maxGates    uint64
	maxShots    uint64
	poll        time.Duration
	settle      time.Duration
}

// ideal tells that the backend computes and does not measure: it has no shots.
func (c *config) ideal() bool { return c.backend == "simulator" }

func parseConfig(in *driver.Config) (*config, error) {
	b := in.JSON
	if len(b) == 0 {
		b = []byte("{}")
	}
	cfg := &config{backend: "simulator", gateset: "qis", maxCircuits: 500, maxGates: 20_000, maxShots: 100_000, poll: time.Second, settle: 5 * time.Second,
		Client: rest.Client{Base: "https://api.ionq.co/v0.4", Scheme: "apiKey", Secret: in.Secrets["api_key"], Agent: "engine-driver-ionq/" + Version, Timeout: time.Minute, Refusal: refusal}}
	c := strictjson.Open(b, strictjson.Limits{Bytes: 64 << 10, Depth: 4, Values: 64})
	c.Only("base_url", "backend", "gateset", "max_circuits", "max_gates", "max_shots", "poll_ms", "settle_ms", "timeout_ms")
	if m, ok := c.Optional("base_url"); ok {
		cfg.Base = strings.TrimRight(m.Text(1024), "/")
	}
	if m, ok := c.Optional("backend"); ok {
		cfg.backend = m.Text(64)
	}
	if m, ok := c.Optional("gateset"); ok {
		cfg.gateset = m.OneOf("qis", "native-ms", "native-zz")
	}
	for _, n := range []struct {
		name   string
		lo, hi uint64
		set    func(uint64)
	}{
		{"max_circuits", 1, 10_000, func(v uint64) { cfg.maxCircuits = v }},
		{"max_gates", 1, 1_000_000, func(v uint64) { cfg.maxGates = v }},
		{"max_shots", 1, 1_000_000, func(v uint64) { cfg.maxShots = v }},
		{"poll_ms", 1, 30_000, func(v uint64) { cfg.poll = time.Duration(v) * time.Millisecond }},
		{"settle_ms", 0, 60_000, func(v uint64) { cfg.settle = time.Duration(v) * time.Millisecond }},
		{"timeout_ms", 100, 300_000, func(v uint64) { cfg.Timeout = time.Duration(v) * time.Millisecond }},
	} {
		if m, ok := c.Optional(n.name); ok {
			n.set(m.Uint(n.lo, n.hi))
		}
	}
	if err := c.Err(); err != nil {
		return nil, rest.ConfigError("config_json", err.Error())
	}
	if !rest.Segment(cfg.backend) {
		return nil, rest.ConfigError("backend", "want 1 to 64 characters of [A-Za-z0-9._:-], not only dots")
	}
	if err := rest.CheckBase(cfg.Base, "https://api.ionq.co/v0.4"); err != nil {
		return nil, err
	}
	return cfg, rest.CheckSecret("api_key", cfg.Secret)
}
