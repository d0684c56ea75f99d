// Package cose reads the CBOR (RFC 8949) and COSE_Sign1 (RFC 9052) of attestation
// documents.
//
// It promises one reading per document: shortest heads, no repeated map keys,
// strings in one piece, nothing behind the value, and limits on depth and number of
// values before anything is allocated. Arrays and maps may have indefinite length and
// the order of map keys is free, as vendors differ. It has no floats, and it does not write CBOR.
package cose

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Kind is the type of a Value.
type Kind uint8

// The types.
const (
	Uint Kind = iota
	Negative
	Bytes
	Text
	Array
	Map
	Tag
	Simple // false, true, null, undefined
)

// Value is one decoded item. Strings alias the input.
type Value struct {
	Kind  Kind
	Num   uint64  // Uint; Negative: -1 - Num; Tag: its number; Simple: 20..23
	Bytes []byte  // Bytes and Text
	Items []Value // Array; Map: key, value, key, value; Tag: the tagged value
}

// Limits of a document.
const (
	MaxDepth  = 8
	MaxValues = 4096
	MaxBytes  = 64 << 10
)

// ErrCBOR is wrapped by every refusal.
var ErrCBOR = errors.New("invalid CBOR")

type decoder struct {
	b      []byte
	at     int
	values int
}

func (d *decoder) fail(format string, a ...any) error {
	return fmt.Errorf("byte %d: %s: %w", d.at, fmt.Sprintf(format, a...), ErrCBOR)
}

// Decode reads exactly one value.
func Decode(b []byte) (*Value, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(b), MaxBytes, ErrCBOR)
	}
	d := &decoder{b: b}
	var v Value
	if err := d.value(&v, 0); err != nil {
		return nil, err
	}
	if d.at != len(b) {
		return nil, d.fail("%d bytes behind the value", len(b)-d.at)
	}
	return &v, nil
}

// indefinite is the length of a container that ends with a break.
const indefinite = 1<<64 - 1

// head reads the initial byte and its argument.
func (d *decoder) head() (major byte, n uint64, err error) {
	if d.at >= len(d.b) {
		return 0, 0, d.fail("the document ends")
	}
	first := d.b[d.at]
	major, low := first>>5, first&31
	if low == 31 && (major == 4 || major == 5) {
		d.at++
		return major, indefinite, nil
	}
	if low < 24 {
		d.at++
		return major, uint64(low), nil
	}
	if low > 27 {
		return 0, 0, d.fail("head %#x: indefinite length or reserved", first)
	}
	size := 1 << (low - 24)
	if len(d.b)-d.at-1 < size {
		return 0, 0, d.fail("the document ends inside a head")
	}
	for _, x := range d.b[d.at+1 : d.at+1+size] {
		n = n<<8 | uint64(x)
	}
	least := map[int]uint64{1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[size]
	if major == 7 || n < least {
		return 0, 0, d.fail("head %#x: float, simple value or not the shortest form", first)
	}
	d.at += 1 + size
	return major, n, nil
}

func (d *decoder) value(v *Value, depth int) error {
	if d.values++; d.values > MaxValues {
		return d.fail("more than %d values", MaxValues)
	}
	if depth > MaxDepth {
		return d.fail("deeper than %d", MaxDepth)
	}
	major, n, err := d.head()
	if err != nil {
		return err
	}
	v.Num = n
	switch major {
	case 0, 1:
		v.Kind = Kind(major)
	case 2, 3:
		v.Kind = Kind(major)
		return d.text(v)
	case 4, 5:
		v.Kind = Kind(major)
		return d.items(v, depth)
	case 6:
		v.Kind, v.Items = Tag, make([]Value, 1)
		return d.value(&v.Items[0], depth+1)
	default:
		if v.Kind = Simple; n < 20 || n > 23 {
			return d.fail("simple value %d", n)
		}
	}
	return nil
}

func (d *decoder) text(v *Value) error {
	if v.Num > uint64(len(d.b)-d.at) {
		return d.fail("string of %d bytes, %d are left", v.Num, len(d.b)-d.at)
	}
	end := d.at + int(v.Num)
	v.Bytes = d.b[d.at:end:end]
	if v.Kind == Text && !utf8.Valid(v.Bytes) {
		return d.fail("text is not UTF-8")
	}
	d.at, v.Num = end, 0
	return nil
}

// items reads the elements of an array or map. Each takes a byte at least, so a
// length is bounded by what is left.
func (d *decoder) items(v *Value, depth int) error {
	n := v.Num
	open := n == indefinite
	if left := uint64(len(d.b) - d.at); !open && n > left {
		return d.fail("%d elements, %d bytes are left", n, left)
	}
	if v.Kind == Map && !open {
		n *= 2
	}
	v.Num = 0
	keys := map[string]bool{}
	for i := uint64(0); open || i < n; i++ {
		if open && d.at < len(d.b) && d.b[d.at] == 0xff && (v.Kind == Array || i%2 == 0) {
			d.at++
			return nil
		}
		from := d.at
		var item Value
		if err := d.value(&item, depth+1); err != nil {
			return err
		}
		if v.Kind == Map && i%2 == 0 {
			key := string(d.b[from:d.at])
			if keys[key] {
				return d.fail("repeated map key")
			}
			keys[key] = true
		}
		v.Items = append(v.Items, item)
	}
	return nil
}

// Get returns the member of a map with a text key, nil when there is none.
func (v *Value) Get(key string) *Value {
	return v.find(func(k *Value) bool { return k.Kind == Text && string(k.Bytes) == key })
}

// GetInt returns the member of a map with an integer key, nil when there is none.
func (v *Value) GetInt(key int64) *Value {
	return v.find(func(k *Value) bool {
		return key >= 0 && k.Kind == Uint && k.Num == uint64(key) || key < 0 && k.Kind == Negative && k.Num == uint64(-1-key)
	})
}

func (v *Value) find(is func(*Value) bool) *Value {
	if v == nil || v.Kind != Map {
		return nil
	}
	for i := 0; i < len(v.Items); i += 2 {
		if is(&v.Items[i]) {
			return &v.Items[i+1]
		}
	}
	return nil
}

// Is reports whether v is there and of the kind.
func (v *Value) Is(k Kind) bool { return v != nil && v.Kind == k }

// Null reports whether v is absent or null.
func (v *Value) Null() bool { return v == nil || v.Kind == Simple && v.Num == 22 }
