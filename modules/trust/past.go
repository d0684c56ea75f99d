package trust

import (
	"fmt"

	"github.com/animicaorg/engine/digest"
)

// Ran is a module as a finished job names it.
type Ran struct {
	Kind, Name, Version string
	SHA3                digest.Digest
	Size                uint64        // bytes
	Meter               string        // of Metered, such as meter-1
	Metered             digest.Digest // zero: not said
}

// Past is what a finished job says of its modules.
type Past struct {
	Set     digest.Digest // under which they were admitted
	ChainID uint64        // of the job's lease; 0 without one
	Round   uint64        // height at which the lease was given; 0: not known
	Ran     []Ran
}

// Judge tells whether a finished job may have run its modules under the set that
// it names, and returns that set. The set must be of the chain, of the job's
// network, not expired at the job's round, and not older than the one in force
// then; a newer one is no fault, since the node may have seen a greater height.
// Each module must stand in it with the same kind, name, version, size and metered
// form, neither candidate nor revoked nor expired. height is the greatest block
// height that the caller knows of, 0 for none: a module that is revoked-hard at it,
// or at the job's round, is refused too. Errors are those of this package.
func (c *Chain) Judge(p Past, height uint64) (*Set, error) {
	i := c.find(p.Set)
	if i < 0 {
		return nil, fmt.Errorf("set %s, held are epochs 1..%d: %w", p.Set, c.Epoch(), ErrUnknownSet)
	}
	s := c.sets[i]
	if p.ChainID != 0 && p.ChainID != s.ChainID {
		return nil, fmt.Errorf("job of chain %d under a set of chain %d: %w", p.ChainID, s.ChainID, ErrFork)
	}
	if p.Round != 0 {
		if err := c.contemporary(s, p.Round); err != nil {
			return nil, err
		}
	}
	for k := range p.Ran {
		if err := c.judge(s, &p.Ran[k], p.Round); err != nil {
			return nil, err
		}
		if err := c.MayFinish(p.Ran[k].SHA3, s.Epoch, max(height, p.Round)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// find is the index of a set, -1 for one that is not of the chain.
func (c *Chain) find(set digest.Digest) int {
	for i, d := range c.setDigests {
		if d == set {
			return i
		}
	}
	return -1
}

// contemporary tells whether a set was current at a height.
func (c *Chain) contemporary(s *Set, height uint64) error {
	for _, later := range c.sets[s.Epoch:] {
		if later.Activation <= height {
			return fmt.Errorf("epoch %d, at height %d epoch %d was in force: %w", s.Epoch, height, later.Epoch, ErrSuperseded)
		}
	}
	if height >= s.Expiry {
		return fmt.Errorf("epoch %d expired at height %d, the job's is %d: %w", s.Epoch, s.Expiry, height, ErrExpired)
	}
	if root := c.roots[c.rootOf(s.Epoch)]; height >= root.Expiry {
		return fmt.Errorf("root version %d expired at height %d, the job's is %d: %w", root.Version, root.Expiry, height, ErrExpired)
	}
	return nil
}

func (c *Chain) judge(s *Set, m *Ran, round uint64) error {
	r, ok := s.Find(m.SHA3)
	if !ok {
		if was, gone := c.revoked[m.SHA3]; gone && was <= s.Epoch {
			return fmt.Errorf("%s %s (%s) in epoch %d: %w", m.Name, m.Version, m.SHA3, was, ErrRevoked)
		}
		return fmt.Errorf("%s %s (%s), epoch %d: %w", m.Name, m.Version, m.SHA3, s.Epoch, ErrNotListed)
	}
	switch {
	case r.Status.Revoked():
		return fmt.Errorf("%s %s in epoch %d: %w", r.Name, r.Version, s.Epoch, ErrRevoked)
	case r.Status == Candidate:
		return fmt.Errorf("%s %s is a candidate in epoch %d: %w", r.Name, r.Version, s.Epoch, ErrNotActive)
	case round >= r.Expiry:
		return fmt.Errorf("%s %s expired at height %d, the job's is %d: %w", r.Name, r.Version, r.Expiry, round, ErrExpired)
	case r.Kind != m.Kind:
		return fmt.Errorf("%s %s is of kind %s, not %s: %w", r.Name, r.Version, r.Kind, m.Kind, ErrNotListed)
	case r.Name != m.Name || r.Version != m.Version || r.Size != m.Size:
		return fmt.Errorf("%s %s of %d bytes, its record says %s %s of %d: %w", m.Name, m.Version, m.Size, r.Name, r.Version, r.Size, ErrBytes)
	case r.Meter == m.Meter && !m.Metered.IsZero() && r.Meter != "" && r.MeteredSHA3 != m.Metered:
		return fmt.Errorf("%s %s metered to %s, its record says %s by %s: %w", r.Name, r.Version, m.Metered, r.MeteredSHA3, r.Meter, ErrBytes)
	}
	return nil
}
