package attest

import "encoding/binary"

// Reader takes fields off a buffer. The first read past the end fails it, and
// later reads return zero values, so that a parser is a list of its fields. The
// slices alias the buffer.
type Reader struct {
	b    []byte
	fail bool
}

// NewReader reads b from its start.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Bytes takes n bytes; nil after a failure.
func (r *Reader) Bytes(n int) []byte {
	if r.fail || n < 0 || n > len(r.b) {
		r.fail = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

// fixed is Bytes, but never shorter than n.
func (r *Reader) fixed(n int) []byte {
	if b := r.Bytes(n); b != nil {
		return b
	}
	return make([]byte, n)
}

// U8, and the others by size and byte order (LE or BE), take one integer.
func (r *Reader) U8() uint8    { return r.fixed(1)[0] }
func (r *Reader) LE16() uint16 { return binary.LittleEndian.Uint16(r.fixed(2)) }
func (r *Reader) LE32() uint32 { return binary.LittleEndian.Uint32(r.fixed(4)) }
func (r *Reader) LE64() uint64 { return binary.LittleEndian.Uint64(r.fixed(8)) }
func (r *Reader) BE16() uint16 { return binary.BigEndian.Uint16(r.fixed(2)) }
func (r *Reader) BE32() uint32 { return binary.BigEndian.Uint32(r.fixed(4)) }
func (r *Reader) BE64() uint64 { return binary.BigEndian.Uint64(r.fixed(8)) }

// Rest takes all that is left.
func (r *Reader) Rest() []byte { return r.Bytes(len(r.b)) }

// Len is the number of bytes left.
func (r *Reader) Len() int { return len(r.b) }

// Failed reports whether a read ran past the end.
func (r *Reader) Failed() bool { return r.fail }

// Done reports whether all reads succeeded and nothing is left.
func (r *Reader) Done() bool { return !r.fail && len(r.b) == 0 }

// Zero reports whether b holds only zero bytes.
func Zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
