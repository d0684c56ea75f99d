package trust

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Signature is one key's Ed25519 signature over the bytes of a frame.
type Signature struct {
	Domain string // what the signer says it signed
	Public []byte // raw Ed25519 key
	Sig    []byte
}

// Signed is a frame with its signatures. The frame's bytes are what is signed and
// hashed; signatures are no part of the digest.
type Signed struct {
	Frame      []byte
	Signatures []Signature
}

// Digest is SHA3-256 of the frame.
func (d *Signed) Digest() digest.Digest { return digest.Sum(d.Frame) }

// Domain is the frame's domain.
func (d *Signed) Domain() (string, error) {
	domain, _, err := transcript.ParseFrame(d.Frame)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrForm, err)
	case domain != DomainRoot && domain != DomainSet:
		return "", fmt.Errorf("domain %q is neither a root nor a set: %w", domain, ErrDomain)
	}
	return domain, nil
}

// NewSigned returns a document without signatures.
func NewSigned(v transcript.Framed) (*Signed, error) {
	b, err := transcript.Encode(v)
	if err != nil {
		return nil, err
	}
	return &Signed{Frame: b}, nil
}

// Sign adds the signature of a governance key. A signer that knows its role and
// has another one is refused, and so is a second signature of one key.
func (d *Signed) Sign(ctx context.Context, s keys.Signer) error {
	domain, err := d.Domain()
	if err != nil {
		return err
	}
	if r, ok := s.(interface{ Role() keys.Role }); ok {
		if err := r.Role().Allows(keys.PurposeGovernance); err != nil {
			return err
		}
	}
	if s.Alg() != keys.Ed25519 {
		return fmt.Errorf("key %s is %s, want %s: %w", s.KeyID(), s.Alg(), keys.Ed25519, ErrSignature)
	}
	sig, err := s.SignMessage(ctx, d.Frame)
	if err != nil {
		return fmt.Errorf("signing %s: %w", domain, err)
	}
	return d.Add(Signature{domain, bytes.Clone(s.Public()), sig})
}

// Add adds a signature that verifies. Whether a root lists its key shows in the
// chain.
func (d *Signed) Add(s Signature) error {
	if slices.ContainsFunc(d.Signatures, func(x Signature) bool { return bytes.Equal(x.Public, s.Public) }) {
		return fmt.Errorf("key %s: %w", keys.KeyID(s.Public), ErrDuplicateKey)
	}
	if err := d.verify(&s); err != nil {
		return err
	}
	d.Signatures = append(d.Signatures, s)
	slices.SortFunc(d.Signatures, func(a, b Signature) int { return bytes.Compare(a.Public, b.Public) })
	return nil
}

func (d *Signed) verify(s *Signature) error {
	domain, err := d.Domain()
	if err != nil {
		return err
	}
	if s.Domain != domain {
		return fmt.Errorf("key %s signed domain %q, the document is %q: %w", keys.KeyID(s.Public), s.Domain, domain, ErrDomain)
	}
	if err := keys.VerifyMessage(keys.Ed25519, s.Public, d.Frame, s.Sig); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// signers checks all signatures. Every key must be listed in one of the roots,
// none may sign twice; it returns how many distinct keys of each root signed.
func (d *Signed) signers(roots ...*Root) ([]uint64, error) {
	count := make([]uint64, len(roots))
	seen := map[string]bool{}
	for i := range d.Signatures {
		s := &d.Signatures[i]
		if seen[string(s.Public)] {
			return nil, fmt.Errorf("key %s: %w", keys.KeyID(s.Public), ErrDuplicateKey)
		}
		seen[string(s.Public)] = true
		listed := false
		for n, r := range roots {
			if r.has(s.Public) {
				count[n]++
				listed = true
			}
		}
		if !listed {
			return nil, fmt.Errorf("key %s: %w", keys.KeyID(s.Public), ErrUnknownKey)
		}
		if err := d.verify(s); err != nil {
			return nil, err
		}
	}
	return count, nil
}

const (
	format    = "animica-governance/1"
	maxSigned = 2*MaxSet + (MaxKeys*2+1)*512
)

// MaxSigned is the longest transport form in bytes.
const MaxSigned = maxSigned

type signatureJSON struct {
	Domain string `json:"domain"`
	Key    string `json:"key"`
	Sig    string `json:"sig"`
}

type signedJSON struct {
	Format     string          `json:"format"`
	Frame      string          `json:"frame"`
	Signatures []signatureJSON `json:"signatures"`
}

// MarshalJSON writes the transport form.
func (d *Signed) MarshalJSON() ([]byte, error) {
	out := signedJSON{Format: format, Frame: hex.EncodeToString(d.Frame), Signatures: []signatureJSON{}}
	for _, s := range d.Signatures {
		out.Signatures = append(out.Signatures, signatureJSON{s.Domain, keys.PublicText(keys.Ed25519, s.Public), hex.EncodeToString(s.Sig)})
	}
	return json.Marshal(out)
}

// ParseSigned reads the transport form. It checks form only; a chain checks the
// signatures.
func ParseSigned(b []byte) (*Signed, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: maxSigned, Depth: 4, Values: 16 + 2*MaxKeys*8}).Only("format", "frame", "signatures")
	c.Member("format").OneOf(format)
	d := &Signed{Frame: c.Member("frame").Hex(MaxSet)}
	for _, x := range c.Member("signatures").Items(2 * MaxKeys) {
		x.Only("domain", "key", "sig")
		s := Signature{Domain: x.Member("domain").Text(255), Sig: x.Member("sig").Hex(ed25519.SignatureSize)}
		alg, public, err := keys.SplitPublic(x.Member("key").Text(128))
		if err != nil || alg != keys.Ed25519 || len(public) != ed25519.PublicKeySize || len(s.Sig) != ed25519.SignatureSize {
			x.Fail("", "want an ed25519 key and a signature of %d bytes", ed25519.SignatureSize)
		}
		s.Public = public
		d.Signatures = append(d.Signatures, s)
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	if _, err := d.Domain(); err != nil {
		return nil, err
	}
	return d, nil
}
