package httpsig

import (
	"crypto/ed25519"
	"errors"
	"time"
)

const (
	// Label is the one label that a message may carry.
	Label = "omni"
	// Tag names the protocol and its version inside the signature (RFC 9421 section 2.3).
	Tag = "animica-aicf/1"
	// Algorithm is the registered name of Ed25519 (RFC 9421 section 6.2.2).
	Algorithm = "ed25519"
	// MaxLifetime is the longest time from created to expires.
	MaxLifetime = 60 * time.Second
	// Skew is how far the clocks of the two ends may differ, either way.
	Skew = 30 * time.Second
	// NonceSize is in bytes; the parameter holds twice as many hex digits.
	NonceSize = 16

	maxHeader = 4096
)

var (
	requestComponents  = []string{"@method", "@authority", "@path", "@query"}
	bodyComponents     = []string{"@method", "@authority", "@path", "@query", "content-digest", "content-type", "idempotency-key"}
	responseComponents = []string{"@status", "content-digest", "content-type", "signature"}
)

// The reasons for a refusal. Each error of this package wraps one of them.
var (
	// ErrUnsigned says that the message has no signature at all.
	ErrUnsigned = errors.New("not signed")
	// ErrMalformed says that a header cannot be read, occurs twice, or names another profile.
	ErrMalformed = errors.New("signature malformed")
	// ErrComponents says that the signature covers another set than the profile's.
	ErrComponents = errors.New("signature covers other components")
	// ErrClock says that created or expires lies outside the window.
	ErrClock = errors.New("signature outside its window of time")
	// ErrKey says that no such key may sign here.
	ErrKey = errors.New("unknown key")
	// ErrSignature says that the key did not sign this message.
	ErrSignature = errors.New("signature does not verify")
	// ErrDigest says that the body is not the one that was signed.
	ErrDigest = errors.New("body differs from its content-digest")
)

// A Signer signs as one key. Sign returns 64 bytes of plain Ed25519 over message.
type Signer struct {
	KeyID string
	Sign  func(message []byte) ([]byte, error)
}

// FromKey signs with a key in memory.
func FromKey(id string, key ed25519.PrivateKey) Signer {
	return Signer{KeyID: id, Sign: func(message []byte) ([]byte, error) { return ed25519.Sign(key, message), nil }}
}

// Keys finds the public key that a keyid names; ok is false where none may sign.
type Keys func(keyID string) (key ed25519.PublicKey, ok bool)

// A Signature is what a verified message says about itself.
type Signature struct {
	KeyID            string
	Nonce            [NonceSize]byte
	Created, Expires time.Time
	// Digest is the SHA-256 of the body; zero where no body is covered.
	Digest  [32]byte
	HasBody bool
}

// ForgetAfter is when a stored nonce cannot be replayed any more.
func (s Signature) ForgetAfter() time.Time { return s.Expires.Add(Skew) }
