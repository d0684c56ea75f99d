package iqm

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
    "base_url": {"type": "string", "default": "https://resonance.iqm.tech", "description": "https, or http to a loopback address; without /api/v1"},
    "quantum_computer": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$", "description": "id or alias; needed when the server has several"},
    "qubits": {"type": "array", "items": {"type": "string"}, "maxItems": 4096, "description": "physical qubits that make the device, in the order of its bits (default all)"},
    "max_circuits": {"type": "integer", "minimum": 1, "maximum": 10000, "default": 500, "description": "circuits of one job; the server's own limit counts too"},
    "max_gates": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 20000, "description": "u3 and CZ of one circuit"},
    "max_shots": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 20000, "description": "shots of one circuit"},
    "use_timeslot": {"type": "boolean", "default": false, "description": "submit into booked timeslots, not into the queue"},
    "poll_ms": {"type": "integer", "minimum": 1, "maximum": 30000, "default": 1000, "description": "between two looks at a job where the server does not hold the request"},
    "timeout_ms": {"type": "integer", "minimum": 100, "maximum": 300000, "default": 60000, "description": "of one HTTP request"},
    "settled": {"type": "array", "maxItems": 1000, "description": "what became of submissions without an answer, by the vendor's dashboard", "items": {
      "type": "object", "additionalProperties": false, "required": ["tag", "job"],
      "properties": {"tag": {"type": "string"}, "job": {"type": "string", "description": "the job's id, or none"}}}}
  }
}`

// config is a parsed configuration.
type config struct {
	rest.Client
	computer    string // "": the only one
	qubits      []string
	maxCircuits uint64
	maxGates    uint64
	maxShots    uint64
	timeslot    bool
	poll        time.Duration
	settled     map[string]string // tag → job id, or none
}

// none says that the vendor has no job with a tag.
const none = "none"

// maxArtifact bounds the bytes of an answer: 10^6 outcomes of 50 bits are 100 MB.
const maxArtifact = 128 << 20

const defaultBase = "https://resonance.iqm.tech"

func parseConfig(in *driver.Config) (*config, error) {
	b := in.JSON
	if len(b) == 0 {
		b = []byte("{}")
	}
	cfg := &config{maxCircuits: 500, maxGates: 20_000, maxShots: 20_000, poll: time.Second, settled: map[string]string{},
		Client: rest.Client{Base: defaultBase, Scheme: "Bearer", Secret: in.Secrets["token"], Agent: "engine-driver-iqm/" + Version, Timeout: time.Minute, Refusal: refusal, Limit: maxArtifact}}
	c := strictjson.Open(b, strictjson.Limits{Bytes: 64 << 10, Depth: 4, Values: 1 << 13})
	c.Only("base_url", "quantum_computer", "qubits", "max_circuits", "max_gates", "max_shots", "use_timeslot", "poll_ms", "timeout_ms", "settled")
	if m, ok := c.Optional("base_url"); ok {
		cfg.Base = strings.TrimRight(m.Text(1024), "/")
	}
	if m, ok := c.Optional("quantum_computer"); ok {
		if cfg.computer = m.Text(64); !rest.Segment(cfg.computer) {
			m.Fail("an id or alias of GET /quantum-computers", "has other characters than [A-Za-z0-9._:-]")
		}
	}
	if m, ok := c.Optional("use_timeslot"); ok {
		cfg.timeslot = m.Bool()
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
		{"timeout_ms", 100, 300_000, func(v uint64) { cfg.Timeout = time.Duration(v) * time.Millisecond }},
	} {
		if m, ok := c.Optional(n.name); ok {
			n.set(m.Uint(n.lo, n.hi))
		}
	}
	cfg.lists(c)
	if err := c.Err(); err != nil {
		return nil, rest.ConfigError("config_json", err.Error())
	}
	if err := rest.CheckBase(cfg.Base, defaultBase); err != nil {
		return nil, err
	}
	if strings.HasSuffix(cfg.Base, "/api/v1") {
		return nil, rest.ConfigError("base_url", "is the server's address without /api/v1")
	}
	cfg.Base += "/api/v1"
	return cfg, rest.CheckSecret("token", cfg.Secret)
}

// lists reads the members that are arrays.
func (cfg *config) lists(c strictjson.Cursor) {
	if m, ok := c.Optional("qubits"); ok {
		seen := map[string]bool{}
		for _, q := range m.Items(4096) {
			name := q.Text(64)
			if seen[name] || name == "" {
				q.Fail("each qubit once", "is empty or stands twice")
			}
			seen[name] = true
			cfg.qubits = append(cfg.qubits, name)
		}
	}
	if m, ok := c.Optional("settled"); ok {
		for _, s := range m.Items(1000) {
			s.Only("tag", "job")
			tag, job := s.Member("tag").Text(64), s.Member("job").Text(64)
			if _, twice := cfg.settled[tag]; twice || job != none && !isUUID(job) {
				s.Fail("job is the vendor's id or none; each tag once", "tag %.64q with job %.64q", tag, job)
			}
			cfg.settled[tag] = job
		}
	}
}

// isUUID tells whether s is an id as the vendor makes them.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range []byte(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (r == '-') || !dash && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F') {
			return false
		}
	}
	return true
}
