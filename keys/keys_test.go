package keys

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"filippo.io/edwards25519"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

var ctx = context.Background()

func testKey(t *testing.T, role Role, b byte) *Ed25519Key {
	t.Helper()
	k, err := NewEd25519(role, [SeedSize]byte{b})
	require.NoError(t, err)
	return k
}

var (
	fieldPrime, _ = new(big.Int).SetString("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed", 16)
	fieldOne      = big.NewInt(1)
	groupOrder, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
)

// littleEndian writes v in 32 bytes; signBit sets the top bit.
func littleEndian(v *big.Int, signBit bool) []byte {
	b := v.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	if signBit {
		b[31] |= 0x80
	}
	return b
}

// TestSmallOrderKeys lists the eight points of small order (orders 1, 2, 4, 4,
// 8, 8, 8, 8) by their canonical encodings and wants all refused.
func TestSmallOrderKeys(t *testing.T) {
	list := []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	}
	seen := map[string]bool{}
	for _, text := range list {
		raw, err := hex.DecodeString(text)
		require.NoError(t, err)
		p, err := new(edwards25519.Point).SetBytes(raw)
		require.NoError(t, err, "a decodable point, so that the order is what refuses it")
		require.Equal(t, raw, p.Bytes(), "canonical, so that the order is what refuses it")
		seen[text] = true
		require.ErrorContains(t, CheckPublic(Ed25519, raw), "small order", text)
	}
	require.Len(t, seen, 8)
}

// TestNonCanonicalKeys lists every encoding whose y is not reduced (y = p+k for
// k = 0..18) or whose sign bit is set on x = 0, and wants all refused.
func TestNonCanonicalKeys(t *testing.T) {
	decodable := 0
	for k := int64(0); k <= 18; k++ {
		for _, sign := range []bool{false, true} {
			raw := littleEndian(new(big.Int).Add(fieldPrime, big.NewInt(k)), sign)
			if _, err := new(edwards25519.Point).SetBytes(raw); err == nil {
				decodable++
			}
			require.ErrorIs(t, CheckPublic(Ed25519, raw), ErrKey, "y = p+%d sign %v", k, sign)
		}
	}
	require.Positive(t, decodable, "the field library decodes some, so the canonical check is what refuses them")
	one, minusOne := big.NewInt(1), new(big.Int).Sub(fieldPrime, big.NewInt(1))
	for _, y := range []*big.Int{one, minusOne} { // x = 0: the sign bit has no meaning
		require.ErrorIs(t, CheckPublic(Ed25519, littleEndian(y, true)), ErrKey)
	}
	onePlusP := littleEndian(new(big.Int).Add(fieldPrime, one), false) // y = 1+p, the identity again
	require.ErrorContains(t, CheckPublic(Ed25519, onePlusP), "canonical")
}

func TestKeySyntax(t *testing.T) {
	k := testKey(t, Operational, 1)
	text := PublicText(k.Alg(), k.Public())
	alg, raw, err := ParsePublic(text)
	require.NoError(t, err)
	require.Equal(t, k.Public(), raw)
	require.Equal(t, Ed25519, alg)
	for _, bad := range []string{"", "ed25519", text[8:], text + "00", text[:len(text)-2], "ED25519" + text[7:], "ed25519:" + "AB" + text[10:], "rsa" + text[7:], text[:len(text)-1] + "g"} {
		_, _, err := ParsePublic(bad)
		require.ErrorIs(t, err, ErrKey, bad)
	}
	notOnCurve := littleEndian(big.NewInt(2), false)
	require.ErrorContains(t, CheckPublic(Ed25519, notOnCurve), "curve")
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", k, k, k), hex.EncodeToString(k.private.Seed()))
}

func TestSignatureIsBoundAndNotMalleable(t *testing.T) {
	k, d := testKey(t, Operational, 1), digest.Sum([]byte("x"))
	sig, err := Sign(ctx, k, PurposeProof, d, 1000)
	require.NoError(t, err)
	require.NoError(t, sig.Verify(Ed25519, k.Public(), PurposeProof, d))

	for name, change := range map[string]func(*Signature){
		"purpose":   func(s *Signature) { s.Purpose = PurposeHeartbeat },
		"algorithm": func(s *Signature) { s.Alg = "ed25519ph" },
		"key id":    func(s *Signature) { s.KeyID[0] ^= 1 },
		"time":      func(s *Signature) { s.SignedAtUnix++ },
		"short":     func(s *Signature) { s.Sig = s.Sig[:63] },
		"long":      func(s *Signature) { s.Sig = append(s.Sig, 0) },
		"empty":     func(s *Signature) { s.Sig = nil },
		"S plus L": func(s *Signature) {
			le := slices.Clone(s.Sig[32:])
			slices.Reverse(le)
			v := new(big.Int).SetBytes(le)
			copy(s.Sig[32:], littleEndian(v.Add(v, groupOrder), false))
		},
	} {
		s := sig
		s.Sig = slices.Clone(sig.Sig)
		change(&s)
		require.ErrorIs(t, s.Verify(Ed25519, k.Public(), PurposeProof, d), ErrSignature, name)
	}
	for bit := range 512 {
		s := sig
		s.Sig = slices.Clone(sig.Sig)
		s.Sig[bit/8] ^= 1 << (bit % 8)
		require.ErrorIs(t, s.Verify(Ed25519, k.Public(), PurposeProof, d), ErrSignature, bit)
	}
	require.ErrorIs(t, sig.Verify(Ed25519, testKey(t, Operational, 2).Public(), PurposeProof, d), ErrSignature)
	require.ErrorIs(t, sig.Verify(Ed25519, k.Public(), PurposeProof, digest.Sum(nil)), ErrSignature)

	identity := littleEndian(big.NewInt(1), false) // accepted by crypto/ed25519 for every message
	forged := append(slices.Clone(identity), make([]byte, 32)...)
	require.True(t, ed25519.Verify(identity, []byte("any"), forged))
	require.ErrorIs(t, VerifyMessage(Ed25519, identity, []byte("any"), forged), ErrKey)
}

func TestOneKeyOnePurpose(t *testing.T) {
	roles := []Role{Root, Operational, Runner, Device, Log, Payout, Service}
	for purpose, owner := range purposeRole {
		for _, r := range roles {
			_, err := Sign(ctx, testKey(t, r, 9), purpose, digest.Digest{}, 0)
			if r == owner {
				require.NoError(t, err, "%s %s", r, purpose)
				continue
			}
			require.ErrorIs(t, err, ErrRole, "%s %s", r, purpose)
		}
	}
	require.ErrorIs(t, Root.Allows("anything"), ErrRole)
	_, err := ParseRole("admin")
	require.ErrorIs(t, err, ErrRole)
	_, err = NewEd25519("admin", [SeedSize]byte{})
	require.ErrorIs(t, err, ErrRole)
}
