package job

import (
	"embed"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/transcript"
)

//go:embed policies/*.json
var policyFiles embed.FS

// ExactPolicy names the policy of noiseless simulators: 1000 ppb for each rate.
const ExactPolicy = "exact@1"

// maxPolicyBytes bounds a trap policy document.
const maxPolicyBytes = 1 << 16

// TrapPolicy is a trap policy document: what the network assumes of honest
// devices of a class, and the false-alarm levels it accepts. Document is what
// policy_hash hashes.
type TrapPolicy struct {
	Name     string
	Record   guest.Policy
	Document []byte
}

// ParseTrapPolicy reads a document strictly.
func ParseTrapPolicy(doc []byte) (*TrapPolicy, error) {
	c := strictjson.Open(doc, strictjson.Limits{Bytes: maxPolicyBytes, Depth: 2, Values: 32})
	c = c.Only("policy", "p1_ppb", "p2_ppb", "readout_ppb", "alpha_eprocess_ppb", "alpha_a_ppb", "alpha_b_ppb", "t_min_alpha_ppb", "t_min_beta_ppb")
	rate := func(key string, least uint64) uint64 { return c.Member(key).Uint(least, 500_000_000) }
	p := &TrapPolicy{Name: c.Member("policy").Text(64), Document: doc, Record: guest.Policy{
		P1: rate("p1_ppb", 0), P2: rate("p2_ppb", 0), RO: rate("readout_ppb", 0),
		AlphaE: rate("alpha_eprocess_ppb", 1), AlphaA: rate("alpha_a_ppb", 1), AlphaB: rate("alpha_b_ppb", 1),
		TMinAlpha: rate("t_min_alpha_ppb", 1), TMinBeta: rate("t_min_beta_ppb", 1)}}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("trap policy: %w", err)
	}
	return p, nil
}

// NamedTrapPolicy returns one of the embedded policies, exact@1 or ref@1.
func NamedTrapPolicy(name string) (*TrapPolicy, error) {
	doc, err := policyFiles.ReadFile("policies/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("no embedded trap policy %q: choose exact@1 or ref@1, or give a document", name)
	}
	return ParseTrapPolicy(doc)
}

// Hash is policy_hash.
func (p *TrapPolicy) Hash() (digest.Digest, error) { return transcript.PolicyHash(p.Document) }
