// Package digest is the one hash type of the module: a SHA3-256 value (FIPS 202,
// not Keccak-256) with a strict text form.
//
// It promises that a Digest has exactly one text form, 64 lower-case hexadecimal
// digits, and that nothing else parses. It does not know what was hashed; domain
// separation is the business of proofs/transcript.
package digest

import (
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
)

// Size is the length of a Digest in bytes.
const Size = 32

// Digest is a SHA3-256 hash value. The zero value is all zero bytes, which no
// input is known to hash to; IsZero tells "absent".
type Digest [Size]byte

// ErrSyntax is wrapped by Parse for any text that is not 64 lower-case
// hexadecimal digits.
var ErrSyntax = errors.New("want 64 lower-case hexadecimal digits")

// Sum returns SHA3-256(b).
func Sum(b []byte) Digest { return sha3.Sum256(b) }

// SumParts returns SHA3-256 of the plain concatenation of parts. The caller
// must make the concatenation unambiguous.
func SumParts(parts ...[]byte) Digest {
	h := sha3.New256()
	for _, p := range parts {
		h.Write(p)
	}
	var d Digest
	h.Sum(d[:0])
	return d
}

// Parse reads the text form. Upper case, prefixes and spaces are refused.
func Parse(s string) (Digest, error) {
	var d Digest
	if len(s) != 2*Size {
		return d, fmt.Errorf("%d characters: %w", len(s), ErrSyntax)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return d, fmt.Errorf("character %q at %d: %w", c, i, ErrSyntax)
		}
	}
	_, err := hex.Decode(d[:], []byte(s))
	return d, err
}

// String returns the text form.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether all bytes are zero.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler with the rules of Parse.
func (d *Digest) UnmarshalText(b []byte) error {
	v, err := Parse(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}
