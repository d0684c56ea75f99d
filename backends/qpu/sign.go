package qpu

import (
	"context"
	"crypto/ed25519"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// CanSign tells whether the device has a key that D names and signs with it.
func (b *Backend) CanSign() bool {
	return driver.Has(b.about, driverv1.Feature_FEATURE_SIGN) && b.key() != nil
}

// Sign has the device sign X (before the first shot) or R (after the last) and
// verifies the signature with the key whose hash is in D.
func (b *Backend) Sign(ctx context.Context, purpose driverv1.Purpose, d digest.Digest) (*driverv1.Signature, error) {
	key := b.key()
	if key == nil {
		return nil, fmt.Errorf("device %s has no ed25519 key: %w", b.device.Id, ErrSignature)
	}
	c, _, _, err := b.acquire(ctx)
	if err != nil {
		return nil, err
	}
	s, err := c.Sign(ctx, b.device.Id, purpose, d)
	switch {
	case err != nil:
		return nil, fmt.Errorf("device %s: sign: %w", b.device.Id, err)
	case s.Algorithm != key.Algorithm || s.KeyId != key.Id:
		return nil, fmt.Errorf("device %s signed with %s key %.128q, its key is %q: %w", b.device.Id, s.Algorithm, s.KeyId, key.Id, ErrSignature)
	case !ed25519.Verify(key.PublicKey, driver.SignedMessage(purpose, d), s.Signature):
		return nil, fmt.Errorf("device %s: %w", b.device.Id, ErrSignature)
	}
	return s, nil
}
