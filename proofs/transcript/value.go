package transcript

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Kind tells what a Value holds.
type Kind uint8

// The kinds of a Value; there are no floats, nulls and tags on purpose.
const (
	KindUint  Kind = iota // unsigned integer, 0 .. 2^64-1
	KindInt               // negative integer, -2^63 .. -1
	KindBytes             // byte string
	KindText              // UTF-8 text in NFC
	KindBool
	KindArray
	KindMap // keys are text, unique
)

// Value is one item of the deterministic CBOR used for params and envelopes.
// The zero Value is the integer 0.
type Value struct {
	Kind    Kind
	Uint    uint64 // KindUint; KindBool: 0 or 1
	Int     int64  // KindInt
	Bytes   []byte
	Text    string
	Array   []Value
	Members []Member
}

// Member is one entry of a map. Its order in Value.Members does not matter to
// the encoder.
type Member struct {
	Key   string
	Value Value
}

// Constructors of the seven kinds. IntValue yields KindUint for v >= 0.
func UintValue(v uint64) Value         { return Value{Kind: KindUint, Uint: v} }
func BytesValue(b []byte) Value        { return Value{Kind: KindBytes, Bytes: b} }
func TextValue(s string) Value         { return Value{Kind: KindText, Text: s} }
func ArrayValue(v ...Value) Value      { return Value{Kind: KindArray, Array: v} }
func MapValue(members ...Member) Value { return Value{Kind: KindMap, Members: members} }
func IntValue(v int64) Value {
	if v >= 0 {
		return UintValue(uint64(v))
	}
	return Value{Kind: KindInt, Int: v}
}
func BoolValue(b bool) Value {
	v := Value{Kind: KindBool}
	if b {
		v.Uint = 1
	}
	return v
}

// Get returns the member called key of a map.
func (v *Value) Get(key string) (*Value, bool) {
	for i := range v.Members {
		if v.Members[i].Key == key {
			return &v.Members[i].Value, true
		}
	}
	return nil, false
}

// Limits bound a CBOR item. Depth counts nested containers: an item outside any
// container has depth 0, and items deeper than Depth are refused. Bytes is the
// longest encoding, Text the longest text or key in bytes.
type Limits struct {
	Depth, Bytes, Text int
}

// ParamsLimits are the limits of job parameters.
var ParamsLimits = Limits{Depth: 8, Bytes: 65536, Text: 65536}

// ErrCBOR is wrapped by every refusal to encode or decode CBOR.
var ErrCBOR = errors.New("not deterministic CBOR of the allowed kinds")

func cborError(format string, a ...any) error {
	return fmt.Errorf(format+": %w", append(a, ErrCBOR)...)
}

// EncodeCBOR returns the RFC 8949 §4.2.1 core deterministic encoding of v.
func EncodeCBOR(v Value, lim Limits) ([]byte, error) {
	out, err := appendCBOR(nil, &v, lim, 0)
	if err == nil && len(out) > lim.Bytes {
		err = cborError("%d bytes, limit %d", len(out), lim.Bytes)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func appendHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendText(b []byte, s string, lim Limits) ([]byte, error) {
	if err := checkCBORText(s, lim); err != nil {
		return nil, err
	}
	return append(appendHead(b, 3, uint64(len(s))), s...), nil
}

func checkCBORText(s string, lim Limits) error {
	switch {
	case len(s) > lim.Text:
		return cborError("text of %d bytes, limit %d", len(s), lim.Text)
	case !utf8.ValidString(s):
		return cborError("text is not UTF-8")
	case !norm.NFC.IsNormalString(s):
		return cborError("text is not in Unicode NFC")
	}
	return nil
}

func appendCBOR(b []byte, v *Value, lim Limits, depth int) ([]byte, error) {
	if depth > lim.Depth {
		return nil, cborError("nested deeper than %d", lim.Depth)
	}
	if len(b) > lim.Bytes {
		return nil, cborError("more than %d bytes", lim.Bytes)
	}
	var err error
	switch v.Kind {
	case KindUint:
		return appendHead(b, 0, v.Uint), nil
	case KindInt:
		if v.Int >= 0 {
			return nil, cborError("kind int holds %d, which is not negative", v.Int)
		}
		return appendHead(b, 1, uint64(-1-v.Int)), nil
	case KindBytes:
		return append(appendHead(b, 2, uint64(len(v.Bytes))), v.Bytes...), nil
	case KindText:
		return appendText(b, v.Text, lim)
	case KindBool:
		if v.Uint > 1 {
			return nil, cborError("kind bool holds %d", v.Uint)
		}
		return append(b, 0xf4+byte(v.Uint)), nil
	case KindArray:
		b = appendHead(b, 4, uint64(len(v.Array)))
		for i := range v.Array {
			if b, err = appendCBOR(b, &v.Array[i], lim, depth+1); err != nil {
				return nil, err
			}
		}
		return b, nil
	case KindMap:
		return appendMap(b, v, lim, depth)
	}
	return nil, cborError("unknown kind %d", v.Kind)
}

// CompareKeys is the bytewise order of the encoded keys: shorter first, then
// bytewise, because the head grows with the length.
func CompareKeys(a, b string) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return cmp.Compare(a, b)
}

func appendMap(b []byte, v *Value, lim Limits, depth int) ([]byte, error) {
	order := make([]int, len(v.Members))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return CompareKeys(v.Members[i].Key, v.Members[j].Key) })
	b = appendHead(b, 5, uint64(len(order)))
	for n, i := range order {
		m := &v.Members[i]
		if n > 0 && v.Members[order[n-1]].Key == m.Key {
			return nil, cborError("key %q twice", m.Key)
		}
		var err error
		if b, err = appendText(b, m.Key, lim); err != nil {
			return nil, err
		}
		if b, err = appendCBOR(b, &m.Value, lim, depth+1); err != nil {
			return nil, err
		}
	}
	return b, nil
}
