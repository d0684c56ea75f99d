package keys

import (
	"context"
	"fmt"

	"filippo.io/mldsa"

	"github.com/animicaorg/engine/digest"
)

// MLDSA44 is ML-DSA-44 of FIPS 204 with an empty context. Only witnesses have such keys, for
// cosignatures of C2SP type 6; nothing that a provider signs takes it.
const MLDSA44 = "mldsa44"

// MLDSA44Key is a witness's ML-DSA-44 key in memory.
type MLDSA44Key struct{ private *mldsa.PrivateKey }

// NewMLDSA44 makes a witness's key from its seed.
func NewMLDSA44(seed [mldsaSeed]byte) (*MLDSA44Key, error) {
	k, err := mldsa.NewPrivateKey(mldsa.MLDSA44(), seed[:])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &MLDSA44Key{k}, nil
}

// Role implements RoleSigner.
func (k *MLDSA44Key) Role() Role { return Witness }

// KeyID implements Signer.
func (k *MLDSA44Key) KeyID() digest.Digest { return KeyID(k.Public()) }

// Alg implements Signer.
func (k *MLDSA44Key) Alg() string { return MLDSA44 }

// Public implements Signer.
func (k *MLDSA44Key) Public() []byte { return k.private.PublicKey().Bytes() }

// SignMessage implements Signer; signing twice gives two signatures.
func (k *MLDSA44Key) SignMessage(ctx context.Context, msg []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return k.private.Sign(nil, msg, nil)
}

// String never shows the private half.
func (k *MLDSA44Key) String() string { return string(Witness) + " " + PublicText(MLDSA44, k.Public()) }

// GoString never shows the private half.
func (k *MLDSA44Key) GoString() string { return k.String() }

// CheckWitness applies the import rules to a witness's raw public key: Ed25519 or ML-DSA-44.
func CheckWitness(alg string, public []byte) error {
	if alg != MLDSA44 {
		return CheckPublic(alg, public)
	}
	if len(public) != mldsa.MLDSA44PublicKeySize {
		return fmt.Errorf("%d bytes, want %d: %w", len(public), mldsa.MLDSA44PublicKeySize, ErrKey)
	}
	if _, err := mldsa.NewPublicKey(mldsa.MLDSA44(), public); err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	return checkT1(public)
}

// VerifyWitness checks a witness's signature over msg.
func VerifyWitness(alg string, public, msg, sig []byte) error {
	if alg != MLDSA44 {
		return VerifyMessage(alg, public, msg, sig)
	}
	if err := CheckWitness(alg, public); err != nil {
		return err
	}
	k, err := mldsa.NewPublicKey(mldsa.MLDSA44(), public)
	if err != nil || len(sig) != mldsa.MLDSA44SignatureSize || mldsa.Verify(k, msg, sig, nil) != nil {
		return fmt.Errorf("%s signature by key %s does not verify: %w", alg, KeyID(public), ErrSignature)
	}
	return nil
}
