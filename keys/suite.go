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

// The suites. A key carries the name of its suite in every frame that it signs.
const (
	// Ed25519 is RFC 8032: cofactorless equation, canonical S, A and R, A not of
	// small order.
	Ed25519 = "ed25519"
	// Composite is id-MLDSA65-Ed25519-SHA512 of draft-ietf-lamps-pq-composite-sigs,
	// revision 19, with an empty context: both halves must verify.
	Composite = "mldsa65-ed25519-draft19"
)

// suite is what a suite does with raw keys.
type suite struct {
	publicSize, seedSize, sigSize int
	check                         func(public []byte) error // of the right length
	verify                        func(public, msg, sig []byte) bool
	fromSeed                      func(role Role, seed []byte) (RoleSigner, error)
}

var suites = map[string]suite{
	Ed25519: {ed25519.PublicKeySize, SeedSize, ed25519.SignatureSize, checkEd25519,
		func(public, msg, sig []byte) bool { return ed25519.Verify(public, msg, sig) },
		func(role Role, seed []byte) (RoleSigner, error) { return NewEd25519(role, [SeedSize]byte(seed)) }},
	Composite: {compositePublic, compositeSeed, compositeSig, checkComposite,
		func(public, msg, sig []byte) bool { return verifyComposite(public, msg, nil, sig) },
		func(role Role, seed []byte) (RoleSigner, error) { return newComposite(role, seed) }},
}

// SuiteNames lists the suites.
func SuiteNames() []string { return []string{Ed25519, Composite} }

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

// RoleSigner is a Signer that knows what its key is for.
type RoleSigner interface {
	Signer
	Role() Role
}

// NewKey makes a key in memory from its seed: 32 bytes for ed25519, 64 (ML-DSA's,
// then Ed25519's) for the composite, 32 for a witness's mldsa44.
func NewKey(alg string, role Role, seed []byte) (RoleSigner, error) {
	s, err := suiteFor(alg, role)
	if err != nil {
		return nil, err
	}
	if _, err := ParseRole(string(role)); err != nil {
		return nil, err
	}
	if len(seed) != s.seedSize {
		return nil, fmt.Errorf("seed of %d bytes, want %d: %w", len(seed), s.seedSize, ErrKey)
	}
	return s.fromSeed(role, seed)
}

// suiteFor is suiteOf for keys of a role: witnesses have one suite more.
func suiteFor(alg string, role Role) (suite, error) {
	if alg == MLDSA44 && role == Witness {
		return suite{seedSize: mldsaSeed, fromSeed: func(_ Role, seed []byte) (RoleSigner, error) { return NewMLDSA44([mldsaSeed]byte(seed)) }}, nil
	}
	return suiteOf(alg)
}

func suiteOf(alg string) (suite, error) {
	s, ok := suites[alg]
	if !ok {
		return s, fmt.Errorf("algorithm %.40q is not known: %w", alg, ErrKey)
	}
	return s, nil
}

// CheckPublic applies the import rules to a raw public key.
func CheckPublic(alg string, public []byte) error {
	s, err := suiteOf(alg)
	if err != nil {
		return err
	}
	if len(public) != s.publicSize {
		return fmt.Errorf("%d bytes, want %d: %w", len(public), s.publicSize, ErrKey)
	}
	return s.check(public)
}

func checkEd25519(public []byte) error {
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
	if s := suites[alg]; len(sig) != s.sigSize || !s.verify(public, msg, sig) {
		return fmt.Errorf("%s signature by key %s does not verify: %w", alg, KeyID(public), ErrSignature)
	}
	return nil
}
