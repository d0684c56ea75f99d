package seed

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
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

// chunkBytes is how much keystream Fill makes at a time.
const chunkBytes = 4096

// Fill sets dst to the words first, first+1, and so on. Word numbers wrap
// modulo 2^64.
func (s *ShotWords) Fill(dst []uint64, first uint64) {
	if len(dst) == 0 {
		return
	}
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint64(iv[8:], first/2)
	ctr := cipher.NewCTR(s.block, iv[:])
	var buf [chunkBytes]byte
	if first%2 == 1 { // the first half of the first block is not wanted
		ctr.XORKeyStream(buf[:8], buf[:8])
		clear(buf[:8])
	}
	for len(dst) > 0 {
		n := min(len(dst), chunkBytes/8)
		ctr.XORKeyStream(buf[:8*n], buf[:8*n])
		for i := range n {
			dst[i] = binary.LittleEndian.Uint64(buf[8*i:])
		}
		clear(buf[:8*n])
		dst = dst[n:]
	}
}

// At returns word w.
func (s *ShotWords) At(w uint64) uint64 {
	var b [aes.BlockSize]byte
	binary.BigEndian.PutUint64(b[8:], w/2)
	s.block.Encrypt(b[:], b[:])
	return binary.LittleEndian.Uint64(b[8*(w%2):])
}
