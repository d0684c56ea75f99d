package seed

import (
	"crypto/sha3"
	"encoding/binary"
	"math/bits"
)

// streamDomain is absorbed first by every stream.
const streamDomain = "qtrap/v1/stream"

// rate is the SHAKE256 block length in bytes (FIPS 202, table 3). The buffer
// holds a few blocks, so that most draws are one copy from memory.
const (
	rate    = 136
	bufSize = 2 * rate
)

// Stream is one random stream:
//
//	SHAKE256("qtrap/v1/stream" || u32be(len label) || label || u64be(index) || u32be(32) || root)
//
// A Stream is a value without pointers into shared state; Reset reuses its
// memory. It may not be used by two goroutines at once. The zero Stream is not
// seeded: call Reset first.
type Stream struct {
	x    sha3.SHAKE
	head [64]byte // scratch of Reset; kept here so that Reset does not allocate
	buf  [bufSize]byte
	pos  int // next unread byte of buf; bufSize when empty
}

// NewStream returns the stream (label, index) under root.
func NewStream(root [32]byte, label string, index uint64) *Stream {
	s := new(Stream)
	s.Reset(&root, label, index)
	return s
}

// Reset makes s the stream (label, index) under root, at its first byte.
func (s *Stream) Reset(root *[32]byte, label string, index uint64) {
	s.x.Reset()
	h := append(s.head[:0], streamDomain...)
	h = binary.BigEndian.AppendUint32(h, uint32(len(label)))
	s.x.Write(h)
	if len(label) > 0 {
		n := copy(s.head[:], label)
		s.x.Write(s.head[:n])
		if n < len(label) {
			s.x.Write([]byte(label[n:]))
		}
	}
	h = binary.BigEndian.AppendUint64(s.head[:0], index)
	h = binary.BigEndian.AppendUint32(h, uint32(len(root)))
	h = append(h, root[:]...)
	s.x.Write(h)
	s.pos = bufSize
}

func (s *Stream) refill() {
	s.x.Read(s.buf[:])
	s.pos = 0
}

// Fill sets all of p to the next len(p) bytes of the stream.
func (s *Stream) Fill(p []byte) {
	for len(p) > 0 {
		if s.pos == bufSize {
			s.refill()
		}
		n := copy(p, s.buf[s.pos:])
		s.pos += n
		p = p[n:]
	}
}

func (s *Stream) byte() byte {
	if s.pos >= bufSize {
		s.refill()
	}
	b := s.buf[s.pos]
	s.pos++
	return b
}

// Uniform returns an integer below n, each equally likely: ceil(b/8) bytes are
// read little-endian with b = bitlen(n-1), masked to b bits, and read again
// while the value is n or more. n = 1 reads nothing; n = 0 reads nothing and
// returns 0.
func (s *Stream) Uniform(n uint64) uint64 {
	if n <= 1 {
		return 0
	}
	b := bits.Len64(n - 1)
	mask := ^uint64(0) >> (64 - b)
	if b <= 8 {
		for {
			if v := uint64(s.byte()) & mask; v < n {
				return v
			}
		}
	}
	for {
		var v uint64
		for sh := 0; sh < b; sh += 8 {
			v |= uint64(s.byte()) << sh
		}
		if v &= mask; v < n {
			return v
		}
	}
}

// FillUniform sets every element of dst to what Uniform(n) would have returned
// in turn, for n up to 256, and leaves the stream at the same byte. A larger n
// counts as 256.
func (s *Stream) FillUniform(dst []byte, n int) {
	if n <= 1 {
		clear(dst)
		return
	}
	n = min(n, 256)
	mask := byte(1<<bits.Len(uint(n-1)) - 1)
	for i := 0; i < len(dst); {
		if s.pos == bufSize {
			s.refill()
		}
		src := s.buf[s.pos:]
		if int(mask)+1 == n { // a power of two: nothing is ever rejected
			src = src[:min(len(src), len(dst)-i)]
			out := dst[i : i+len(src)]
			maskInto(out, src, mask)
			i, s.pos = i+len(src), s.pos+len(src)
			continue
		}
		for _, b := range src {
			s.pos++
			if b &= mask; int(b) < n {
				dst[i] = b
				if i++; i == len(dst) {
					break
				}
			}
		}
	}
}

// maskInto sets out[i] = src[i] & mask, eight bytes at a time.
func maskInto(out, src []byte, mask byte) {
	wide := uint64(mask) * 0x0101010101010101
	for len(src) >= 8 && len(out) >= 8 {
		binary.LittleEndian.PutUint64(out, binary.LittleEndian.Uint64(src)&wide)
		out, src = out[8:], src[8:]
	}
	for i, b := range src {
		out[i] = b & mask
	}
}
