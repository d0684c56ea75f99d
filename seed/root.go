package seed

import (
	"crypto/hkdf"
	"crypto/sha3"
	"fmt"
	"hash"
)

// RootInfo and ShotInfo are the HKDF info strings of Root and ShotKey.
const (
	RootInfo = "qtrap/v1/root"
	ShotInfo = "qprov/v1/shots"
)

func newSHA3() hash.Hash { return sha3.New256() }

// Root derives the 32-byte root of all trap draws of one job: HKDF-SHA3-256
// (RFC 5869) with salt = moduleHash, input key = seed || transcriptHash and info
// RootInfo. Another module, seed or transcript gives an unrelated root.
func Root(moduleHash, seed, transcriptHash [32]byte) ([32]byte, error) {
	var ikm [64]byte
	copy(ikm[:32], seed[:])
	copy(ikm[32:], transcriptHash[:])
	var root [32]byte
	err := derive(root[:], ikm[:], moduleHash[:], RootInfo)
	return root, err
}

// ShotKey derives the AES-128 key of a simulator's shot words: the first 16
// bytes of HKDF-SHA3-256 with salt = transcriptHash, input key = seed and info
// ShotInfo. It says nothing about Root and Root says nothing about it.
func ShotKey(transcriptHash, seed [32]byte) ([16]byte, error) {
	var key [16]byte
	err := derive(key[:], seed[:], transcriptHash[:], ShotInfo)
	return key, err
}

// derive fills out with HKDF-SHA3-256(salt, ikm, info).
func derive(out, ikm, salt []byte, info string) error {
	k, err := hkdf.Key(newSHA3, ikm, salt, info, len(out))
	if err != nil {
		return fmt.Errorf("seed: HKDF-SHA3-256 for %q: %w", info, err)
	}
	copy(out, k)
	return nil
}
