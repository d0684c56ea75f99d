package trust

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Mark is what a node keeps outside its artifact store, so that an old copy of
// the store is noticed.
type Mark struct {
	Pin   digest.Digest `json:"pin"`   // of root version 1
	Epoch uint64        `json:"epoch"` // highest accepted; 0 is none
	Head  digest.Digest `json:"head"`  // of that epoch's set
	// Height is the greatest block height that the node has seen; 0 is none yet.
	// Chains do not know it: the node carries it from mark to mark.
	Height uint64 `json:"height,omitempty"`
}

// Check refuses a chain that is behind the mark or contradicts it.
func (m *Mark) Check(c *Chain) error {
	switch {
	case c.rootDigests[0] != m.Pin:
		return fmt.Errorf("chain starts at root %s, pinned is %s: %w", c.rootDigests[0], m.Pin, ErrFork)
	case c.Epoch() < m.Epoch:
		return fmt.Errorf("chain ends at epoch %d, epoch %d was accepted before: %w", c.Epoch(), m.Epoch, ErrRollback)
	case m.Epoch > 0 && c.setDigests[m.Epoch-1] != m.Head:
		return fmt.Errorf("epoch %d is %s, %s was accepted before: %w", m.Epoch, c.setDigests[m.Epoch-1], m.Head, ErrFork)
	}
	return nil
}

// At returns the mark with a height seen, which never falls.
func (m Mark) At(height uint64) Mark {
	m.Height = max(m.Height, height)
	return m
}

// Now is the height at which a node with this mark decides. asked, where it is not
// nil, is what its operator says; a job may say its own. Nothing below what the node
// has seen is believed: a set that was in force then would come back.
func (m *Mark) Now(asked *uint64, job uint64) (uint64, error) {
	if asked == nil {
		return max(m.Height, job), nil
	}
	if *asked < m.Height {
		return 0, fmt.Errorf("height %d, this node has seen %d: %w", *asked, m.Height, ErrRollback)
	}
	return *asked, nil
}

// Mark returns the mark of the chain, without a height.
func (c *Chain) Mark() Mark {
	return Mark{Pin: c.rootDigests[0], Epoch: c.Epoch(), Head: c.Head()}
}

// ParseMark reads the JSON form of a mark.
func ParseMark(b []byte) (Mark, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: 4096, Depth: 2, Values: 16}).Only("pin", "epoch", "head", "height")
	m := Mark{Pin: c.Member("pin").Hash(), Epoch: c.Member("epoch").Uint(0, MaxChain), Head: c.Member("head").Hash()}
	if h, ok := c.Optional("height"); ok {
		m.Height = h.Uint(0, math.MaxInt64)
	}
	if err := c.Err(); err != nil {
		return Mark{}, fmt.Errorf("mark: %w: %w", ErrForm, err)
	}
	if m.Pin.IsZero() || (m.Epoch == 0) != m.Head.IsZero() {
		return Mark{}, fmt.Errorf("mark: epoch %d with head %s: %w", m.Epoch, m.Head, ErrForm)
	}
	return m, nil
}

// Policy is the operator's own list. It cannot add a module: what is not in the
// set in force is refused whatever stands here. The zero Policy removes nothing.
type Policy struct {
	Only   []digest.Digest `json:"only,omitempty"`   // where not empty, all others are removed
	Remove []digest.Digest `json:"remove,omitempty"` // SHA3-256 of modules
}

// MaxPolicy is the most modules in each list of a Policy.
const MaxPolicy = 1024

// ParsePolicy reads the JSON form.
func ParsePolicy(b []byte) (*Policy, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: 1 << 18, Depth: 3, Values: 2*MaxPolicy + 8}).Only("only", "remove")
	p := &Policy{}
	for key, list := range map[string]*[]digest.Digest{"only": &p.Only, "remove": &p.Remove} {
		if x, ok := c.Optional(key); ok {
			for _, d := range x.Items(MaxPolicy) {
				*list = append(*list, d.Hash())
			}
		}
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("policy: %w: %w", ErrForm, err)
	}
	return p, nil
}

// Encode writes the JSON form, lists sorted.
func (p *Policy) Encode() ([]byte, error) {
	type plain Policy
	q := plain{slices.Clone(p.Only), slices.Clone(p.Remove)}
	order := func(a, b digest.Digest) int { return bytes.Compare(a[:], b[:]) }
	slices.SortFunc(q.Only, order)
	slices.SortFunc(q.Remove, order)
	return json.Marshal(q)
}

func (p *Policy) removes(module digest.Digest) bool {
	return slices.Contains(p.Remove, module) || len(p.Only) > 0 && !slices.Contains(p.Only, module)
}

// Lookup returns the record under which a new job may use a module at a height.
func (c *Chain) Lookup(module digest.Digest, height uint64, p *Policy) (*Record, error) {
	s, err := c.At(height)
	if err != nil {
		return nil, err
	}
	r, ok := s.Find(module)
	if ok && r.Status.Revoked() {
		return nil, fmt.Errorf("%s %s (%s) in epoch %d: %w", r.Name, r.Version, module, s.Epoch, ErrRevoked)
	}
	if was, gone := c.revoked[module]; gone && was <= s.Epoch {
		return nil, fmt.Errorf("module %s in epoch %d: %w", module, was, ErrRevoked)
	}
	switch {
	case !ok:
		return nil, fmt.Errorf("module %s, epoch %d: %w", module, s.Epoch, ErrNotListed)
	case r.Status == Candidate:
		return nil, fmt.Errorf("%s %s is a candidate in epoch %d: %w", r.Name, r.Version, s.Epoch, ErrNotActive)
	case height < r.Activation:
		return nil, fmt.Errorf("%s %s is activated at height %d, this is %d: %w", r.Name, r.Version, r.Activation, height, ErrNotActive)
	case height >= r.Expiry:
		return nil, fmt.Errorf("%s %s expired at height %d, this is %d: %w", r.Name, r.Version, r.Expiry, height, ErrExpired)
	case p != nil && p.removes(module):
		return nil, fmt.Errorf("%s %s (%s): %w", r.Name, r.Version, module, ErrRemoved)
	}
	return r, nil
}

// MayFinish tells whether a job that started in an epoch may go on with a module
// at a height. Only a hard revocation in force stops it.
func (c *Chain) MayFinish(module digest.Digest, started, height uint64) error {
	if started == 0 || started > c.Epoch() {
		return fmt.Errorf("epoch %d, held are 1..%d: %w", started, c.Epoch(), ErrGap)
	}
	if _, ok := c.sets[started-1].Find(module); !ok {
		return fmt.Errorf("module %s, epoch %d: %w", module, started, ErrNotListed)
	}
	for _, s := range c.sets[started-1:] {
		if r, ok := s.Find(module); ok && s.Activation <= height && r.Status == RevokedHard {
			return fmt.Errorf("%s %s in epoch %d: %w", r.Name, r.Version, s.Epoch, ErrRevoked)
		}
	}
	return nil
}

// Admit copies the bytes, hashes the copy once, looks its record up and returns the
// copy as an artifact. Its self-test is the caller's next step.
func (c *Chain) Admit(wasm []byte, height uint64, p *Policy) (*Artifact, error) {
	held := bytes.Clone(wasm)
	sum := digest.Sum(held)
	r, err := c.Lookup(sum, height, p)
	if err != nil {
		return nil, err
	}
	return r.match(held, sum)
}
