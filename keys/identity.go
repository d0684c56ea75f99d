package keys

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Limits of the self-description and the bundle.
const (
	maxListed   = 64 // capabilities, algorithms, regions, keys
	maxListText = 128
)

// Identity is a provider's self-description.
type Identity struct {
	ProviderID   digest.Digest // of the first root key
	RootPublic   []byte        // Ed25519; the root in force
	Chain        *Chain        // leads to RootPublic; nil while it is the first
	Email        string
	Capabilities []string // "quantum"
	Timestamp    uint64   // Unix seconds
	Sig          []byte   // by the root key, purpose identity, signed_at = Timestamp
}

// textList is a CBOR array of text under the params rules.
func textList(list []string) ([]byte, error) {
	v := transcript.ArrayValue()
	for _, s := range list {
		if len(s) == 0 || len(s) > maxListText {
			return nil, fmt.Errorf("list entry of %d bytes, want 1..%d: %w", len(s), maxListText, transcript.ErrFrame)
		}
		v.Array = append(v.Array, transcript.TextValue(s))
	}
	if len(list) > maxListed {
		return nil, fmt.Errorf("list of %d entries, limit %d: %w", len(list), maxListed, transcript.ErrFrame)
	}
	return transcript.EncodeCBOR(v, transcript.ParamsLimits)
}

// Frame implements transcript.Framed (domain qprov/v1/identity).
func (i *Identity) Frame() *transcript.Frame {
	f := transcript.NewFrame("qprov/v1/identity")
	caps, err := textList(i.Capabilities)
	if err != nil {
		return f.Fail(fmt.Errorf("capabilities: %w", err))
	}
	return f.H32(1, i.ProviderID).Text(2, Ed25519).Bytes(3, i.RootPublic, maxPublic).Text(4, i.Email).
		Bytes(5, caps, 65536).U64(6, i.Timestamp)
}

// NewIdentity writes and signs a self-description of a provider whose root is the first.
func NewIdentity(ctx context.Context, root Signer, email string, capabilities []string, nowUnix uint64) (*Identity, error) {
	return NewIdentityUnder(ctx, nil, root, email, capabilities, nowUnix)
}

// NewIdentityUnder is NewIdentity by the root that a chain has in force; a chain that never
// replaced the root is left out.
func NewIdentityUnder(ctx context.Context, chain *Chain, root Signer, email string, capabilities []string, nowUnix uint64) (*Identity, error) {
	i := &Identity{ProviderID: root.KeyID(), RootPublic: root.Public(), Email: email, Capabilities: capabilities, Timestamp: nowUnix}
	if chain.Rotated() {
		i.ProviderID, i.Chain = chain.Provider(), chain
	}
	d, err := transcript.Sum(i)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	sig, err := Sign(ctx, root, PurposeIdentity, d, nowUnix)
	if err != nil {
		return nil, err
	}
	i.Sig = sig.Sig
	return i, i.Verify()
}

// Verify checks key, provider_id and signature.
func (i *Identity) Verify() error {
	if err := rootAt(i.ProviderID, i.RootPublic, i.Chain, i.Timestamp); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	d, err := transcript.Sum(i)
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	sig := Signature{PurposeIdentity, Ed25519, KeyID(i.RootPublic), i.Timestamp, i.Sig}
	if err := sig.Verify(Ed25519, i.RootPublic, PurposeIdentity, d); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}

type contactJSON struct {
	Email string `json:"email"`
}

// MarshalJSON writes the transport form.
func (i *Identity) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ProviderID   digest.Digest `json:"provider_id"`
		Pubkey       string        `json:"pubkey"`
		Capabilities []string      `json:"capabilities"`
		Contact      contactJSON   `json:"contact"`
		Timestamp    uint64        `json:"timestamp"`
		Chain        *Chain        `json:"key_chain,omitempty"`
		Signature    string        `json:"signature"`
	}{i.ProviderID, PublicText(Ed25519, i.RootPublic), list(i.Capabilities), contactJSON{i.Email}, i.Timestamp, i.Chain, hex.EncodeToString(i.Sig)})
}

// list writes an empty list as [] instead of null.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func readList(c strictjson.Cursor) []string {
	items := c.Items(maxListed)
	out := make([]string, 0, len(items))
	seen := map[string]bool{}
	for _, it := range items {
		s := it.Text(maxListText)
		if s == "" || seen[s] {
			it.Fail("", "is empty or listed twice")
		}
		seen[s] = true
		out = append(out, s)
	}
	return out
}

func readIdentity(c strictjson.Cursor) *Identity {
	c.Only("provider_id", "pubkey", "capabilities", "contact", "timestamp", "key_chain", "signature")
	i := &Identity{ProviderID: c.Member("provider_id").Hash()}
	alg, public := readPublic(c.Member("pubkey"))
	if alg != Ed25519 {
		c.Member("pubkey").Fail("", "is not an Ed25519 key")
	}
	i.RootPublic = public
	i.Capabilities = readList(c.Member("capabilities"))
	i.Email = c.Member("contact").Only("email").Member("email").Text(transcript.MaxText)
	i.Timestamp = c.Member("timestamp").Uint(0, maxUnix)
	if m, ok := c.Optional("key_chain"); ok {
		i.Chain = ReadChain(m)
	}
	i.Sig = c.Member("signature").Hex(maxSig)
	return i
}

// ParseIdentity reads and verifies the transport form.
func ParseIdentity(b []byte) (*Identity, error) {
	c := strictjson.Open(b, documentLimits)
	i := readIdentity(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return i, i.Verify()
}
