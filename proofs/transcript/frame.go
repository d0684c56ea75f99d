package transcript

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/animicaorg/engine/digest"
)

// MaxText is the longest text field in bytes.
const MaxText = 1024

// maxFrame bounds the bytes that ParseFrame reads.
const maxFrame = 64 << 20

// ErrFrame is wrapped by every refusal to encode or parse a frame or a value of
// one.
var ErrFrame = errors.New("invalid frame")

// Frame builds one frame field by field. The first error sticks and is returned
// by Encode, so that a definition reads as a list of its fields.
type Frame struct {
	buf    []byte
	head   int // offset of the u16 field count
	count  uint16
	lastID uint16
	err    error
}

// NewFrame starts a frame. domain is 1..255 bytes of printable ASCII.
func NewFrame(domain string) *Frame {
	f := &Frame{}
	if len(domain) < 1 || len(domain) > 255 {
		f.fail("domain of %d bytes, want 1..255", len(domain))
		return f
	}
	for i := 0; i < len(domain); i++ {
		if domain[i] <= ' ' || domain[i] > '~' {
			f.fail("domain byte %#x is not printable ASCII", domain[i])
			return f
		}
	}
	f.buf = append(append(f.buf, byte(len(domain))), domain...)
	f.head = len(f.buf)
	f.buf = append(f.buf, 0, 0)
	return f
}

func (f *Frame) fail(format string, a ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format+": %w", append(a, ErrFrame)...)
	}
}

// Fail makes Encode return err unless an earlier error is already recorded.
func (f *Frame) Fail(err error) *Frame {
	if f.err == nil {
		f.err = err
	}
	return f
}

// U64 appends an unsigned integer, eight bytes big-endian.
func (f *Frame) U64(id uint16, v uint64) *Frame {
	return f.raw(id, binary.BigEndian.AppendUint64(nil, v))
}

// H32 appends a 32-byte value.
func (f *Frame) H32(id uint16, d digest.Digest) *Frame { return f.raw(id, d[:]) }

// OptionalH32 appends a 32-byte value, or an empty one when d is all zero.
func (f *Frame) OptionalH32(id uint16, d digest.Digest) *Frame {
	if d.IsZero() {
		return f.raw(id, nil)
	}
	return f.raw(id, d[:])
}

// Text appends UTF-8 text in Unicode NFC, at most MaxText bytes, without a byte
// order mark.
func (f *Frame) Text(id uint16, s string) *Frame {
	if err := CheckText(s); err != nil && f.err == nil {
		f.err = fmt.Errorf("field %d: %w", id, err)
	}
	return f.raw(id, []byte(s))
}

// Bytes appends raw bytes, at most max of them.
func (f *Frame) Bytes(id uint16, b []byte, max uint64) *Frame {
	if uint64(len(b)) > max || uint64(len(b)) > math.MaxUint32 {
		f.fail("field %d has %d bytes, limit %d", id, len(b), min(max, math.MaxUint32))
	}
	return f.raw(id, b)
}

func (f *Frame) raw(id uint16, b []byte) *Frame {
	if f.err == nil && id <= f.lastID {
		f.fail("field %d after field %d", id, f.lastID)
	}
	if f.err != nil {
		return f
	}
	f.lastID = id
	f.count++
	f.buf = binary.BigEndian.AppendUint16(f.buf, id)
	f.buf = binary.BigEndian.AppendUint32(f.buf, uint32(len(b)))
	f.buf = append(f.buf, b...)
	return f
}

// Encode returns the frame's bytes.
func (f *Frame) Encode() ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	binary.BigEndian.PutUint16(f.buf[f.head:], f.count)
	return f.buf, nil
}

// Sum returns SHA3-256 of the frame's bytes.
func (f *Frame) Sum() (digest.Digest, error) {
	b, err := f.Encode()
	if err != nil {
		return digest.Digest{}, err
	}
	return digest.Sum(b), nil
}

// Framed is a value with a frame.
type Framed interface{ Frame() *Frame }

// Sum returns the digest of v's frame.
func Sum(v Framed) (digest.Digest, error) { return v.Frame().Sum() }

// Encode returns the bytes of v's frame, the preimage of Sum.
func Encode(v Framed) ([]byte, error) { return v.Frame().Encode() }

// CheckText applies the rules of a text field.
func CheckText(s string) error {
	switch {
	case len(s) > MaxText:
		return fmt.Errorf("text of %d bytes, limit %d: %w", len(s), MaxText, ErrFrame)
	case !utf8.ValidString(s):
		return fmt.Errorf("text is not UTF-8: %w", ErrFrame)
	case !norm.NFC.IsNormalString(s):
		return fmt.Errorf("text is not in Unicode NFC: %w", ErrFrame)
	case len(s) >= 3 && s[:3] == "\ufeff":
		return fmt.Errorf("text starts with a byte order mark: %w", ErrFrame)
	}
	return nil
}

// Field is one field of a parsed frame.
type Field struct {
	ID    uint16
	Value []byte
}

// ParseFrame splits a frame into domain and fields and refuses whatever
// Frame.Encode would not have produced. Which fields a domain has and of which
// types is the caller's to check. The values alias b.
func ParseFrame(b []byte) (domain string, fields []Field, err error) {
	bad := func(format string, a ...any) (string, []Field, error) {
		return "", nil, fmt.Errorf(format+": %w", append(a, ErrFrame)...)
	}
	if len(b) > maxFrame {
		return bad("%d bytes, limit %d", len(b), maxFrame)
	}
	if len(b) < 1 || len(b) < 3+int(b[0]) {
		return bad("%d bytes end inside the head", len(b))
	}
	head := 1 + int(b[0])
	domain = string(b[1:head])
	if f := NewFrame(domain); f.err != nil {
		return "", nil, f.err
	}
	count := int(binary.BigEndian.Uint16(b[head:]))
	b = b[head+2:]
	if count > len(b)/6 {
		return bad("%d fields in %d bytes", count, len(b))
	}
	last := uint16(0)
	for i := range count {
		if len(b) < 6 {
			return bad("field %d of %d is cut", i, count)
		}
		id, n := binary.BigEndian.Uint16(b), uint64(binary.BigEndian.Uint32(b[2:]))
		if id <= last {
			return bad("field %d after field %d", id, last)
		}
		if n > uint64(len(b)-6) {
			return bad("field %d wants %d of %d bytes", id, n, len(b)-6)
		}
		fields = append(fields, Field{ID: id, Value: b[6 : 6+n]})
		last, b = id, b[6+n:]
	}
	if len(b) != 0 {
		return bad("%d bytes behind the last field", len(b))
	}
	return domain, fields, nil
}
