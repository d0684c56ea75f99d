package keys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A rotation passes through these states, each of which a crash may leave:
//
//	<role>.next.key             the new key is drawn
//	chain.json                  names it: from here on it counts
//	<role>.<n>.key, <role>.key  the old key moved aside, the new one in place
//	<role>.statement.json       replaced; the root has none
//
// HeldFor and Rotate finish what chain.json already says.

const (
	chainName  = "chain.json"
	nextSuffix = ".next"
)

// Chain loads the provider's rotations. A store that never rotated has none but
// for the root: the root key or a statement must be there.
func (s *Store) Chain() (*Chain, error) {
	b, err := s.read(chainName, false, int64(chainLimits.Bytes))
	if err == nil {
		return ParseChain(b)
	}
	if !errors.Is(err, ErrNoKey) {
		return nil, err
	}
	roles, err := s.Certified()
	if err != nil {
		return nil, err
	}
	for _, r := range roles {
		st, err := s.Statement(r)
		if err != nil {
			return nil, err
		}
		return &Chain{Root: st.RootPublic}, nil
	}
	root, err := s.Key(Root)
	if err != nil {
		return nil, err
	}
	return &Chain{Root: root.Public()}, nil
}

// rotations is the chain as far as anything was rotated; nil: nothing was.
func (s *Store) rotations() (*Chain, error) {
	b, err := s.read(chainName, false, int64(chainLimits.Bytes))
	if errors.Is(err, ErrNoKey) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return ParseChain(b)
}

// Change is a rotation to make.
type Change struct {
	Role    Role
	Alg     string // of the new key
	Reason  Reason
	Overlap uint64 // seconds for which the old key goes on; of no meaning when compromised

	// Before runs once the new key is drawn and before anything names it; it may
	// run again with the same keys after a crash. Nil: nothing.
	Before func(old, next RoleSigner) error
}

// Rotate replaces the key of a role by a new one, or finishes a rotation that
// was cut off. The provider_id stays that of the first root.
func (s *Store) Rotate(ctx context.Context, root Signer, c Change, entropy io.Reader, nowUnix uint64) (*Rotation, error) {
	if c.Role == Root {
		return s.rotateRoot(ctx, root, c, entropy, nowUnix)
	}
	held, err := s.HeldFor(c.Role)
	if err != nil {
		return nil, err
	}
	chain, err := s.Chain()
	if err != nil {
		return nil, err
	}
	if _, known := chain.Newest(c.Role); known == nil { // the key that the store began with
		if _, err := chain.Extend(ctx, root, held.Operational, c.Role, Scheduled, 0, held.Statement.ValidFrom); err != nil {
			return nil, err
		}
	}
	k, err := s.drawNext(c, entropy)
	if err != nil {
		return nil, err
	}
	if c.Before != nil {
		if err := c.Before(held.Operational, k); err != nil {
			return nil, err
		}
	}
	r, err := chain.Extend(ctx, root, k, c.Role, c.Reason, c.Overlap, nowUnix)
	if err != nil {
		return nil, err
	}
	seq, err := s.nextSeq()
	if err != nil {
		return nil, err
	}
	st, err := NewKeyStatementUnder(ctx, chain, root, c.Role, k.Alg(), k.Public(), seq, nowUnix)
	if err != nil {
		return nil, err
	}
	if err := s.replaceJSON(string(c.Role)+nextSuffix+statementSuffix, st); err != nil {
		return nil, err
	}
	if err := s.replaceJSON(chainName, chain); err != nil {
		return nil, err
	}
	return r, s.finishRotation(c.Role)
}

// drawNext draws the new key, or finds the one that a rotation which was cut off drew.
func (s *Store) drawNext(c Change, entropy io.Reader) (RoleSigner, error) {
	next := string(c.Role) + nextSuffix
	k, err := s.CreateKey(c.Alg, c.Role, next, entropy)
	if errors.Is(err, ErrKeyExists) {
		if k, _, err = s.KeyFile(c.Role, next); err == nil && k.Alg() != c.Alg {
			err = fmt.Errorf("key store %s: %s.key was left by a rotation that was cut off and is %s: remove it: %w", s.dir, next, k.Alg(), ErrKeyExists)
		}
	}
	return k, err
}

// rotateRoot replaces the root. The chain names every key that the root vouched for first,
// since from now on a verifier goes by it.
func (s *Store) rotateRoot(ctx context.Context, root Signer, c Change, entropy io.Reader, nowUnix uint64) (*Rotation, error) {
	chain, err := s.Chain()
	if err != nil {
		return nil, err
	}
	roles, err := s.Certified()
	if err != nil {
		return nil, err
	}
	for _, role := range roles {
		if _, known := chain.Newest(role); known != nil {
			continue
		}
		held, err := s.HeldFor(role)
		if err != nil {
			return nil, err
		}
		if _, err := chain.Extend(ctx, root, held.Operational, role, Scheduled, 0, held.Statement.ValidFrom); err != nil {
			return nil, err
		}
	}
	k, err := s.drawNext(c, entropy)
	if err != nil {
		return nil, err
	}
	r, err := chain.Extend(ctx, root, k, Root, c.Reason, c.Overlap, nowUnix)
	if err != nil {
		return nil, err
	}
	if err := s.replaceJSON(chainName, chain); err != nil {
		return nil, err
	}
	return r, s.finishRoot()
}

// finishRoot puts a new root in place once the chain names it.
func (s *Store) finishRoot() error {
	next := string(Root) + nextSuffix
	file, err := s.find(next)
	if errors.Is(err, ErrNoKey) {
		return nil
	} else if err != nil {
		return err
	}
	chain, err := s.rotations()
	if err != nil || chain == nil {
		return err
	}
	k, _, err := s.KeyFile(Root, next)
	if err != nil {
		return err
	}
	if _, newest := chain.Newest(Root); !bytes.Equal(newest, k.Public()) {
		return nil // not named yet: Rotate goes on from here
	}
	return s.moveAside(Root, file, len(chain.Links))
}

// finishRotation puts the new key in place once the chain names it.
func (s *Store) finishRotation(role Role) error {
	next := string(role) + nextSuffix
	if _, err := s.root.Lstat(next + statementSuffix); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("key store %s: %w", s.dir, err)
	}
	b, err := s.read(next+statementSuffix, false, 1<<20)
	if err != nil {
		return err
	}
	chain, err := s.Chain()
	if err != nil {
		return err
	}
	st, err := ParseKeyStatementUnder(b, chain)
	if err != nil {
		return fmt.Errorf("key store %s: %s: %w", s.dir, next+statementSuffix, err)
	}
	if _, newest := chain.Newest(role); !bytes.Equal(newest, st.Public) {
		return nil // not named yet: Rotate goes on from here
	}
	file, err := s.find(next)
	if err == nil {
		if err := s.moveAside(role, file, len(chain.Links)); err != nil {
			return err
		}
	} else if !errors.Is(err, ErrNoKey) {
		return err
	}
	if err := s.root.Rename(next+statementSuffix, string(role)+statementSuffix); err != nil {
		return fmt.Errorf("key store %s: %w", s.dir, err)
	}
	return s.syncDir()
}

// moveAside keeps the old key under the number of the statement that ended it,
// and puts the new one in its place.
func (s *Store) moveAside(role Role, file string, seq int) error {
	old, err := s.find(string(role))
	if err == nil {
		err = s.root.Rename(old, fmt.Sprintf("%s.%d%s", role, seq, old[len(role):]))
	} else if errors.Is(err, ErrNoKey) {
		err = nil // moved by the run that was cut off
	}
	if err == nil {
		err = s.root.Rename(file, string(role)+file[len(role)+len(nextSuffix):])
	}
	if err != nil {
		return fmt.Errorf("key store %s: %w", s.dir, err)
	}
	return s.syncDir()
}

// replaceJSON puts a whole document in place, durably.
func (s *Store) replaceJSON(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tmp := name + ".new"
	f, err := s.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write(append(b, '\n'))
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = s.root.Rename(tmp, name)
	}
	if err != nil {
		return fmt.Errorf("key store %s: %s: %w", s.dir, name, err)
	}
	return s.syncDir()
}
