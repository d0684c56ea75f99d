package trust

import (
	"errors"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
)

// Chain is the roots and sets that a node accepted, from the pinned root on. It
// only grows. Its state is a function of the documents accepted, not of the order
// in which they came.
type Chain struct {
	roots       []*Root
	rootDigests []digest.Digest
	sets        []*Set
	setDigests  []digest.Digest
	revoked     map[digest.Digest]uint64 // module to the epoch that took it back
	docs        []*Signed                // the copies whose signatures were checked
}

// NewChain starts at the root whose digest the operator pinned: version 1, signed
// by its own threshold.
func NewChain(pin digest.Digest, root *Signed) (*Chain, error) {
	if got := root.Digest(); got != pin {
		return nil, fmt.Errorf("root %s, pinned is %s: %w", got, pin, ErrFork)
	}
	r, err := ParseRoot(root.Frame)
	if err != nil {
		return nil, err
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("pinned root is version %d; pin version 1 and rotate: %w", r.Version, ErrGap)
	}
	count, err := root.signers(r)
	if err != nil {
		return nil, fmt.Errorf("root: %w", err)
	}
	if count[0] < r.Threshold {
		return nil, fmt.Errorf("root: %d of %d signatures: %w", count[0], r.Threshold, ErrThreshold)
	}
	return &Chain{roots: []*Root{r}, rootDigests: []digest.Digest{pin}, revoked: map[digest.Digest]uint64{}, docs: []*Signed{root}}, nil
}

// Documents returns the documents accepted, in the order of acceptance. Of several
// copies with different signatures it is the one whose signatures were checked;
// only these are worth keeping.
func (c *Chain) Documents() []*Signed { return slices.Clone(c.docs) }

// ChainID is the network's.
func (c *Chain) ChainID() uint64 { return c.roots[0].ChainID }

// Epoch is the highest epoch accepted; 0 is none.
func (c *Chain) Epoch() uint64 { return uint64(len(c.sets)) }

// Head is the digest of the set of the highest epoch; zero without one.
func (c *Chain) Head() digest.Digest {
	if len(c.setDigests) == 0 {
		return digest.Digest{}
	}
	return c.setDigests[len(c.setDigests)-1]
}

// Root returns the newest root and its digest.
func (c *Chain) Root() (Root, digest.Digest) {
	i := len(c.roots) - 1
	return *c.roots[i], c.rootDigests[i]
}

// rootOf returns the root that signs the sets of an epoch.
func (c *Chain) rootOf(epoch uint64) int {
	i := len(c.roots) - 1
	for i > 0 && c.roots[i].FirstEpoch > epoch {
		i--
	}
	return i
}

// AddRoot accepts the next root. A root held already is accepted again without
// effect.
func (c *Chain) AddRoot(d *Signed) error {
	r, err := ParseRoot(d.Frame)
	if err != nil {
		return err
	}
	old := c.roots[len(c.roots)-1]
	sum := d.Digest()
	if r.Version <= old.Version {
		return c.held(sum, c.rootDigests[r.Version-1], "root version", r.Version, old.Version)
	}
	prev := c.rootDigests[len(c.rootDigests)-1]
	switch {
	case r.Version != old.Version+1:
		return fmt.Errorf("root version %d, held is %d: %w", r.Version, old.Version, ErrGap)
	case r.ChainID != old.ChainID || r.Previous != prev:
		return fmt.Errorf("root version %d follows %s of chain %d, held is %s of chain %d: %w", r.Version, r.Previous, r.ChainID, prev, old.ChainID, ErrFork)
	case r.FirstEpoch < old.FirstEpoch:
		return fmt.Errorf("root version %d signs from epoch %d, the one before from %d: %w", r.Version, r.FirstEpoch, old.FirstEpoch, ErrFork)
	case len(c.roots) >= MaxChain:
		return fmt.Errorf("more than %d roots: %w", MaxChain, ErrForm)
	}
	count, err := d.signers(old, r)
	switch {
	case err != nil:
		return fmt.Errorf("root version %d: %w", r.Version, err)
	case count[0] < old.Threshold:
		return fmt.Errorf("root version %d: %d of %d old keys signed: %w", r.Version, count[0], old.Threshold, ErrRotation)
	case count[1] < r.Threshold:
		return fmt.Errorf("root version %d: %d of %d new keys signed: %w", r.Version, count[1], r.Threshold, ErrThreshold)
	}
	if r.FirstEpoch <= c.Epoch() {
		return fmt.Errorf("root version %d signs from epoch %d on, but epoch %d is held under the old root: %w", r.Version, r.FirstEpoch, c.Epoch(), ErrFork)
	}
	c.roots, c.rootDigests, c.docs = append(c.roots, r), append(c.rootDigests, sum), append(c.docs, d)
	return nil
}

// held judges a document at or below what is held: the same one again is no
// error; another one is a fork where its place is taken, and a rollback where it
// claims to be news.
func (c *Chain) held(got, have digest.Digest, what string, n, newest uint64) error {
	switch {
	case got == have:
		return nil
	case n < newest:
		return fmt.Errorf("%s %d, held is %d: %w", what, n, newest, ErrRollback)
	}
	return fmt.Errorf("%s %d is %s, held is %s: %w", what, n, got, have, ErrFork)
}

// AddSet accepts the set of the next epoch. A set held already is accepted again
// without effect. Whether it is in force is for At to say.
func (c *Chain) AddSet(d *Signed) error {
	s, err := ParseSet(d.Frame)
	if err != nil {
		return err
	}
	sum := d.Digest()
	if s.Epoch <= c.Epoch() {
		return c.held(sum, c.setDigests[s.Epoch-1], "epoch", s.Epoch, c.Epoch())
	}
	if s.Epoch != c.Epoch()+1 {
		return fmt.Errorf("epoch %d, held is %d: %w", s.Epoch, c.Epoch(), ErrGap)
	}
	at := c.rootOf(s.Epoch)
	if err := c.follows(s, at); err != nil {
		return err
	}
	count, err := d.signers(c.roots[at])
	if err != nil {
		return fmt.Errorf("epoch %d: %w", s.Epoch, err)
	}
	if k := c.roots[at].Threshold; count[0] < k {
		return fmt.Errorf("epoch %d: %d of %d signatures: %w", s.Epoch, count[0], k, ErrThreshold)
	}
	for _, r := range s.Records {
		if was, ok := c.revoked[r.SHA3]; ok && !r.Status.Revoked() {
			return fmt.Errorf("epoch %d lists %s %s as %s, revoked in epoch %d: %w", s.Epoch, r.Name, r.Version, r.Status, was, ErrRevoked)
		}
	}
	for _, r := range s.Records {
		if _, ok := c.revoked[r.SHA3]; !ok && r.Status.Revoked() {
			c.revoked[r.SHA3] = s.Epoch
		}
	}
	c.sets, c.setDigests, c.docs = append(c.sets, s), append(c.setDigests, sum), append(c.docs, d)
	return nil
}

// follows checks a set of the next epoch against the set before and its root.
func (c *Chain) follows(s *Set, at int) error {
	root := c.roots[at]
	switch {
	case s.ChainID != root.ChainID:
		return fmt.Errorf("epoch %d is of chain %d, held is chain %d: %w", s.Epoch, s.ChainID, root.ChainID, ErrFork)
	case s.Previous != c.Head():
		return fmt.Errorf("epoch %d follows %s, held is %s: %w", s.Epoch, s.Previous, c.Head(), ErrFork)
	case s.Root != c.rootDigests[at]:
		return fmt.Errorf("epoch %d is under root %s, want %s (version %d): %w", s.Epoch, s.Root, c.rootDigests[at], root.Version, ErrFork)
	case s.Activation >= root.Expiry:
		return fmt.Errorf("epoch %d is activated at height %d, its root expires at %d: %w", s.Epoch, s.Activation, root.Expiry, ErrExpired)
	case len(c.sets) >= MaxChain:
		return fmt.Errorf("more than %d epochs: %w", MaxChain, ErrForm)
	}
	if n := len(c.sets); n > 0 && s.Activation < c.sets[n-1].Activation {
		return fmt.Errorf("epoch %d is activated at height %d, the one before at %d: %w", s.Epoch, s.Activation, c.sets[n-1].Activation, ErrFork)
	}
	return nil
}

// Offer accepts as many documents as fit, in whatever order they are given. It
// returns the first refusal of one that has its place but is bad, else ErrGap
// where some have no place yet. Documents that fit before a bad one stay.
func (c *Chain) Offer(docs []*Signed) error {
	rest := docs
	for {
		var later []*Signed
		var gap error
		for _, d := range rest {
			err := c.add(d)
			switch {
			case errors.Is(err, ErrGap), errors.Is(err, errWait):
				later, gap = append(later, d), err
			case err != nil:
				return err
			}
		}
		if len(later) == 0 {
			return nil
		}
		if len(later) == len(rest) {
			if !errors.Is(gap, errWait) {
				return gap
			}
			return fmt.Errorf("%d documents have no place: %w: %w", len(later), ErrGap, gap)
		}
		rest = later
	}
}

// errWait says that a set names a root that is not held yet.
var errWait = errors.New("root is not held yet")

func (c *Chain) add(d *Signed) error {
	domain, err := d.Domain()
	if err != nil {
		return err
	}
	if domain == DomainRoot {
		return c.AddRoot(d)
	}
	err = c.AddSet(d)
	if errors.Is(err, ErrFork) && c.unknownRoot(d) {
		return fmt.Errorf("%w: %w", errWait, err)
	}
	return err
}

// unknownRoot tells that a set names a root that the chain has not seen, and is
// not refuted by what it has.
func (c *Chain) unknownRoot(d *Signed) bool {
	s, err := ParseSet(d.Frame)
	if err != nil || s.Epoch != c.Epoch()+1 || s.ChainID != c.ChainID() || s.Previous != c.Head() {
		return false
	}
	for _, r := range c.rootDigests {
		if r == s.Root {
			return false
		}
	}
	return true
}

// At returns the set in force at a height: the last one activated. It is
// ErrNotActive before the first, ErrExpired where that set or its root expired.
func (c *Chain) At(height uint64) (*Set, error) {
	i := len(c.sets) - 1
	for i >= 0 && c.sets[i].Activation > height {
		i--
	}
	if i < 0 {
		return nil, fmt.Errorf("height %d: %w", height, ErrNotActive)
	}
	s := c.sets[i]
	if height >= s.Expiry {
		return nil, fmt.Errorf("epoch %d expired at height %d, this is %d: %w", s.Epoch, s.Expiry, height, ErrExpired)
	}
	if root := c.roots[c.rootOf(s.Epoch)]; height >= root.Expiry {
		return nil, fmt.Errorf("root version %d expired at height %d, this is %d: %w", root.Version, root.Expiry, height, ErrExpired)
	}
	return s, nil
}
