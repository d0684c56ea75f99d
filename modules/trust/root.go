package trust

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// DomainRoot is the domain of a root's frame.
const DomainRoot = "qprov/v1/trust-root"

// Root lists the governance keys. Version 1 is pinned; every later one is signed
// by Threshold keys of the root before and by Threshold keys of its own.
type Root struct {
	ChainID    uint64
	Version    uint64        // 1, 2, …
	Previous   digest.Digest // of the root before; zero in version 1 only
	FirstEpoch uint64        // sets from this epoch on are signed by this root; 1 in version 1
	Expiry     uint64        // block height at which nothing it signed is in force any more
	Threshold  uint64        // k, 1..len(Keys)
	Keys       [][]byte      // raw Ed25519 public keys, ascending, each once
}

// Frame implements transcript.Framed.
func (r Root) Frame() *transcript.Frame {
	if err := r.check(); err != nil {
		return transcript.NewFrame(DomainRoot).Fail(err)
	}
	return transcript.NewFrame(DomainRoot).U64(1, r.ChainID).U64(2, r.Version).OptionalH32(3, r.Previous).U64(4, r.FirstEpoch).
		U64(5, r.Expiry).U64(6, r.Threshold).Bytes(7, bytes.Join(r.Keys, nil), MaxKeys*ed25519.PublicKeySize)
}

// Sort brings the keys into the order that a root demands.
func (r *Root) Sort() { slices.SortFunc(r.Keys, bytes.Compare) }

func (r *Root) check() error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("root: %s: %w", fmt.Sprintf(format, a...), ErrForm)
	}
	switch {
	case r.Version == 0:
		return bad("version 0, the first is 1")
	case (r.Version == 1) != r.Previous.IsZero():
		return bad("version %d with previous root %s; only version 1 has none", r.Version, r.Previous)
	case r.FirstEpoch == 0 || r.Version == 1 && r.FirstEpoch != 1:
		return bad("version %d signs from epoch %d on", r.Version, r.FirstEpoch)
	case r.Expiry == 0:
		return bad("expires at height 0")
	case len(r.Keys) == 0 || len(r.Keys) > MaxKeys:
		return bad("%d keys, want 1..%d", len(r.Keys), MaxKeys)
	case r.Threshold == 0 || r.Threshold > uint64(len(r.Keys)):
		return bad("threshold %d of %d keys", r.Threshold, len(r.Keys))
	}
	for i, k := range r.Keys {
		if err := keys.CheckPublic(keys.Ed25519, k); err != nil {
			return bad("key %d: %v", i, err)
		}
		if i > 0 && bytes.Compare(r.Keys[i-1], k) >= 0 {
			return bad("key %d is repeated or out of order", i)
		}
	}
	return nil
}

// ParseRoot reads a root's frame.
func ParseRoot(b []byte) (*Root, error) {
	f := open(b, DomainRoot, 7, MaxRecord)
	r := &Root{ChainID: f.u64(), Version: f.u64(), Previous: f.optional(), FirstEpoch: f.u64(), Expiry: f.u64(), Threshold: f.u64()}
	raw := f.raw()
	if len(raw)%ed25519.PublicKeySize != 0 || len(raw) > MaxKeys*ed25519.PublicKeySize {
		f.fail("keys of %d bytes", len(raw))
	}
	if f.err != nil {
		return nil, f.err
	}
	r.Keys = slices.Collect(slices.Chunk(bytes.Clone(raw), ed25519.PublicKeySize))
	return r, r.check()
}

func (r *Root) has(public []byte) bool {
	return slices.ContainsFunc(r.Keys, func(k []byte) bool { return bytes.Equal(k, public) })
}
