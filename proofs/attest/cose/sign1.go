package cose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"

	"github.com/animicaorg/engine/proofs/attest"
)

// Sign1 is a COSE_Sign1 with an attached payload. Nothing in it is verified.
type Sign1 struct {
	Protected []byte
	Payload   []byte
	Signature []byte
	Alg       int64
}

// Algorithms (RFC 9053, table 1), the only ones that are accepted.
const (
	ES256 = -7
	ES384 = -35
)

const tagSign1 = 18

// ParseSign1 reads a COSE_Sign1, with or without its tag. The protected header
// holds the algorithm and nothing else; the unprotected header is empty.
func ParseSign1(b []byte) (*Sign1, error) {
	v, err := Decode(b)
	if err != nil {
		return nil, err
	}
	return ReadSign1(v)
}

// ReadSign1 is ParseSign1 for a decoded value.
func ReadSign1(v *Value) (*Sign1, error) {
	if v.Is(Tag) && v.Num == tagSign1 {
		v = &v.Items[0]
	}
	if !v.Is(Array) || len(v.Items) != 4 {
		return nil, fmt.Errorf("COSE_Sign1 is not an array of 4: %w", ErrCBOR)
	}
	p, u, payload, sig := &v.Items[0], &v.Items[1], &v.Items[2], &v.Items[3]
	if !p.Is(Bytes) || !u.Is(Map) || len(u.Items) != 0 || !payload.Is(Bytes) || !sig.Is(Bytes) {
		return nil, fmt.Errorf("COSE_Sign1 wants protected header, empty map, payload and signature: %w", ErrCBOR)
	}
	s := &Sign1{Protected: p.Bytes, Payload: payload.Bytes, Signature: sig.Bytes}
	h, err := Decode(p.Bytes)
	if err != nil {
		return nil, fmt.Errorf("protected header: %w", err)
	}
	alg := h.GetInt(1)
	if !alg.Is(Negative) || len(h.Items) != 2 || alg.Num > 1<<16 {
		return nil, fmt.Errorf("protected header is not {1: algorithm}: %w", ErrCBOR)
	}
	s.Alg = -1 - int64(alg.Num)
	return s, nil
}

// Verify checks the signature with the algorithm that belongs to the key's
// curve; another algorithm in the header is refused.
func (s *Sign1) Verify(key *ecdsa.PublicKey) error {
	var hash []byte
	tbs := s.toBeSigned()
	switch {
	case key.Curve == elliptic.P384() && s.Alg == ES384:
		h := sha512.Sum384(tbs)
		hash = h[:]
	case key.Curve == elliptic.P256() && s.Alg == ES256:
		h := sha256.Sum256(tbs)
		hash = h[:]
	default:
		return attest.Refuse(attest.BadSignature, "COSE algorithm %d does not belong to the key on %s", s.Alg, key.Curve.Params().Name)
	}
	if !attest.VerifyRaw(key, hash, s.Signature) {
		return attest.Refuse(attest.BadSignature, "the COSE signature does not verify")
	}
	return nil
}

// toBeSigned is Sig_structure (RFC 9052, section 4.4) without external data.
func (s *Sign1) toBeSigned() []byte {
	out := append([]byte{0x84, 0x6a}, "Signature1"...)
	out = appendBytes(out, s.Protected)
	out = append(out, 0x40)
	return appendBytes(out, s.Payload)
}

// Signed is what identifies the document: all that the signature covers.
func (s *Sign1) Signed() []byte { return s.toBeSigned() }

func appendBytes(b, s []byte) []byte {
	switch n := len(s); {
	case n < 24:
		b = append(b, 0x40|byte(n))
	case n < 1<<8:
		b = append(b, 0x58, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x59), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0x5a), uint32(n))
	}
	return append(b, s...)
}
