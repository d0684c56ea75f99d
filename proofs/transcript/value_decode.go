package transcript

import (
	"encoding/binary"
	"math"
)

// DecodeCBOR reads exactly one item and refuses every encoding that EncodeCBOR
// would not have produced: non-shortest heads, unsorted or repeated keys,
// indefinite lengths, floats, null, undefined, tags, trailing bytes. Byte
// strings alias b.
func DecodeCBOR(b []byte, lim Limits) (Value, error) {
	if len(b) > lim.Bytes {
		return Value{}, cborError("%d bytes, limit %d", len(b), lim.Bytes)
	}
	d := decoder{rest: b, lim: lim}
	v, err := d.item(0)
	if err == nil && len(d.rest) != 0 {
		err = cborError("%d bytes behind the item", len(d.rest))
	}
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

type decoder struct {
	rest []byte
	lim  Limits
}

func (d *decoder) head() (major byte, n uint64, err error) {
	if len(d.rest) == 0 {
		return 0, 0, cborError("ends inside an item")
	}
	first := d.rest[0]
	major, n = first>>5, uint64(first&31)
	d.rest = d.rest[1:]
	if n < 24 {
		return major, n, nil
	}
	if n > 27 || major >= 6 {
		return 0, 0, cborError("initial byte %#02x is not allowed", first)
	}
	size := 1 << (n - 24)
	if len(d.rest) < size {
		return 0, 0, cborError("ends inside an item")
	}
	var wide [8]byte
	copy(wide[8-size:], d.rest)
	n = binary.BigEndian.Uint64(wide[:])
	d.rest = d.rest[size:]
	if size == 1 && n < 24 || size > 1 && n>>(4*size) == 0 {
		return 0, 0, cborError("integer %d is not in its shortest form", n)
	}
	return major, n, nil
}

func (d *decoder) item(depth int) (Value, error) {
	if depth > d.lim.Depth {
		return Value{}, cborError("nested deeper than %d", d.lim.Depth)
	}
	major, n, err := d.head()
	if err != nil {
		return Value{}, err
	}
	switch major {
	case 0:
		return UintValue(n), nil
	case 1:
		if n > math.MaxInt64 {
			return Value{}, cborError("integer below -2^63")
		}
		return Value{Kind: KindInt, Int: -1 - int64(n)}, nil
	case 2:
		b, err := d.take(n)
		return Value{Kind: KindBytes, Bytes: b}, err
	case 3:
		s, err := d.text(n)
		return Value{Kind: KindText, Text: s}, err
	case 4:
		return d.array(n, depth)
	case 5:
		return d.mapping(n, depth)
	case 7:
		if n == 20 || n == 21 {
			return BoolValue(n == 21), nil
		}
	}
	return Value{}, cborError("major type %d value %d is not allowed", major, n)
}

func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, cborError("string of %d bytes in the last %d", n, len(d.rest))
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b, nil
}

func (d *decoder) text(n uint64) (string, error) {
	b, err := d.take(n)
	if err != nil {
		return "", err
	}
	s := string(b)
	return s, checkCBORText(s, d.lim)
}

func (d *decoder) array(n uint64, depth int) (Value, error) {
	v := Value{Kind: KindArray}
	if n > uint64(len(d.rest)) {
		return v, cborError("array of %d items in %d bytes", n, len(d.rest))
	}
	for range n {
		e, err := d.item(depth + 1)
		if err != nil {
			return v, err
		}
		v.Array = append(v.Array, e)
	}
	return v, nil
}

func (d *decoder) mapping(n uint64, depth int) (Value, error) {
	v := Value{Kind: KindMap}
	if n > uint64(len(d.rest))/2 {
		return v, cborError("map of %d members in %d bytes", n, len(d.rest))
	}
	for i := range n {
		major, size, err := d.head()
		if err == nil && major != 3 {
			err = cborError("map key of major type %d, want text", major)
		}
		if err != nil {
			return v, err
		}
		key, err := d.text(size)
		if err != nil {
			return v, err
		}
		if i > 0 && CompareKeys(v.Members[i-1].Key, key) >= 0 {
			return v, cborError("key %q is repeated or out of order", key)
		}
		e, err := d.item(depth + 1)
		if err != nil {
			return v, err
		}
		v.Members = append(v.Members, Member{key, e})
	}
	return v, nil
}
