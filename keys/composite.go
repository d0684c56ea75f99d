package keys

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha512"
	"fmt"

	"filippo.io/mldsa"

	"github.com/animicaorg/engine/digest"
)

// ML-DSA is used here and in mldsa44.go; Go 1.27 has it in the
// standard library under the same names.
const (
	mldsaPublic = 1952
	mldsaSig    = 3309
	mldsaSeed   = 32

	compositePublic = mldsaPublic + ed25519.PublicKeySize
	compositeSig    = mldsaSig + ed25519.SignatureSize
	compositeSeed   = mldsaSeed + ed25519.SeedSize

	compositePrefix = "CompositeAlgorithmSignatures2025"
	compositeLabel  = "COMPSIG-MLDSA65-Ed25519-SHA512"
)

// CompositeKey is an ML-DSA-65 and an Ed25519 key in memory.
type CompositeKey struct {
	role    Role
	pq      *mldsa.PrivateKey
	classic ed25519.PrivateKey
}

func newComposite(role Role, seed []byte) (*CompositeKey, error) {
	pq, err := mldsa.NewPrivateKey(mldsa.MLDSA65(), seed[:mldsaSeed])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &CompositeKey{role, pq, ed25519.NewKeyFromSeed(seed[mldsaSeed:])}, nil
}

// Role implements RoleSigner.
func (k *CompositeKey) Role() Role { return k.role }

// KeyID implements Signer.
func (k *CompositeKey) KeyID() digest.Digest { return KeyID(k.Public()) }

// Alg implements Signer.
func (k *CompositeKey) Alg() string { return Composite }

// Public implements Signer: ML-DSA's key, then Ed25519's.
func (k *CompositeKey) Public() []byte {
	return append(k.pq.PublicKey().Bytes(), k.classic.Public().(ed25519.PublicKey)...)
}

func (k *CompositeKey) seed() []byte { return append(k.pq.Bytes(), k.classic.Seed()...) }

// SignMessage implements Signer. The ML-DSA half is hedged: signing twice gives
// two signatures.
func (k *CompositeKey) SignMessage(ctx context.Context, msg []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := compositeMessage(msg, nil)
	sig, err := k.pq.Sign(nil, m, &mldsa.Options{Context: compositeLabel})
	if err != nil {
		return nil, err
	}
	classic, err := k.classic.Sign(nil, m, crypto.Hash(0))
	return append(sig, classic...), err
}

// String never shows the private halves.
func (k *CompositeKey) String() string {
	return string(k.role) + " " + PublicText(Composite, k.Public())
}

// GoString never shows the private halves.
func (k *CompositeKey) GoString() string { return k.String() }

// compositeMessage is M' of the draft: prefix, label, length of the context and
// context, hash of the message.
func compositeMessage(msg, context []byte) []byte {
	hash := sha512.Sum512(msg)
	m := append([]byte(compositePrefix+compositeLabel), byte(len(context)))
	return append(append(m, context...), hash[:]...)
}

// verifyComposite demands both halves. context has at most 255 bytes.
func verifyComposite(public, msg, context, sig []byte) bool {
	if len(public) != compositePublic || len(sig) != compositeSig || len(context) > 255 {
		return false
	}
	m := compositeMessage(msg, context)
	classic := ed25519.Verify(public[mldsaPublic:], m, sig[mldsaSig:])
	pq, err := mldsa.NewPublicKey(mldsa.MLDSA65(), public[:mldsaPublic])
	return err == nil && classic && mldsa.Verify(pq, m, sig[:mldsaSig], &mldsa.Options{Context: compositeLabel}) == nil
}

// checkT1 refuses an ML-DSA key whose t1, behind the 32 bytes of rho (FIPS 204, algorithm 22),
// is zero: it verifies forgeries.
func checkT1(public []byte) error {
	for _, b := range public[32:] {
		if b != 0 {
			return nil
		}
	}
	return fmt.Errorf("t1 is zero: %w", ErrKey)
}

// checkComposite applies the rules of each half.
func checkComposite(public []byte) error {
	if _, err := mldsa.NewPublicKey(mldsa.MLDSA65(), public[:mldsaPublic]); err != nil {
		return fmt.Errorf("ML-DSA-65 half: %w: %w", ErrKey, err)
	}
	if err := checkT1(public[:mldsaPublic]); err != nil {
		return fmt.Errorf("ML-DSA-65 half: %w", err)
	}
	if err := checkEd25519(public[mldsaPublic:]); err != nil {
		return fmt.Errorf("Ed25519 half: %w", err)
	}
	return nil
}
