package enroll

import (
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// MaxLease bounds a lease document before and after sealing, in bytes.
const MaxLease = 33 << 20

// RunnerKey is the private half of an enrolled key. It lives in the memory of the
// runner and is never written.
type RunnerKey struct{ private hpke.PrivateKey }

// NewRunnerKey draws a key from the system's entropy.
func NewRunnerKey() (*RunnerKey, error) {
	k, err := hpke.DHKEM(ecdh.X25519()).GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("runner key: %w", err)
	}
	return &RunnerKey{k}, nil
}

// Public is the raw public key.
func (k *RunnerKey) Public() []byte { return k.private.PublicKey().Bytes() }

// info binds a ciphertext to the enrolment whose key it is for.
func info(e *Enrolment) ([]byte, error) {
	d, err := transcript.Sum(e)
	return append([]byte("qprov/v1/sealed-lease\x00"), d[:]...), err
}

// Seal encrypts a lease document to an enrolled key and has the service say so.
// lease is the digest of the lease's frame. The caller has checked the quote.
func Seal(ctx context.Context, e *Enrolment, quote attest.Carried, document []byte, lease digest.Digest, service keys.Signer, nowUnix uint64) (*Sealed, []byte, error) {
	if len(document) > MaxLease {
		return nil, nil, fmt.Errorf("lease of %d bytes, limit %d", len(document), MaxLease)
	}
	pub, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(e.Public)
	if err != nil {
		return nil, nil, fmt.Errorf("enrolled key: %w", err)
	}
	in, err := info(e)
	if err != nil {
		return nil, nil, err
	}
	blob, err := hpke.Seal(pub, hpke.HKDFSHA256(), hpke.AES256GCM(), in, document)
	if err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	s := &Sealed{Enrolment: *e, Quote: quote, Blob: digest.Sum(blob), SignedAt: nowUnix}
	d, err := s.statementOf(lease)
	if err != nil {
		return nil, nil, err
	}
	sig, err := keys.Sign(ctx, service, keys.PurposeSealedLease, d, nowUnix)
	s.Sig = sig.Sig
	return s, blob, err
}

// Open decrypts what Seal made for the enrolment of this key.
func (k *RunnerKey) Open(e *Enrolment, blob []byte) ([]byte, error) {
	if len(blob) > MaxLease+64 {
		return nil, fmt.Errorf("sealed lease of %d bytes, limit %d", len(blob), MaxLease+64)
	}
	in, err := info(e)
	if err != nil {
		return nil, err
	}
	b, err := hpke.Open(k.private, hpke.HKDFSHA256(), hpke.AES256GCM(), in, blob)
	if err != nil {
		return nil, fmt.Errorf("sealed lease: it is not for this key and enrolment, or was changed: %w", err)
	}
	return b, nil
}

func (s *Sealed) statementOf(lease digest.Digest) (digest.Digest, error) {
	e, err := transcript.Sum(&s.Enrolment)
	if err != nil {
		return digest.Digest{}, err
	}
	return transcript.Sum(statement{lease, e, s.Blob})
}
