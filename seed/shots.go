package seed

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"unsafe"
)

// ShotWords is the AES-128-CTR keystream of a shot key read as little-endian
// 64-bit words: block b (a 128-bit big-endian counter that starts at 0) holds
// words 2b and 2b+1. Any word can be read at any time; a ShotWords may be used by
// many goroutines at once.
type ShotWords struct{ block cipher.Block }

// NewShotWords returns the words of key.
func NewShotWords(key [16]byte) (*ShotWords, error) {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("seed: shot key: %w", err)
	}
	return &ShotWords{block: b}, nil
}

// Fill sets dst to the words first, first+1, and so on. Word numbers wrap
// modulo 2^64.
func (s *ShotWords) Fill(dst []uint64, first uint64) {
	if len(dst) == 0 {
		return
	}
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], first/2)
	ctr := cipher.NewCTR(s.block, iv[:])
	// The key stream is made where it is wanted, XOR zeros, then read in the order
	// of its bytes.
	clear(dst)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), 8*len(dst))
	if first%2 == 1 { // the first half of the first block is not wanted
		ctr.XORKeyStream(b[:8], b[:8])
		clear(b[:8])
	}
	ctr.XORKeyStream(b, b)
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		for i := range dst {
			dst[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
	}
}

// At returns word w.
func (s *ShotWords) At(w uint64) uint64 {
	var b [aes.BlockSize]byte
	binary.BigEndian.PutUint64(b[8:], w/2)
	s.block.Encrypt(b[:], b[:])
	return binary.LittleEndian.Uint64(b[8*(w%2):])
}
