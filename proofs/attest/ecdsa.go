package attest

import (
	"crypto/ecdsa"
	"math/big"
)

// VerifyRaw checks an ECDSA signature given as r and s, each big-endian and half
// of sig, over a hash.
func VerifyRaw(key *ecdsa.PublicKey, hash, sig []byte) bool {
	n := len(sig) / 2
	if len(sig)%2 != 0 || n != (key.Curve.Params().BitSize+7)/8 {
		return false
	}
	return ecdsa.Verify(key, hash, new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:]))
}
