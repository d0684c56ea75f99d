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

// KeyStatement is the root key's word that another key acts for the provider.
type KeyStatement struct {
	ProviderID digest.Digest // of the first root key
	RootPublic []byte        // Ed25519; of the root that signed
	Role       Role          // any but root
	Alg        string
	Public     []byte
	ValidFrom  uint64 // Unix seconds
	Seq        uint64 // grows with every statement of the provider
	SignedAt   uint64 // Unix seconds
	Sig        []byte
}

// Frame implements transcript.Framed (domain qprov/v1/key-statement).
func (s *KeyStatement) Frame() *transcript.Frame {
	return transcript.NewFrame("qprov/v1/key-statement").H32(1, s.ProviderID).Text(2, string(s.Role)).
		Text(3, s.Alg).Bytes(4, s.Public, maxPublic).U64(5, s.ValidFrom).U64(6, s.Seq)
}

// maxPublic bounds a raw public key in bytes.
const maxPublic = 4096

// KeyID is the id of the key that the statement introduces.
func (s *KeyStatement) KeyID() digest.Digest { return KeyID(s.Public) }

// NewKeyStatement lets the first root vouch for a key.
func NewKeyStatement(ctx context.Context, root Signer, role Role, alg string, public []byte, seq, nowUnix uint64) (*KeyStatement, error) {
	return NewKeyStatementUnder(ctx, nil, root, role, alg, public, seq, nowUnix)
}

// NewKeyStatementUnder lets the root that a chain has in force vouch for a key; nil is a
// chain without statements.
func NewKeyStatementUnder(ctx context.Context, chain *Chain, root Signer, role Role, alg string, public []byte, seq, nowUnix uint64) (*KeyStatement, error) {
	provider := root.KeyID()
	if chain.Rotated() {
		provider = chain.Provider()
	}
	s := &KeyStatement{ProviderID: provider, RootPublic: root.Public(), Role: role, Alg: alg, Public: public,
		ValidFrom: nowUnix, Seq: seq, SignedAt: nowUnix}
	d, err := transcript.Sum(s)
	if err != nil {
		return nil, err
	}
	sig, err := Sign(ctx, root, PurposeKeyStatement, d, nowUnix)
	if err != nil {
		return nil, err
	}
	s.Sig = sig.Sig
	return s, s.VerifyUnder(chain)
}

// Verify checks the statement of a first root by itself: whose key it is, not
// whether it is still the newest.
func (s *KeyStatement) Verify() error { return s.VerifyUnder(nil) }

// VerifyUnder is Verify where the provider's chain may have replaced the root: the root that
// signed must have been in force when it did.
func (s *KeyStatement) VerifyUnder(chain *Chain) error {
	if err := rootAt(s.ProviderID, s.RootPublic, chain, s.SignedAt); err != nil {
		return fmt.Errorf("key statement: %w", err)
	}
	if err := CheckPublic(s.Alg, s.Public); err != nil {
		return fmt.Errorf("key statement: %s key: %w", s.Role, err)
	}
	if _, err := ParseRole(string(s.Role)); err != nil {
		return fmt.Errorf("key statement: %w", err)
	}
	if s.Role == Root || s.KeyID() == s.ProviderID || s.KeyID() == KeyID(s.RootPublic) {
		return fmt.Errorf("key statement: the root key has no other role: %w", ErrRole)
	}
	d, err := transcript.Sum(s)
	if err != nil {
		return err
	}
	sig := Signature{PurposeKeyStatement, Ed25519, KeyID(s.RootPublic), s.SignedAt, s.Sig}
	if err := sig.Verify(Ed25519, s.RootPublic, PurposeKeyStatement, d); err != nil {
		return fmt.Errorf("key statement: %w", err)
	}
	return nil
}

// MarshalJSON writes the transport form.
func (s *KeyStatement) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ProviderID digest.Digest `json:"provider_id"`
		Root       string        `json:"root_public"`
		Role       Role          `json:"role"`
		Public     string        `json:"public"`
		ValidFrom  uint64        `json:"valid_from"`
		Seq        uint64        `json:"seq"`
		SignedAt   uint64        `json:"signed_at_unix"`
		Sig        string        `json:"sig"`
	}{s.ProviderID, PublicText(Ed25519, s.RootPublic), s.Role, PublicText(s.Alg, s.Public), s.ValidFrom, s.Seq, s.SignedAt, hex.EncodeToString(s.Sig)})
}

// ReadKeyStatement reads the transport form as a member of another document; the
// caller verifies it.
func ReadKeyStatement(c strictjson.Cursor) *KeyStatement { return readStatement(c) }

// readStatement reads the transport form; the caller verifies it.
func readStatement(c strictjson.Cursor) *KeyStatement {
	c.Only("provider_id", "root_public", "role", "public", "valid_from", "seq", "signed_at_unix", "sig")
	s := &KeyStatement{ProviderID: c.Member("provider_id").Hash()}
	rootAlg, root := readPublic(c.Member("root_public"))
	if rootAlg != Ed25519 {
		c.Member("root_public").Fail("", "is not an Ed25519 key")
	}
	s.RootPublic = root
	s.Alg, s.Public = readPublic(c.Member("public"))
	s.Role = Role(c.Member("role").OneOf(string(Operational), string(Runner), string(Device), string(Log), string(Payout), string(Service)))
	s.ValidFrom = c.Member("valid_from").Uint(0, maxUnix)
	s.Seq = c.Member("seq").Uint(0, maxUnix)
	s.SignedAt = c.Member("signed_at_unix").Uint(0, maxUnix)
	s.Sig = c.Member("sig").Hex(maxSig)
	return s
}

const (
	maxUnix = 1<<53 - 1 // exact in every JSON reader
	maxSig  = 8192
)

func readPublic(c strictjson.Cursor) (string, []byte) {
	text := c.Text(2*maxPublic + 64)
	if text == "" {
		c.Fail("", "want algorithm:hex")
		return "", nil
	}
	alg, public, err := ParsePublic(text)
	if err != nil {
		c.Fail("", "%v", err)
	}
	return alg, public
}

// documentLimits bound the JSON documents of this package.
var documentLimits = strictjson.Limits{Bytes: 4 << 20, Depth: 16, Values: 100_000}

// ParseKeyStatement reads and verifies the transport form.
func ParseKeyStatement(b []byte) (*KeyStatement, error) { return ParseKeyStatementUnder(b, nil) }

// ParseKeyStatementUnder is ParseKeyStatement with VerifyUnder.
func ParseKeyStatementUnder(b []byte, chain *Chain) (*KeyStatement, error) {
	c := strictjson.Open(b, documentLimits)
	s := readStatement(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return s, s.VerifyUnder(chain)
}
