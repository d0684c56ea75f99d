package proofs

import (
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/auditlog"
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
	// Witnesses of operators' logs: their time on the checkpoint that covers a
	// proof governs once WitnessQuorum of them signed it. 0: they are not asked.
	Witnesses     []*auditlog.Witness
	WitnessQuorum int
	// Chains are rotations that the verifier knows. A proof of a provider with a
	// chain must be signed by a key that the chain has in force at the governing
	// time.
	Chains []*keys.Chain
}

const maxPolicyList = 10_000

// ParsePolicy reads the JSON document of `proof verify --policy`:
// {allowed_modules?, service_keys?, denied_keys?, require_lease?, refuse_dev?,
// min_level?, require?, witnesses?, witness_quorum?,
// key_chains?}.
func ParsePolicy(b []byte) (*Policy, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: 64 << 20, Depth: 6, Values: 16 * maxPolicyList})
	c.Only("allowed_modules", "service_keys", "denied_keys", "require_lease", "refuse_dev", "min_level", "require", "witnesses", "witness_quorum", "key_chains")
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
	readWitnesses(c, p)
	if list, ok := c.Optional("key_chains"); ok {
		for _, it := range list.Items(maxPolicyList) {
			p.Chains = append(p.Chains, keys.ReadChain(it))
		}
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	for i, chain := range p.Chains {
		if err := chain.Verify(); err != nil {
			return nil, fmt.Errorf("policy: /key_chains/%d: %w", i, err)
		}
	}
	return p, nil
}

const maxWitnesses = 64

// readWitnesses reads the list, and the quorum, which is 1 unless said.
func readWitnesses(c strictjson.Cursor, p *Policy) {
	list, ok := c.Optional("witnesses")
	if !ok {
		if q, ok := c.Optional("witness_quorum"); ok {
			q.Fail("", "needs a list of witnesses")
		}
		return
	}
	for _, it := range list.Items(maxWitnesses) {
		w, err := auditlog.ParseWitness(it.Text(auditlog.MaxWitness))
		if err != nil {
			it.Fail("", "%v", err)
			return
		}
		p.Witnesses = append(p.Witnesses, w)
	}
	p.WitnessQuorum = 1
	if q, ok := c.Optional("witness_quorum"); ok {
		p.WitnessQuorum = int(q.Uint(1, uint64(max(1, len(p.Witnesses)))))
	}
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
