package keys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/transcript"
)

// ErrRetired says that a key was not in force at the time asked about.
var ErrRetired = errors.New("key not in force")

// maxChain bounds the statements of one provider.
const maxChain = 4096

// Link is a statement with the time at which a log, witness or service had it:
// what bounds a revocation backwards. 0: nobody but the provider says when, and
// SignedAt counts.
type Link struct {
	*Rotation
	IncludedAt uint64 // Unix seconds
}

func (l Link) known() uint64 {
	if l.IncludedAt != 0 {
		return l.IncludedAt
	}
	return l.SignedAt
}

// Chain is all statements of one provider, from its first root key on.
type Chain struct {
	Root  []byte // the first root key; its KeyID is the provider_id
	Links []Link
}

// period is the time during which a key is accepted in a role.
type period struct {
	role        Role
	id          digest.Digest
	public      []byte
	from, until uint64 // Unix seconds, [from, until)
}

// Verify checks the whole chain: contiguous, linked by hashes, each statement
// signed by the root in force and by the key that it introduces, overlaps within
// MaxOverlap, no key twice.
func (c *Chain) Verify() error {
	_, err := c.periods()
	return err
}

func (c *Chain) periods() ([]period, error) {
	if err := CheckPublic(Ed25519, c.Root); err != nil {
		return nil, fmt.Errorf("key chain: root: %w", err)
	}
	if len(c.Links) > maxChain {
		return nil, fmt.Errorf("key chain of %d statements, limit %d: %w", len(c.Links), maxChain, ErrKey)
	}
	w := &walk{provider: KeyID(c.Root), root: c.Root, newest: map[Role]int{}, seen: map[digest.Digest]Role{}}
	w.open(Root, c.Root, 0)
	for i, l := range c.Links {
		if err := w.step(uint64(i+1), l); err != nil {
			return nil, fmt.Errorf("key chain: statement %d: %w", i+1, err)
		}
	}
	return w.periods, nil
}

// walk goes through a chain.
type walk struct {
	provider digest.Digest
	root     []byte        // in force
	next     digest.Digest // what the root committed to
	previous digest.Digest
	periods  []period
	newest   map[Role]int // index of a role's newest period
	seen     map[digest.Digest]Role
}

func (w *walk) open(role Role, public []byte, from uint64) {
	id := KeyID(public)
	w.newest[role], w.seen[id] = len(w.periods), role
	w.periods = append(w.periods, period{role, id, public, from, math.MaxUint64})
}

func (w *walk) step(seq uint64, l Link) error {
	r := l.Rotation
	switch {
	case r.ProviderID != w.provider:
		return fmt.Errorf("is of provider %s, want %s: %w", r.ProviderID, w.provider, ErrKey)
	case r.Seq != seq || r.Previous != w.previous:
		return fmt.Errorf("number %d after statement %s does not follow: %w", r.Seq, r.Previous, ErrKey)
	case r.Role == Root && !w.next.IsZero() && KeyID(r.Public) != w.next:
		return fmt.Errorf("root %s, the one before committed to %s: %w", KeyID(r.Public), w.next, ErrKey)
	}
	if err := r.verify(w.root); err != nil {
		return err
	}
	if had, ok := w.seen[KeyID(r.Public)]; ok {
		return fmt.Errorf("key %s was the %s key before: %w", KeyID(r.Public), had, ErrRole)
	}
	if err := w.retire(l); err != nil {
		return err
	}
	w.open(r.Role, r.Public, r.ValidFrom)
	if r.Role == Root {
		w.root, w.next = r.Public, r.Next
	}
	var err error
	w.previous, err = transcript.Sum(r)
	return err
}

// retire ends the role's key before.
func (w *walk) retire(l Link) error {
	i, had := w.newest[l.Role]
	if !had {
		if l.OldAcceptUntil != 0 {
			return fmt.Errorf("old_accept_until for a role without a key before: %w", ErrKey)
		}
		return nil
	}
	old := &w.periods[i]
	switch {
	case l.ValidFrom < old.from:
		return fmt.Errorf("valid from %d, the key before from %d: %w", l.ValidFrom, old.from, ErrKey)
	case l.Reason == Compromised:
		if l.OldAcceptUntil > l.known() {
			return fmt.Errorf("a compromised key is accepted until %d, after the statement of %d: %w", l.OldAcceptUntil, l.known(), ErrKey)
		}
	case l.OldAcceptUntil < l.ValidFrom || l.OldAcceptUntil-l.ValidFrom > MaxOverlap:
		return fmt.Errorf("old key until %d, new key from %d: the overlap is 0..%d s: %w", l.OldAcceptUntil, l.ValidFrom, MaxOverlap, ErrKey)
	}
	// What was logged before anybody could know of the statement stays: a provider
	// who backdates it does not get rid of what he signed.
	old.until = max(l.OldAcceptUntil, l.known())
	return nil
}

// Accept says whether a signature in a role by a key that a log held at the
// given time counts: nil, ErrRetired outside the key's time, ErrKey for a key
// that the chain does not know in this role. The chain must verify.
func (c *Chain) Accept(role Role, id digest.Digest, atUnix uint64) error {
	periods, err := c.periods()
	if err != nil {
		return err
	}
	for _, p := range periods {
		if p.role != role || p.id != id {
			continue
		}
		if atUnix < p.from || atUnix >= p.until {
			return fmt.Errorf("%s key %s at %d, in force from %d to before %d: %w", role, id, atUnix, p.from, p.until, ErrRetired)
		}
		return nil
	}
	return fmt.Errorf("key %s is no %s key of provider %s: %w", id, role, KeyID(c.Root), ErrKey)
}

// Provider is the provider_id: the id of the first root.
func (c *Chain) Provider() digest.Digest { return KeyID(c.Root) }

// Rotated reports whether the first root was replaced.
func (c *Chain) Rotated() bool {
	return c != nil && slices.ContainsFunc(c.Links, func(l Link) bool { return l.Role == Root })
}

// Extends reports whether c begins with all statements of old; nil is a chain without any.
func (c *Chain) Extends(old *Chain) bool {
	switch {
	case old == nil:
		return true
	case c == nil:
		return len(old.Links) == 0
	case !bytes.Equal(c.Root, old.Root) || len(c.Links) < len(old.Links):
		return false
	}
	for i, l := range old.Links {
		a, errA := transcript.Sum(l.Rotation)
		b, errB := transcript.Sum(c.Links[i].Rotation)
		if errA != nil || errB != nil || a != b {
			return false
		}
	}
	return true
}

// rootAt refuses a root that may not speak for the provider at a time: without a chain only
// the first one may.
func rootAt(provider digest.Digest, root []byte, chain *Chain, unix uint64) error {
	if err := CheckPublic(Ed25519, root); err != nil {
		return fmt.Errorf("root key: %w", err)
	}
	switch {
	case KeyID(root) == provider && !chain.Rotated():
		return nil
	case chain == nil:
		return fmt.Errorf("root key %s is not the first of provider %s, and no key_chain leads to it: %w", KeyID(root), provider, ErrKey)
	case chain.Provider() != provider:
		return fmt.Errorf("the key_chain is of provider %s, not %s: %w", chain.Provider(), provider, ErrKey)
	}
	return chain.Accept(Root, KeyID(root), unix)
}

// Newest returns the role's newest key, nil when there is none.
func (c *Chain) Newest(role Role) (alg string, public []byte) {
	alg = Ed25519
	if role == Root {
		public = c.Root
	}
	for _, l := range c.Links {
		if l.Role == role {
			alg, public = l.Alg, l.Public
		}
	}
	return alg, public
}

// Draft returns the next statement for a new key, unsigned.
func (c *Chain) Draft(role Role, key Signer, reason Reason, overlap, nowUnix uint64) (*Rotation, error) {
	r := &Rotation{ProviderID: KeyID(c.Root), Seq: uint64(len(c.Links) + 1), Role: role, Alg: key.Alg(), Public: key.Public(), ValidFrom: nowUnix, Reason: reason}
	if n := len(c.Links); n > 0 {
		var err error
		if r.Previous, err = transcript.Sum(c.Links[n-1].Rotation); err != nil {
			return nil, err
		}
	}
	if _, old := c.Newest(role); old != nil {
		if r.OldAcceptUntil = nowUnix + overlap; reason == Compromised {
			r.OldAcceptUntil = nowUnix
		}
	}
	return r, nil
}

// Extend drafts, signs and adds a statement.
func (c *Chain) Extend(ctx context.Context, root, key Signer, role Role, reason Reason, overlap, nowUnix uint64) (*Rotation, error) {
	r, err := c.Draft(role, key, reason, overlap, nowUnix)
	if err != nil {
		return nil, err
	}
	if err := r.Sign(ctx, root, key, nowUnix); err != nil {
		return nil, err
	}
	longer := &Chain{c.Root, append(c.Links[:len(c.Links):len(c.Links)], Link{Rotation: r})}
	if err := longer.Verify(); err != nil {
		return nil, err
	}
	c.Links = longer.Links
	return r, nil
}

// MarshalJSON writes the transport form: {root, statements[{…, included_at?}]}.
func (c *Chain) MarshalJSON() ([]byte, error) {
	type linkJSON struct {
		Statement  *Rotation `json:"statement"`
		IncludedAt uint64    `json:"included_at,omitempty"`
	}
	links := make([]linkJSON, len(c.Links))
	for i, l := range c.Links {
		links[i] = linkJSON{l.Rotation, l.IncludedAt}
	}
	return json.Marshal(struct {
		Root       string     `json:"root"`
		Statements []linkJSON `json:"statements"`
	}{PublicText(Ed25519, c.Root), links})
}

// chainLimits hold the longest chain of composite keys.
var chainLimits = strictjson.Limits{Bytes: 64 << 20, Depth: 6, Values: 16 * maxChain}

// ParseChain reads and verifies the transport form.
func ParseChain(b []byte) (*Chain, error) {
	c := strictjson.Open(b, chainLimits)
	out := ReadChain(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return out, out.Verify()
}

// ReadChain reads a chain within a larger document; the caller verifies it.
func ReadChain(c strictjson.Cursor) *Chain {
	c.Only("root", "statements")
	out := &Chain{}
	alg, root := readPublic(c.Member("root"))
	if alg != Ed25519 {
		c.Member("root").Fail("", "is not an Ed25519 key")
	}
	out.Root = root
	for _, it := range c.Member("statements").Items(maxChain) {
		it.Only("statement", "included_at")
		l := Link{Rotation: readRotation(it.Member("statement"))}
		if at, ok := it.Optional("included_at"); ok {
			l.IncludedAt = at.Uint(1, maxUnix)
		}
		out.Links = append(out.Links, l)
	}
	return out
}
