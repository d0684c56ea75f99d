// Package epoch keeps the network's time: beacon rounds, epochs of rounds, and
// the policy that is active in each.
//
// It promises that a round is closed once, that an epoch has one policy, fixed
// when its first round opens, and that a policy becomes active at an epoch's
// first round only. It reads no clock: closing a round is a command.
package epoch

import (
	"errors"
	"fmt"
	"sync"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/beacon"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Term is what holds now.
type Term struct {
	ChainID    uint64
	Round      uint64 // open
	StartedMS  int64  // of the round
	Epoch      uint64
	FirstRound uint64 // of the epoch
	ValueRound uint64 // newest closed round
	Value      []byte // its beacon value
	PolicyHash digest.Digest
	Policy     *aicf.Policy
	Rules      aicf.Network // of the policy, defaults filled
}

// Calendar reads terms; it keeps parsed policies.
type Calendar struct {
	ChainID  uint64
	Secret   digest.Digest // of the local beacon; zero: none
	mu       sync.Mutex
	policies map[digest.Digest]*aicf.Policy
}

type roundRow struct {
	_         struct{} `db:"round"`
	Number    uint64   `db:"number"`
	Epoch     uint64   `db:"epoch"`
	StartedMS int64    `db:"started_ms"`
	ClosedMS  int64    `db:"closed_ms"`
	Value     []byte   `db:"value"`
	Dev       bool     `db:"dev"`
	Commits   uint64   `db:"commits"`
	Reveals   uint64   `db:"reveals"`
}

// Row is an epoch's row. Package settle fills the totals.
type Row struct {
	_             struct{}        `db:"epoch"`
	Number        uint64          `db:"number"`
	State         aicf.EpochState `db:"state"`
	FirstRound    uint64          `db:"first_round"`
	LastRound     uint64          `db:"last_round"` // 0: not over
	Policy        digest.Digest   `db:"policy"`
	Claims        uint64          `db:"claims"`
	Gross         aicf.Amount     `db:"gross"`
	Provider      aicf.Amount     `db:"provider"`
	Treasury      aicf.Amount     `db:"treasury"`
	Miner         aicf.Amount     `db:"miner"`
	Subsidy       aicf.Amount     `db:"subsidy"`
	Cap           aicf.Amount     `db:"cap"`
	Carried       uint64          `db:"carried"`
	CarriedAmount aicf.Amount     `db:"carried_amount"`
	Slashed       aicf.Amount     `db:"slashed"` // proposed in the epoch and not reversed
	Batch         digest.Digest   `db:"batch"`
	Root          digest.Digest   `db:"root"`
	Sig           []byte          `db:"sig"`
	SettledMS     int64           `db:"settled_ms"`
}

type policyRow struct {
	_          struct{}      `db:"policy"`
	Hash       digest.Digest `db:"hash"`
	Document   string        `db:"document"`
	Activation uint64        `db:"activation"`
	Seq        uint64        `db:"seq"`
}

// Now returns the term that holds in the transaction.
func (c *Calendar) Now(t *store.Tx) (*Term, error) {
	rounds, err := store.Select[roundRow](t, "ORDER BY number DESC LIMIT 2")
	if err != nil {
		return nil, err
	}
	if len(rounds) != 2 {
		return nil, fmt.Errorf("the store has %d rounds: it was never begun", len(rounds))
	}
	e, err := store.Get[openEpoch](t, "WHERE number = ?", rounds[0].Epoch)
	if err != nil {
		return nil, fmt.Errorf("epoch %d: %w", rounds[0].Epoch, err)
	}
	p, err := c.PolicyOf(t, e.Policy)
	if err != nil {
		return nil, err
	}
	return &Term{ChainID: c.ChainID, Round: rounds[0].Number, StartedMS: rounds[0].StartedMS, Epoch: e.Number, FirstRound: e.FirstRound,
		ValueRound: rounds[1].Number, Value: rounds[1].Value, PolicyHash: e.Policy, Policy: p, Rules: p.Filled()}, nil
}

type openEpoch struct {
	_          struct{}      `db:"epoch"`
	Number     uint64        `db:"number"`
	FirstRound uint64        `db:"first_round"`
	Policy     digest.Digest `db:"policy"`
}

// PolicyOf returns a stored policy.
func (c *Calendar) PolicyOf(t *store.Tx, hash digest.Digest) (*aicf.Policy, error) {
	c.mu.Lock()
	p := c.policies[hash]
	c.mu.Unlock()
	if p != nil {
		return p, nil
	}
	row, err := store.Get[policyRow](t, "WHERE hash = ?", hash)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", hash, err)
	}
	if p, err = aicf.Load([]byte(row.Document)); err != nil {
		return nil, fmt.Errorf("policy %s: %w", hash, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.policies == nil {
		c.policies = map[digest.Digest]*aicf.Policy{}
	}
	c.policies[hash] = p
	return p, nil
}

// Each visits every stored policy.
func (c *Calendar) Each(t *store.Tx, fn func(*aicf.Policy)) error {
	rows, err := store.Select[policyRow](t, "ORDER BY seq")
	for _, r := range rows {
		p, err := c.PolicyOf(t, r.Hash)
		if err != nil {
			return err
		}
		fn(p)
	}
	return err
}

// Begin makes round 0 and epoch 0 of a new network, or adds the policy to one
// that runs; it becomes active with the first epoch from its activation on.
func (c *Calendar) Begin(t *store.Tx, p *aicf.Policy, document []byte) error {
	hash, err := p.Hash()
	if err != nil {
		return err
	}
	begun, err := c.begun(t)
	if err != nil {
		return err
	}
	switch _, err := store.Get[policyRow](t, "WHERE hash = ?", hash); {
	case err == nil:
		return nil
	case !errors.Is(err, store.ErrNone):
		return err
	}
	if err := store.Insert(t, &policyRow{Hash: hash, Document: string(document), Activation: p.Activation.Epoch, Seq: t.Seq()}); err != nil {
		return err
	}
	if !begun {
		if err := c.genesis(t, hash, p.Epochs.LengthBlocks); err != nil {
			return err
		}
	}
	_, err = t.Append(store.Note{Type: aicf.EvPolicy, Info: map[string]any{"policy": hash, "activation_epoch": p.Activation.Epoch, "chain_id": c.ChainID}})
	return err
}

// begun reports whether the store has a network, and refuses another chain's.
func (c *Calendar) begun(t *store.Tx) (bool, error) {
	r, err := store.Get[roundRow](t, "WHERE number = 0")
	if errors.Is(err, store.ErrNone) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	want, err := beacon.Genesis(c.ChainID)
	if err == nil && digest.Digest(r.Value) != want {
		err = fmt.Errorf("the store belongs to another chain_id than %d", c.ChainID)
	}
	return true, err
}

// genesis closes round 0 and opens round 1: of epoch 0, or where an epoch is one
// round long, of epoch 1.
func (c *Calendar) genesis(t *store.Tx, policy digest.Digest, length uint64) error {
	v, err := beacon.Genesis(c.ChainID)
	if err != nil {
		return err
	}
	err = errors.Join(
		store.Insert(t, &Row{State: aicf.EpochOpen, Policy: policy}),
		store.Insert(t, &roundRow{StartedMS: t.NowMS(), ClosedMS: t.NowMS(), Value: v[:]}),
		store.Insert(t, &roundRow{Number: 1, Epoch: 1 / length, StartedMS: t.NowMS()}))
	if err != nil || length > 1 {
		return err
	}
	return store.Insert(t, &Row{Number: 1, State: aicf.EpochOpen, FirstRound: 1, Policy: policy})
}
