package vendorcert

import (
	"crypto/ed25519"
	"fmt"
	"math/big"
	"strings"

	"github.com/animicaorg/engine/keys"
)

// base58 is Bitcoin's alphabet, base58btc of Multibase.
const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// ed25519Codec is the varint of ed25519-pub (0xed) in Multicodec.
const ed25519Codec = "\xed\x01"

// FormatMultikey writes an Ed25519 public key as a Multikey: z, base58btc, codec.
func FormatMultikey(public []byte) string {
	n := new(big.Int).SetBytes(append([]byte(ed25519Codec), public...))
	base, digit := big.NewInt(58), new(big.Int)
	var out []byte // the codec is not zero, so there are no leading ones
	for n.Sign() > 0 {
		n.DivMod(n, base, digit)
		out = append(out, base58[digit.Int64()])
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return "z" + string(out)
}

// ParseMultikey reads the one spelling of an Ed25519 key that FormatMultikey
// writes, and applies the import rules of package keys.
func ParseMultikey(s string) ([]byte, error) {
	if len(s) > 64 || !strings.HasPrefix(s, "z") {
		return nil, fmt.Errorf("a Multikey begins with z and has at most 64 characters")
	}
	n, base := new(big.Int), big.NewInt(58)
	for _, c := range []byte(s[1:]) {
		i := strings.IndexByte(base58, c)
		if i < 0 {
			return nil, fmt.Errorf("%q is no character of base58btc", c)
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(i)))
	}
	raw, ok := strings.CutPrefix(string(n.Bytes()), ed25519Codec)
	if !ok || len(raw) != ed25519.PublicKeySize || FormatMultikey([]byte(raw)) != s {
		return nil, fmt.Errorf("is no Ed25519 Multikey")
	}
	return []byte(raw), keys.CheckPublic(keys.Ed25519, []byte(raw))
}
