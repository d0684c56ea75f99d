package keys

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"

	"github.com/animicaorg/engine/digest"
)

// SeedSize is the length of an Ed25519 private key in bytes.
const SeedSize = ed25519.SeedSize

// Ed25519Key is a private key in memory.
type Ed25519Key struct {
	role    Role
	private ed25519.PrivateKey
}

// NewEd25519 makes a key from its seed (RFC 8032's private key).
func NewEd25519(role Role, seed [SeedSize]byte) (*Ed25519Key, error) {
	if _, err := ParseRole(string(role)); err != nil {
		return nil, err
	}
	return &Ed25519Key{role, ed25519.NewKeyFromSeed(seed[:])}, nil
}

// GenerateEd25519 draws a seed from entropy.
func GenerateEd25519(role Role, entropy io.Reader) (*Ed25519Key, error) {
	var seed [SeedSize]byte
	if _, err := io.ReadFull(entropy, seed[:]); err != nil {
		return nil, fmt.Errorf("drawing a %s key: %w", role, err)
	}
	return NewEd25519(role, seed)
}

// Role tells what the key is for.
func (k *Ed25519Key) Role() Role { return k.role }

// KeyID implements Signer.
func (k *Ed25519Key) KeyID() digest.Digest { return KeyID(k.Public()) }

// Alg implements Signer.
func (k *Ed25519Key) Alg() string { return Ed25519 }

// Public implements Signer.
func (k *Ed25519Key) Public() []byte { return k.private.Public().(ed25519.PublicKey) }

func (k *Ed25519Key) seed() []byte { return k.private.Seed() }

// SignMessage implements Signer.
func (k *Ed25519Key) SignMessage(ctx context.Context, msg []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return ed25519.Sign(k.private, msg), nil
}

// String never shows the private half.
func (k *Ed25519Key) String() string { return string(k.role) + " " + PublicText(Ed25519, k.Public()) }

// GoString never shows the private half.
func (k *Ed25519Key) GoString() string { return k.String() }
