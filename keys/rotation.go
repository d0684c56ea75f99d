package keys

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Reason says why a key was replaced.
type Reason string

// The reasons.
const (
	Scheduled   Reason = "scheduled"   // the old key goes on for the overlap
	Lost        Reason = "lost"        // likewise; nobody has the old key any more
	Compromised Reason = "compromised" // revocation: the old key ends when the statement is in the log
)

// Overlap of the old and the new key, in seconds.
const (
	MaxOverlap     = 30 * 24 * 3600
	DefaultOverlap = 14 * 24 * 3600
)

// RotateAfter is the age in seconds at which an operator is reminded to replace
// a key; keys are replaced every quarter.
const RotateAfter = 80 * 24 * 3600

// Rotation is one statement of a provider's chain: from when a key acts in a
// role, and until when the one before it does. The root in force and the new key
// sign it.
type Rotation struct {
	ProviderID     digest.Digest // of the first root key; never changes
	Seq            uint64        // 1, 2, …
	Previous       digest.Digest // of the statement before; zero for the first
	Role           Role
	Alg            string
	Public         []byte
	ValidFrom      uint64        // Unix seconds, inclusive
	OldAcceptUntil uint64        // Unix seconds, exclusive, for the role's key before; 0 where there was none
	Next           digest.Digest // of a root: KeyID of the root after it, decided now; zero: open
	Reason         Reason
	SignedAt       uint64 // Unix seconds
	RootSig        []byte // purpose rotation
	KeySig         []byte // purpose possession
}

// Frame implements transcript.Framed (domain qprov/v1/rotation).
func (r *Rotation) Frame() *transcript.Frame {
	return transcript.NewFrame("qprov/v1/rotation").H32(1, r.ProviderID).U64(2, r.Seq).OptionalH32(3, r.Previous).Text(4, string(r.Role)).
		Text(5, r.Alg).Bytes(6, r.Public, maxPublic).U64(7, r.ValidFrom).U64(8, r.OldAcceptUntil).OptionalH32(9, r.Next).Text(10, string(r.Reason))
}

// Sign fills SignedAt and both signatures. For a new root, root is the old one.
func (r *Rotation) Sign(ctx context.Context, root, key Signer, nowUnix uint64) error {
	r.SignedAt = nowUnix
	d, err := transcript.Sum(r)
	if err != nil {
		return fmt.Errorf("rotation: %w", err)
	}
	byRoot, err := Sign(ctx, root, PurposeRotation, d, nowUnix)
	if err != nil {
		return err
	}
	byKey, err := Sign(ctx, key, PurposePossession, d, nowUnix)
	if err != nil {
		return err
	}
	r.RootSig, r.KeySig = byRoot.Sig, byKey.Sig
	return nil
}

// verify checks the statement by itself, given the root in force.
func (r *Rotation) verify(root []byte) error {
	if err := CheckPublic(r.Alg, r.Public); err != nil {
		return fmt.Errorf("%s key: %w", r.Role, err)
	}
	if _, err := ParseRole(string(r.Role)); err != nil {
		return err
	}
	if r.Role == Root && r.Alg != Ed25519 || r.Role != Root && !r.Next.IsZero() {
		return fmt.Errorf("a root is %s, and only a root commits to the next one: %w", Ed25519, ErrRole)
	}
	if !slices.Contains([]Reason{Scheduled, Lost, Compromised}, r.Reason) {
		return fmt.Errorf("reason %.40q: %w", r.Reason, ErrKey)
	}
	d, err := transcript.Sum(r)
	if err != nil {
		return err
	}
	byRoot := Signature{PurposeRotation, Ed25519, KeyID(root), r.SignedAt, r.RootSig}
	if err := byRoot.Verify(Ed25519, root, PurposeRotation, d); err != nil {
		return fmt.Errorf("root's signature: %w", err)
	}
	byKey := Signature{PurposePossession, r.Alg, KeyID(r.Public), r.SignedAt, r.KeySig}
	if err := byKey.Verify(r.Alg, r.Public, PurposePossession, d); err != nil {
		return fmt.Errorf("the new key's signature: %w", err)
	}
	return nil
}

// MarshalJSON writes the transport form.
func (r *Rotation) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ProviderID     digest.Digest `json:"provider_id"`
		Seq            uint64        `json:"seq"`
		Previous       string        `json:"previous"`
		Role           Role          `json:"role"`
		Public         string        `json:"public"`
		ValidFrom      uint64        `json:"valid_from"`
		OldAcceptUntil uint64        `json:"old_accept_until"`
		Next           string        `json:"next"`
		Reason         Reason        `json:"reason"`
		SignedAt       uint64        `json:"signed_at_unix"`
		RootSig        string        `json:"root_sig"`
		KeySig         string        `json:"key_sig"`
	}{r.ProviderID, r.Seq, optional(r.Previous), r.Role, PublicText(r.Alg, r.Public), r.ValidFrom, r.OldAcceptUntil,
		optional(r.Next), r.Reason, r.SignedAt, hex.EncodeToString(r.RootSig), hex.EncodeToString(r.KeySig)})
}

// optional is the text of a digest, empty for zero.
func optional(d digest.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func readOptional(c strictjson.Cursor) digest.Digest {
	if c.Text(2*digest.Size) == "" {
		return digest.Digest{}
	}
	return c.Hash()
}

func readRotation(c strictjson.Cursor) *Rotation {
	c.Only("provider_id", "seq", "previous", "role", "public", "valid_from", "old_accept_until", "next", "reason", "signed_at_unix", "root_sig", "key_sig")
	r := &Rotation{ProviderID: c.Member("provider_id").Hash(), Seq: c.Member("seq").Uint(1, maxChain), Previous: readOptional(c.Member("previous")),
		Role: Role(c.Member("role").Text(32)), Next: readOptional(c.Member("next")), Reason: Reason(c.Member("reason").Text(32))}
	r.Alg, r.Public = readPublic(c.Member("public"))
	r.ValidFrom = c.Member("valid_from").Uint(0, maxUnix)
	r.OldAcceptUntil = c.Member("old_accept_until").Uint(0, maxUnix)
	r.SignedAt = c.Member("signed_at_unix").Uint(0, maxUnix)
	r.RootSig = c.Member("root_sig").Hex(maxSig)
	r.KeySig = c.Member("key_sig").Hex(maxSig)
	return r
}
