package attest_test

import (
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
)

// TestWycheproof holds VerifyRaw, which checks every quote, report and token, against
// the vectors of Project Wycheproof.
func TestWycheproof(t *testing.T) {
	for name, c := range map[string]struct {
		curve elliptic.Curve
		hash  func([]byte) []byte
	}{
		"ecdsa_secp256r1_sha256_p1363": {elliptic.P256(), func(b []byte) []byte { h := sha256.Sum256(b); return h[:] }},
		"ecdsa_secp384r1_sha384_p1363": {elliptic.P384(), func(b []byte) []byte { h := sha512.Sum384(b); return h[:] }},
	} {
		f, err := os.Open(filepath.Join("testdata", "wycheproof", name+".json.gz"))
		require.NoError(t, err)
		defer f.Close()
		z, err := gzip.NewReader(f)
		require.NoError(t, err)
		var doc struct {
			NumberOfTests int
			TestGroups    []struct {
				PublicKey struct{ Uncompressed string }
				Tests     []struct {
					ID      int `json:"tcId"`
					Comment string
					Msg     string
					Sig     string
					Result  string
				}
			}
		}
		require.NoError(t, json.NewDecoder(z).Decode(&doc))
		raw := func(s string) []byte {
			b, err := hex.DecodeString(s)
			require.NoError(t, err)
			return b
		}
		n := 0
		for _, g := range doc.TestGroups {
			key, err := ecdsa.ParseUncompressedPublicKey(c.curve, raw(g.PublicKey.Uncompressed))
			require.NoError(t, err)
			for _, v := range g.Tests {
				n++
				require.Equal(t, v.Result == "valid", attest.VerifyRaw(key, c.hash(raw(v.Msg)), raw(v.Sig)), "%s %d: %s", name, v.ID, v.Comment)
			}
		}
		require.Equal(t, doc.NumberOfTests, n)
		require.Greater(t, n, 250)
	}
}
