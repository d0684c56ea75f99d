package keys

import (
	"compress/gzip"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"filippo.io/mldsa"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

// wycheproof is the part of a Wycheproof file that both algorithms share.
type wycheproof struct {
	NumberOfTests int
	TestGroups    []struct {
		PublicKey json.RawMessage // text for ML-DSA, {pk} for Ed25519
		Tests     []struct {
			TcID          int
			Comment       string
			Msg, Ctx, Sig string
			Result        string
			Flags         []string
		}
	}
}

func readWycheproof(t *testing.T, name string) *wycheproof {
	f, err := os.Open("testdata/wycheproof/" + name + ".json.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var w wycheproof
	require.NoError(t, json.NewDecoder(z).Decode(&w))
	return &w
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func TestWycheproofEd25519(t *testing.T) {
	w, n := readWycheproof(t, "ed25519"), 0
	for _, g := range w.TestGroups {
		var key struct{ Pk string }
		require.NoError(t, json.Unmarshal(g.PublicKey, &key))
		for _, c := range g.Tests {
			err := VerifyMessage(Ed25519, unhex(t, key.Pk), unhex(t, c.Msg), unhex(t, c.Sig))
			require.Equal(t, c.Result == "valid", err == nil, "case %d %s: %v", c.TcID, c.Comment, err)
			n++
		}
	}
	require.Equal(t, 151, n)
	require.Equal(t, w.NumberOfTests, n)
}

// TestWycheproofMLDSA65 runs the vectors against the library that the composite
// uses, with the same calls.
func TestWycheproofMLDSA65(t *testing.T) {
	w, n, zero := readWycheproof(t, "mldsa_65_verify"), 0, 0
	for _, g := range w.TestGroups {
		var text string
		require.NoError(t, json.Unmarshal(g.PublicKey, &text))
		public := unhex(t, text)
		key, keyErr := mldsa.NewPublicKey(mldsa.MLDSA65(), public)
		for _, c := range g.Tests {
			ok := keyErr == nil && mldsa.Verify(key, unhex(t, c.Msg), unhex(t, c.Sig), &mldsa.Options{Context: string(unhex(t, c.Ctx))}) == nil
			require.Equal(t, c.Result == "valid", ok, "case %d %s", c.TcID, c.Comment)
			n++
			if slices.Contains(c.Flags, "ZeroPublicKey") && len(public) == mldsaPublic && allZero(public[32:]) {
				zero++
				classic := testKey(t, Operational, 1).Public()
				require.ErrorContains(t, CheckPublic(Composite, append(slices.Clone(public), classic...)), "t1 is zero")
			}
		}
	}
	require.Equal(t, 210, n)
	require.Equal(t, w.NumberOfTests, n)
	t.Logf("%d cases with a zero key, refused at import", zero)
}

func allZero(b []byte) bool { return !slices.ContainsFunc(b, func(x byte) bool { return x != 0 }) }

// TestCompositeVector is the published vector of the draft, with and without
// context, and our key from its seeds.
func TestCompositeVector(t *testing.T) {
	raw, err := os.ReadFile("testdata/composite_mldsa65_ed25519.json")
	require.NoError(t, err)
	var text map[string]string
	require.NoError(t, json.Unmarshal(raw, &text))
	v := map[string][]byte{}
	for _, name := range []string{"m", "ctx", "pk", "sk", "s", "sWithContext"} {
		v[name], err = base64.StdEncoding.DecodeString(text[name])
		require.NoError(t, err)
	}
	require.NoError(t, VerifyMessage(Composite, v["pk"], v["m"], v["s"]))
	require.True(t, verifyComposite(v["pk"], v["m"], v["ctx"], v["sWithContext"]))
	require.ErrorIs(t, VerifyMessage(Composite, v["pk"], v["m"], v["sWithContext"]), ErrSignature, "the context is bound")
	require.False(t, verifyComposite(v["pk"], v["m"], v["ctx"], v["s"]))

	k, err := NewKey(Composite, Operational, v["sk"])
	require.NoError(t, err)
	require.Equal(t, v["pk"], k.Public())
	for range 2 {
		sig, err := k.SignMessage(ctx, v["m"])
		require.NoError(t, err)
		require.NoError(t, VerifyMessage(Composite, v["pk"], v["m"], sig))
	}
}

// TestCompositeNeedsBothHalves replaces, strips and swaps halves.
func TestCompositeNeedsBothHalves(t *testing.T) {
	a, err := NewKey(Composite, Operational, bytesOf(1, compositeSeed))
	require.NoError(t, err)
	b, err := NewKey(Composite, Operational, bytesOf(2, compositeSeed))
	require.NoError(t, err)
	msg := []byte("message")
	good, err := a.SignMessage(ctx, msg)
	require.NoError(t, err)
	other, err := b.SignMessage(ctx, msg)
	require.NoError(t, err)
	m := compositeMessage(msg, nil)
	for name, sig := range map[string][]byte{
		"only Ed25519":       good[mldsaSig:],
		"only ML-DSA":        good[:mldsaSig],
		"halves swapped":     slices.Concat(good[mldsaSig:], good[:mldsaSig]),
		"other's Ed25519":    slices.Concat(good[:mldsaSig], other[mldsaSig:]),
		"other's ML-DSA":     slices.Concat(other[:mldsaSig], good[mldsaSig:]),
		"zero ML-DSA":        slices.Concat(make([]byte, mldsaSig), good[mldsaSig:]),
		"plain Ed25519":      slices.Concat(good[:mldsaSig], ed25519.Sign(a.(*CompositeKey).classic, msg)),
		"trailing byte":      slices.Concat(good, []byte{0}),
		"a bit of ML-DSA":    flip(good, 100),
		"a bit of Ed25519":   flip(good, mldsaSig+10),
		"last bit of ML-DSA": flip(good, mldsaSig-1),
	} {
		require.ErrorIs(t, VerifyMessage(Composite, a.Public(), msg, sig), ErrSignature, name)
	}
	require.True(t, ed25519.Verify(a.Public()[mldsaPublic:], m, good[mldsaSig:]), "the half alone is a signature over M'")

	// The halves of a composite key are no keys of the other suite's purposes:
	// the name of the suite and the key id are in every frame.
	d := digest.Sum(msg)
	sig, err := Sign(ctx, a, PurposeProof, d, 9)
	require.NoError(t, err)
	require.NoError(t, sig.Verify(Composite, a.Public(), PurposeProof, d))
	down := sig
	down.Alg, down.KeyID, down.Sig = Ed25519, KeyID(a.Public()[mldsaPublic:]), sig.Sig[mldsaSig:]
	require.ErrorIs(t, down.Verify(Ed25519, a.Public()[mldsaPublic:], PurposeProof, d), ErrSignature, "no downgrade")

	for name, public := range map[string][]byte{
		"short":       a.Public()[:compositePublic-1],
		"only half":   a.Public()[mldsaPublic:],
		"small order": slices.Concat(a.Public()[:mldsaPublic], littleEndian(fieldOne, false)),
		"zero t1":     slices.Concat(a.Public()[:32], make([]byte, mldsaPublic-32), a.Public()[mldsaPublic:]),
	} {
		require.ErrorIs(t, CheckPublic(Composite, public), ErrKey, name)
	}
	_, err = NewKey(Composite, Operational, make([]byte, 32))
	require.ErrorIs(t, err, ErrKey)
	_, err = NewKey("rsa", Operational, make([]byte, 32))
	require.ErrorIs(t, err, ErrKey)
}

func bytesOf(b byte, n int) []byte { return slices.Repeat([]byte{b}, n) }

func flip(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 1
	return b
}

func BenchmarkComposite(b *testing.B) {
	k, err := NewKey(Composite, Operational, bytesOf(1, compositeSeed))
	if err != nil {
		b.Fatal(err)
	}
	sig, _ := k.SignMessage(ctx, []byte("m"))
	public := k.Public()
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			_, _ = k.SignMessage(ctx, []byte("m"))
		}
	})
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if VerifyMessage(Composite, public, []byte("m"), sig) != nil {
				b.Fatal("refused")
			}
		}
	})
}
