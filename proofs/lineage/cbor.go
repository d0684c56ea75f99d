// Package lineage speaks the wire forms of the system that this network
// descends from: canonical CBOR envelopes of type 3, their nullifiers, trap
// receipts, job ids and evidence.
//
// It promises that what it decodes has one encoding, that nullifiers are
// computed again instead of believed, and that a repeated receipt is refused.
// It is for the edge of the system only; nothing inside relies on these forms.
package lineage

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Limits of one item.
const (
	MaxBytes = 1 << 20
	maxDepth = 16
	maxItems = 65_536
)

// ErrCBOR is wrapped by every refusal to decode or encode.
var ErrCBOR = errors.New("not canonical CBOR")

// Kind is the type of a Value.
type Kind uint8

// The kinds. Negative n stands for -1-n.
const (
	Null Kind = iota
	Bool
	Uint
	Negative
	Float
	Bytes
	Text
	Array
	Map
)

// Value is one item.
type Value struct {
	Kind    Kind
	Uint    uint64 // Uint, Negative; Bool: 0 or 1
	Float   float64
	Bytes   []byte
	Text    string
	Items   []Value
	Members []Member
}

// Member is one member of a map; keys are text.
type Member struct {
	Key   string
	Value Value
}

// Get returns a member of a map, nil if absent.
func (v *Value) Get(key string) *Value {
	for i := range v.Members {
		if v.Members[i].Key == key {
			return &v.Members[i].Value
		}
	}
	return nil
}

// Encode writes v: shortest heads, shortest lossless floats, map keys by length
// and then bytes (RFC 7049 §3.9; for text keys equal to RFC 8949 §4.2.1).
func Encode(v Value) []byte { return appendValue(nil, v) }

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

func appendValue(b []byte, v Value) []byte {
	switch v.Kind {
	case Null:
		return append(b, 0xf6)
	case Bool:
		return append(b, 0xf4+byte(v.Uint&1))
	case Uint:
		return appendHead(b, 0, v.Uint)
	case Negative:
		return appendHead(b, 1, v.Uint)
	case Float:
		return appendFloat(b, v.Float)
	case Bytes:
		return append(appendHead(b, 2, uint64(len(v.Bytes))), v.Bytes...)
	case Text:
		return append(appendHead(b, 3, uint64(len(v.Text))), v.Text...)
	case Array:
		b = appendHead(b, 4, uint64(len(v.Items)))
		for _, x := range v.Items {
			b = appendValue(b, x)
		}
		return b
	}
	members := slices.Clone(v.Members)
	slices.SortFunc(members, func(x, y Member) int { return keyOrder(x.Key, y.Key) })
	b = appendHead(b, 5, uint64(len(members)))
	for _, m := range members {
		b = appendValue(append(appendHead(b, 3, uint64(len(m.Key))), m.Key...), m.Value)
	}
	return b
}

func keyOrder(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

func appendFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) {
		return append(b, 0xf9, 0x7e, 0x00)
	}
	single := float32(f)
	if float64(single) != f {
		return binary.BigEndian.AppendUint64(append(b, 0xfb), math.Float64bits(f))
	}
	if h, ok := toHalf(single); ok {
		return binary.BigEndian.AppendUint16(append(b, 0xf9), h)
	}
	return binary.BigEndian.AppendUint32(append(b, 0xfa), math.Float32bits(single))
}

// toHalf is the IEEE 754 binary16 of f where that loses nothing.
func toHalf(f float32) (uint16, bool) {
	bits := math.Float32bits(f)
	sign, exp, frac := uint16(bits>>16)&0x8000, int(bits>>23&0xff), bits&0x7fffff
	switch e := exp - 127; {
	case bits&0x7fffffff == 0:
		return sign, true
	case exp == 255:
		return sign | 0x7c00, frac == 0
	case e >= -14 && e <= 15:
		return sign | uint16(e+15)<<10 | uint16(frac>>13), frac&0x1fff == 0
	case e >= -24 && e < -14: // subnormal
		shift := uint(13 + -14 - e)
		full := frac | 0x800000
		return sign | uint16(full>>shift), full&(1<<shift-1) == 0
	}
	return 0, false
}

func fromHalf(h uint16) float64 {
	sign, exp, frac := 1.0, int(h>>10&0x1f), float64(h&0x3ff)
	if h&0x8000 != 0 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(frac, -24)
	case 31:
		if frac != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// Decode reads exactly one item and refuses every encoding that Encode would
// not have written, tags, simple values but false, true and null, keys that are
// no text, and anything beyond the limits.
func Decode(b []byte) (Value, error) {
	if len(b) > MaxBytes {
		return Value{}, fmt.Errorf("%d bytes, limit %d: %w", len(b), MaxBytes, ErrCBOR)
	}
	d := &decoder{b: b}
	v, err := d.value(0)
	if err == nil && d.i != len(b) {
		err = fmt.Errorf("%d bytes behind the item", len(b)-d.i)
	}
	if err != nil {
		return Value{}, fmt.Errorf("byte %d: %w: %w", d.i, err, ErrCBOR)
	}
	return v, nil
}

type decoder struct {
	b     []byte
	i     int
	items int
}

var errShort = errors.New("ends too early")

// head reads an initial byte and its argument, which must be the shortest.
func (d *decoder) head() (major, info byte, n uint64, err error) {
	if d.i >= len(d.b) {
		return 0, 0, 0, errShort
	}
	major, info = d.b[d.i]>>5, d.b[d.i]&31
	d.i++
	if info < 24 {
		return major, info, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, 0, errors.New("indefinite length or reserved head")
	}
	size := 1 << (info - 24)
	if len(d.b)-d.i < size {
		return 0, 0, 0, errShort
	}
	for _, x := range d.b[d.i : d.i+size] {
		n = n<<8 | uint64(x)
	}
	d.i += size
	least := []uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]
	if major != 7 && n < least {
		return 0, 0, 0, errors.New("the head is not the shortest")
	}
	return major, info, n, nil
}

func (d *decoder) value(depth int) (v Value, err error) {
	if d.items++; d.items > maxItems || depth > maxDepth {
		return v, fmt.Errorf("more than %d items or deeper than %d", maxItems, maxDepth)
	}
	major, info, n, err := d.head()
	if err != nil {
		return v, err
	}
	switch major {
	case 0, 1:
		return Value{Kind: Uint + Kind(major), Uint: n}, nil
	case 2:
		b, err := d.take(n)
		return Value{Kind: Bytes, Bytes: b}, err
	case 3:
		s, err := d.text(n)
		return Value{Kind: Text, Text: s}, err
	case 4:
		return d.array(n, depth)
	case 5:
		return d.mapping(n, depth)
	case 6:
		return v, errors.New("tags are refused")
	}
	return simple(info, n)
}

func simple(info byte, n uint64) (Value, error) {
	v := Value{Kind: Float}
	switch info {
	case 20, 21:
		return Value{Kind: Bool, Uint: uint64(info - 20)}, nil
	case 22:
		return Value{}, nil
	case 25:
		v.Float = fromHalf(uint16(n))
	case 26:
		v.Float = float64(math.Float32frombits(uint32(n)))
	case 27:
		v.Float = math.Float64frombits(n)
	default:
		return v, errors.New("a simple value that is refused")
	}
	if again := Encode(v); again[0]&31 != info || math.IsNaN(v.Float) && n != 0x7e00 {
		return v, errors.New("the float is not the shortest")
	}
	return v, nil
}

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.b)-d.i) {
		return nil, errShort
	}
	b := d.b[d.i : d.i+int(n) : d.i+int(n)]
	d.i += int(n)
	return b, nil
}

func (d *decoder) text(n uint64) (string, error) {
	b, err := d.take(n)
	if err == nil && !utf8.Valid(b) {
		err = errors.New("text is not UTF-8")
	}
	return string(b), err
}

func (d *decoder) array(n uint64, depth int) (Value, error) {
	v := Value{Kind: Array}
	if n > uint64(len(d.b)-d.i) {
		return v, errShort
	}
	for range n {
		x, err := d.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, x)
	}
	return v, nil
}

func (d *decoder) mapping(n uint64, depth int) (Value, error) {
	v := Value{Kind: Map}
	if n > uint64(len(d.b)-d.i)/2 {
		return v, errShort
	}
	for i := range n {
		major, _, size, err := d.head()
		if err == nil && major != 3 {
			err = errors.New("a key that is no text")
		}
		var m Member
		if err == nil {
			m.Key, err = d.text(size)
		}
		if err == nil && i > 0 && keyOrder(v.Members[i-1].Key, m.Key) >= 0 {
			err = fmt.Errorf("key %.40q is repeated or out of order", m.Key)
		}
		if err == nil {
			m.Value, err = d.value(depth + 1)
		}
		if err != nil {
			return v, err
		}
		v.Members = append(v.Members, m)
	}
	return v, nil
}
