package attesttest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
)

// Raw is CBOR that stands as it is.
type Raw []byte

// Field is one member of a map: key and value.
type Field struct{ Key, Value any }

// Head is the initial byte and argument of a CBOR item.
func Head(major byte, n uint64) []byte {
	m := major << 5
	switch {
	case n < 24:
		return []byte{m | byte(n)}
	case n < 1<<8:
		return []byte{m | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{m | 25}, uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32([]byte{m | 26}, uint32(n))
	}
	return binary.BigEndian.AppendUint64([]byte{m | 27}, n)
}

// CBOR encodes integers, bytes, text, nil, lists, maps ([]Field) and Raw.
func CBOR(v any) []byte {
	switch x := v.(type) {
	case Raw:
		return x
	case nil:
		return []byte{0xf6}
	case int:
		if x < 0 {
			return Head(1, uint64(-1-x))
		}
		return Head(0, uint64(x))
	case []byte:
		return append(Head(2, uint64(len(x))), x...)
	case string:
		return append(Head(3, uint64(len(x))), x...)
	case []any:
		out := Head(4, uint64(len(x)))
		for _, i := range x {
			out = append(out, CBOR(i)...)
		}
		return out
	case []Field:
		out := Head(5, uint64(len(x)))
		for _, f := range x {
			out = append(append(out, CBOR(f.Key)...), CBOR(f.Value)...)
		}
		return out
	}
	panic("attesttest: no CBOR for this type")
}

// Sign1 is a COSE_Sign1 without tag, ES384 or ES256 after the key's curve.
func Sign1(key *ecdsa.PrivateKey, payload []byte) []byte {
	alg := -35
	if key.Curve.Params().BitSize == 256 {
		alg = -7
	}
	protected := CBOR([]Field{{1, alg}})
	tbs := CBOR([]any{"Signature1", protected, []byte{}, payload})
	var hash []byte
	if alg == -7 {
		h := sha256.Sum256(tbs)
		hash = h[:]
	} else {
		h := sha512.Sum384(tbs)
		hash = h[:]
	}
	return bytes.Clone(CBOR([]any{protected, []Field{}, payload, SignRaw(key, hash)}))
}
