package ionq

import (
	"net/url"
	"strings"
	"time"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/plugins/driver"
)

// Schema is the JSON Schema of the configuration.
const Schema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "base_url": {"type": "string", "default": "https://api.ionq.co/v0.4", "description": "https, or http to a loopback address"},
    "backend": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "default": "simulator", "description": "a name of GET /backends"},
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
	base        string // without a slash at the end
	backend     string
	maxCircuits uint64
	maxGates    uint64
	maxShots    uint64
	poll        time.Duration
	settle      time.Duration
	timeout     time.Duration
	key         string // the secret
}

// ideal tells that the backend computes and does not measure: it has no shots.
func (c *config) ideal() bool { return c.backend == "simulator" }

func configError(field, text string) error {
	return &driver.Error{Code: driver.ConfigInvalid, Field: field, VendorMessage: text}
}

func parseConfig(in *driver.Config) (*config, error) {
	b := in.JSON
	if len(b) == 0 {
		b = []byte("{}")
	}
	cfg := &config{base: "https://api.ionq.co/v0.4", backend: "simulator", maxCircuits: 500, maxGates: 20_000, maxShots: 100_000, poll: time.Second, settle: 5 * time.Second, timeout: time.Minute}
	c := strictjson.Open(b, strictjson.Limits{Bytes: 64 << 10, Depth: 4, Values: 64})
	c.Only("base_url", "backend", "max_circuits", "max_gates", "max_shots", "poll_ms", "settle_ms", "timeout_ms")
	if m, ok := c.Optional("base_url"); ok {
		cfg.base = strings.TrimRight(m.Text(1024), "/")
	}
	if m, ok := c.Optional("backend"); ok {
		cfg.backend = m.Text(64)
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
		{"timeout_ms", 100, 300_000, func(v uint64) { cfg.timeout = time.Duration(v) * time.Millisecond }},
	} {
		if m, ok := c.Optional(n.name); ok {
			n.set(m.Uint(n.lo, n.hi))
		}
	}
	if err := c.Err(); err != nil {
		return nil, configError("config_json", err.Error())
	}
	if !pathName(cfg.backend) {
		return nil, configError("backend", "want 1 to 64 characters of [A-Za-z0-9._-], not only dots")
	}
	if err := checkBase(cfg.base); err != nil {
		return nil, err
	}
	cfg.key = in.Secrets["api_key"]
	if cfg.key == "" || len(cfg.key) > 4096 || strings.ContainsFunc(cfg.key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, configError("secrets.api_key", "is missing, or is not printable ASCII without spaces")
	}
	return cfg, nil
}

// checkBase lets the key travel over TLS, or to this machine.
func checkBase(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return configError("base_url", "is not an address such as https://api.ionq.co/v0.4")
	}
	local := u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost"
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return configError("base_url", "http would send the key in the clear: want https, or http to a loopback address")
	}
	return nil
}

// pathName reports whether s can stand as one segment of a path.
func pathName(s string) bool {
	if len(s) < 1 || len(s) > 64 || strings.Trim(s, ".") == "" {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	})
}
