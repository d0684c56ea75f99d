package keys

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Signature is a signature over the frame qprov/v1/sig.
type Signature struct {
	Purpose      string
	Alg          string
	KeyID        digest.Digest
	SignedAtUnix uint64 // seconds; the signer's word
	Sig          []byte
}

func (s *Signature) message(d digest.Digest) ([]byte, error) {
	return transcript.Encode(transcript.SigFrame{Purpose: s.Purpose, Alg: s.Alg, KeyID: s.KeyID, Digest: d, SignedAtUnix: s.SignedAtUnix})
}

// Sign signs d for a purpose. A signer that knows its role refuses purposes of
// other roles. nowUnix is in seconds.
func Sign(ctx context.Context, s Signer, purpose string, d digest.Digest, nowUnix uint64) (Signature, error) {
	if r, ok := s.(RoleSigner); ok {
		if err := r.Role().Allows(purpose); err != nil {
			return Signature{}, err
		}
	}
	out := Signature{Purpose: purpose, Alg: s.Alg(), KeyID: s.KeyID(), SignedAtUnix: nowUnix}
	msg, err := out.message(d)
	if err != nil {
		return Signature{}, err
	}
	if out.Sig, err = s.SignMessage(ctx, msg); err != nil {
		return Signature{}, fmt.Errorf("signing %s with key %s: %w", purpose, out.KeyID, err)
	}
	if err := VerifyMessage(out.Alg, s.Public(), msg, out.Sig); err != nil {
		return Signature{}, fmt.Errorf("signer returned a bad signature: %w", err)
	}
	return out, nil
}

// Verify checks that s is a signature over d for the purpose by the key.
func (s *Signature) Verify(alg string, public []byte, purpose string, d digest.Digest) error {
	switch {
	case s.Purpose != purpose:
		return fmt.Errorf("purpose %q, want %q: %w", s.Purpose, purpose, ErrSignature)
	case s.Alg != alg:
		return fmt.Errorf("algorithm %q, key is %q: %w", s.Alg, alg, ErrSignature)
	case s.KeyID != KeyID(public):
		return fmt.Errorf("names key %s, want %s: %w", s.KeyID, KeyID(public), ErrSignature)
	}
	msg, err := s.message(d)
	if err != nil {
		return err
	}
	return VerifyMessage(alg, public, msg, s.Sig)
}
