package proofs

import (
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Policy is a verifier's own rules. The zero Policy demands nothing.
type Policy struct {
	AllowedModules []digest.Digest // nil: any; otherwise every module of M must be listed
	ServiceKeys    []digest.Digest // nil: any; otherwise a lease's key must be listed
	DeniedKeys     []digest.Digest // key ids and provider ids that are refused
	RequireLease   bool            // refuse local runs
	RefuseDev      bool            // refuse proofs with FlagDev
	MinLevel       Level           // empty: none
	Require        []string        // checks that may not be skipped
}

const maxPolicyList = 10_000

// ParsePolicy reads the JSON document of `proof verify --policy`:
// {allowed_modules?, service_keys?, denied_keys?, require_lease?, refuse_dev?,
// min_level?, require?}.
func ParsePolicy(b []byte) (*Policy, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: 4 << 20, Depth: 3, Values: 4 * maxPolicyList})
	c.Only("allowed_modules", "service_keys", "denied_keys", "require_lease", "refuse_dev", "min_level", "require")
	p := &Policy{AllowedModules: readHashes(c, "allowed_modules"), ServiceKeys: readHashes(c, "service_keys"), DeniedKeys: readHashes(c, "denied_keys")}
	if m, ok := c.Optional("require_lease"); ok {
		p.RequireLease = m.Bool()
	}
	if m, ok := c.Optional("refuse_dev"); ok {
		p.RefuseDev = m.Bool()
	}
	if m, ok := c.Optional("min_level"); ok {
		p.MinLevel = Level(m.OneOf(levelNames()...))
	}
	if m, ok := c.Optional("require"); ok {
		for _, it := range m.Items(len(checks)) {
			p.Require = append(p.Require, it.OneOf(CheckNames()...))
		}
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

// readHashes returns nil when the list is absent, an empty list when it is
// empty.
func readHashes(c strictjson.Cursor, key string) []digest.Digest {
	m, ok := c.Optional(key)
	if !ok {
		return nil
	}
	out := []digest.Digest{}
	for _, it := range m.Items(maxPolicyList) {
		out = append(out, it.Hash())
	}
	return out
}
