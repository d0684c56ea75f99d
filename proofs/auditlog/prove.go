package auditlog

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Head returns the newest signed checkpoint, nil before the first, and how many
// entries it does not cover.
func (l *Log) Head() (c Checkpoint, signed []byte, pending int, err error) {
	err = l.locked(func(s *state) error {
		c, signed, pending = s.published, s.signed, len(s.pending)
		return nil
	})
	return c, signed, pending, err
}

// Prove exports the proof that an entry is covered by the newest checkpoint.
func (l *Log) Prove(index uint64) (*Inclusion, error) {
	p := &Inclusion{Index: index}
	err := l.locked(func(s *state) error {
		if index >= s.published.Size {
			return fmt.Errorf("entry %d is covered by no checkpoint: %w", index, ErrInclusion)
		}
		tree := s.published.tree()
		var err error
		if p.Leaf, err = l.folder.leaf(tree, int64(index)); err != nil {
			return err
		}
		p.Checkpoint = s.signed
		if p.Path, err = tlog.ProveRecord(tree.N, int64(index), l.folder.hashes(tree)); err != nil {
			return fmt.Errorf("%w: %w", ErrLog, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, _, err := p.Verify(l.origin, l.public); err != nil {
		return nil, err
	}
	return p, nil
}

// ProveConsistency returns the proof that the newest checkpoint extends the one
// of size old, for Watch.Advance.
func (l *Log) ProveConsistency(old uint64) (proof tlog.TreeProof, err error) {
	err = l.locked(func(s *state) error {
		if old > s.published.Size {
			return fmt.Errorf("%d entries, the newest checkpoint is of %d: %w", old, s.published.Size, ErrFork)
		}
		if old == 0 || old == s.published.Size {
			return nil
		}
		tree := s.published.tree()
		proof, err = tlog.ProveTree(tree.N, int64(old), l.folder.hashes(tree))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLog, err)
		}
		return nil
	})
	return proof, err
}

// Against compares the log with a checkpoint of it that somebody kept, such as
// the scheduler's last heartbeat. It returns a *Contradiction where the two
// cannot belong to one history.
func (l *Log) Against(signed []byte) error {
	kept, err := OpenCheckpoint(signed, l.origin, l.public)
	if err != nil {
		return err
	}
	return l.locked(func(s *state) error {
		if s.signed == nil {
			return fmt.Errorf("a checkpoint of %d entries exists, this log has none: %w", kept.Size, ErrFork)
		}
		if kind := contradicts(kept, s.published); kind != "" {
			return &Contradiction{Kind: kind, Earlier: string(signed), Later: string(s.signed)}
		}
		if kept.Size == 0 || kept.Size == s.published.Size {
			return nil
		}
		tree := s.published.tree()
		hashes := l.folder.hashes(tree)
		root, err := tlog.TreeHash(int64(kept.Size), hashes)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLog, err)
		}
		if root == kept.Root {
			return nil
		}
		proof, err := tlog.ProveTree(tree.N, int64(kept.Size), hashes)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLog, err)
		}
		return &Contradiction{Kind: KindHistory, Earlier: string(signed), Later: string(s.signed), Root: &root, Proof: proof}
	})
}
