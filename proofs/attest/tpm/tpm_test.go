package tpm

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

// The suite cuts the evidence at each byte. A cut that removes the registers'
// values whole leaves a quote that stands alone, so the first sample has none.
func TestSuite(t *testing.T) {
	attesttest.Run(t, Verifier{}, attesttest.TPM{NoValues: true}.Mint())
	attesttest.Run(t, Verifier{}, attesttest.TPM{NoValues: true, Cert: true}.Mint())
}

func check(q attesttest.TPM) *attest.Verdict {
	s := q.Mint()
	return attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: s.Roots, Key: s.Key}, s.Rules)
}

func set(i int, v byte) func([]byte) []byte {
	return func(b []byte) []byte { b = bytes.Clone(b); b[i] = v; return b }
}

// TestValues cuts the values: only the quote without them stands alone.
func TestValues(t *testing.T) {
	s := attesttest.TPM{}.Mint()
	alone := len(attesttest.TPM{NoValues: true}.Mint().Evidence.Raw)
	p := attest.Params{At: s.At, Key: s.Key}
	v := attest.Check(Verifier{}, s.Evidence, p, attest.Rules{ExpectReportData: s.ReportData[:32]})
	require.True(t, v.Accepted, "%v", v.Refusals)
	require.NotNil(t, v.Result.ExtraValue("sha256_pcr11"))
	for n := range s.Evidence.Raw {
		got := attest.Check(Verifier{}, attest.Evidence{Raw: s.Evidence.Raw[:n]}, p, s.Rules)
		require.Equal(t, n == alone, got.Accepted, n)
	}
}

func TestRefusals(t *testing.T) {
	type Q = attesttest.TPM
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		q    Q
		want attest.Reason
	}{
		"magic":              {Q{Attest: set(0, 0)}, attest.BadFormat},
		"certify structure":  {Q{Attest: set(5, 0x17)}, attest.BadFormat},
		"SHA-1 bank":         {Q{Bank: 4}, attest.BadFormat},
		"no register":        {Q{Bitmap: []byte{0, 0, 0}}, attest.BadFormat},
		"wide selection":     {Q{Bitmap: []byte{1, 0, 0, 0, 0}}, attest.BadFormat},
		"fewer registers":    {Q{Bitmap: []byte{0x11, 0, 0}}, attest.BadFormat},
		"other value":        {Q{Value: 1}, attest.BadMeasurement},
		"long nonce":         {Q{ExtraData: make([]byte, 65)}, attest.BadFormat},
		"scheme":             {Q{Scheme: 0x1a}, attest.BadFormat},
		"scheme of RSA":      {Q{Scheme: algRSASSA, NoValues: true}, attest.BadFormat},
		"clock flag":         {Q{Attest: set(6+2+34+2+64+16, 2)}, attest.BadFormat},
		"small RSA key":      {Q{RSA: weak}, attest.BadChain},
		"bank of other size": {Q{Bank: algSHA384}, attest.BadFormat},
	} {
		t.Run(name, func(t *testing.T) {
			v := check(c.q)
			require.False(t, v.Accepted)
			require.Equal(t, c.want, v.Refusals[0].Reason, "%v", v.Refusals)
		})
	}
}

func TestRSA(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for _, pss := range []bool{false, true} {
		q := attesttest.TPM{RSA: key, PSS: pss, Entropy: rand.Reader}
		require.True(t, check(q).Accepted)
		s := q.Mint()
		s.Evidence.Raw[20] ^= 1
		v := attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At, Key: s.Key}, s.Rules)
		require.Equal(t, attest.BadSignature, v.Refusals[0].Reason)
	}
}

func TestNeedsAKey(t *testing.T) {
	s := attesttest.TPM{}.Mint()
	v := attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At}, s.Rules)
	require.Equal(t, attest.BadChain, v.Refusals[0].Reason)
	other := attesttest.SPKI(&attesttest.Key(elliptic.P256(), "other").PublicKey)
	v = attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At, Key: other}, s.Rules)
	require.Equal(t, attest.BadSignature, v.Refusals[0].Reason)
}

func FuzzParseQuote(f *testing.F) {
	f.Add(attesttest.TPM{}.Mint().Evidence.Raw)
	f.Add(attesttest.TPM{NoValues: true, Scheme: algRSAPSS}.Mint().Evidence.Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := ParseQuote(b)
		if err == nil && (len(q.PCRs) == 0 || len(q.PCRs) > maxBanks*maxPCR || !bytes.HasPrefix(b, q.Attest)) {
			t.Fatal("parsed, and outside the limits")
		}
	})
}
