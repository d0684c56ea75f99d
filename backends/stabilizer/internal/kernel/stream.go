package kernel

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// Stream is an AES-128 key for Kernel.Stream: the words of seed.ShotWords, many
// at a time.
type Stream struct {
	block cipher.Block
	keys  [11 * 16]byte
}

// NewStream returns the stream of key.
func NewStream(key [16]byte) (*Stream, error) {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("shot key: %w", err)
	}
	return &Stream{block: b, keys: expand(key)}, nil
}

// expand is KeyExpansion of FIPS 197, section 5.2.
func expand(key [16]byte) (w [11 * 16]byte) {
	copy(w[:], key[:])
	constant := byte(1)
	for i := 16; i < len(w); i += 4 {
		t := [4]byte(w[i-4:])
		if i%16 == 0 {
			t = [4]byte{substitute(t[1]) ^ constant, substitute(t[2]), substitute(t[3]), substitute(t[0])}
			constant = double(constant)
		}
		for k := range t {
			w[i+k] = w[i-16+k] ^ t[k]
		}
	}
	return w
}

// double multiplies by x in the field of FIPS 197, section 4.2.
func double(a byte) byte { return a<<1 ^ 0x1b&-(a>>7) }

// substitute is SubBytes of FIPS 197, section 5.1.1: the inverse, a to the power
// 254, then an affine map.
func substitute(a byte) byte {
	inverse := byte(1)
	for bit := 7; bit >= 0; bit-- {
		if inverse = product(inverse, inverse); 254>>bit&1 == 1 {
			inverse = product(inverse, a)
		}
	}
	s := byte(0x63)
	for k := range 5 {
		s ^= inverse<<k | inverse>>(8-k)
	}
	return s
}

func product(a, b byte) (p byte) {
	for ; b != 0; b >>= 1 {
		p ^= a & -(b & 1)
		a = double(a)
	}
	return p
}

// Stream uses the standard library's counter mode.
func (generic) Stream(dst []uint64, k *Stream, first uint64) {
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], first/2)
	ctr := cipher.NewCTR(k.block, iv[:])
	var buf [4096]byte
	for len(dst) > 0 {
		n := min(len(dst), len(buf)/8)
		clear(buf[:8*n])
		ctr.XORKeyStream(buf[:8*n], buf[:8*n])
		for i := range n {
			dst[i] = binary.LittleEndian.Uint64(buf[8*i:])
		}
		dst = dst[n:]
	}
}
