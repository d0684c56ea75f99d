// Package keys makes, stores and checks the signing keys of a provider and the
// documents that its root key signs: key statements, the self-description and
// the provider bundle.
//
// It promises that a public key it accepted is canonical and not of small order,
// that a signature is bound to purpose, algorithm, key and time by the signed
// frame, and that one key serves one role. It reads no clock: now and entropy
// are parameters. It does not judge attestation evidence, and a dev key store is
// not protected against whoever can read the operator's files.
package keys

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"filippo.io/edwards25519"

	"github.com/animicaorg/engine/digest"
)

// Ed25519 is the only suite of this version: RFC 8032, cofactorless equation,
// canonical S, A and R, A not of small order.
const Ed25519 = "ed25519"

// Errors, each tied to a decision of the caller.
var (
	ErrKey       = errors.New("public key refused")
	ErrSignature = errors.New("signature refused")
	ErrRole      = errors.New("key used outside its role")
)

// Signer is a private key wherever it lives. SignMessage signs the message
// itself, not a hash of it.
type Signer interface {
	KeyID() digest.Digest
	Alg() string
	Public() []byte
	SignMessage(ctx context.Context, msg []byte) ([]byte, error)
}

// KeyID is SHA3-256 of the raw public key. Of the root key it is the
// provider_id.
func KeyID(public []byte) digest.Digest { return digest.Sum(public) }

// CheckPublic applies the import rules to a raw public key.
func CheckPublic(alg string, public []byte) error {
	if alg != Ed25519 {
		return fmt.Errorf("algorithm %q is not known: %w", alg, ErrKey)
	}
	if len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("%d bytes, want %d: %w", len(public), ed25519.PublicKeySize, ErrKey)
	}
	p, err := new(edwards25519.Point).SetBytes(public)
	if err != nil {
		return fmt.Errorf("not a point of the curve: %w", ErrKey)
	}
	if !bytes.Equal(p.Bytes(), public) {
		return fmt.Errorf("encoding is not canonical: %w", ErrKey)
	}
	if p.MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return fmt.Errorf("point of small order: %w", ErrKey)
	}
	return nil
}

// PublicText is the text form alg:hex.
func PublicText(alg string, public []byte) string { return alg + ":" + hex.EncodeToString(public) }

// SplitPublic reads the text form without judging the key.
func SplitPublic(s string) (alg string, public []byte, err error) {
	alg, text, ok := strings.Cut(s, ":")
	if !ok {
		return "", nil, fmt.Errorf("want algorithm:hex: %w", ErrKey)
	}
	public, err = hex.DecodeString(text)
	if err != nil || hex.EncodeToString(public) != text {
		return "", nil, fmt.Errorf("want lower-case hexadecimal digits: %w", ErrKey)
	}
	return alg, public, nil
}

// ParsePublic reads the text form and applies CheckPublic.
func ParsePublic(s string) (alg string, public []byte, err error) {
	if alg, public, err = SplitPublic(s); err != nil {
		return "", nil, err
	}
	return alg, public, CheckPublic(alg, public)
}

// VerifyMessage checks a signature over msg by a key that passes CheckPublic.
func VerifyMessage(alg string, public, msg, sig []byte) error {
	if err := CheckPublic(alg, public); err != nil {
		return err
	}
	if len(sig) != ed25519.SignatureSize || !ed25519.Verify(public, msg, sig) {
		return fmt.Errorf("%s signature by key %s does not verify: %w", alg, KeyID(public), ErrSignature)
	}
	return nil
}
