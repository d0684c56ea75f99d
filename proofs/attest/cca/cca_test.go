package cca

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

func TestSuite(t *testing.T) {
	attesttest.Run(t, Verifier{}, attesttest.CCA{}.Mint())
	attesttest.Run(t, Verifier{}, attesttest.CCA{COSEKey: true, Cert: true}.Mint())
}

func check(c attesttest.CCA, rules attest.Rules) *attest.Verdict {
	s := c.Mint()
	return attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: s.Roots, Key: s.Key}, rules)
}

func TestRefusals(t *testing.T) {
	type C = attesttest.CCA
	set := attesttest.Set
	for name, c := range map[string]struct {
		c    C
		want attest.Reason
	}{
		"not provisioned":     {C{Lifecycle: 0x2000}, attest.DebugMode},
		"debug":               {C{Lifecycle: 0x4000}, attest.DebugMode},
		"behind secured":      {C{Lifecycle: 0x3100}, attest.DebugMode},
		"no lifecycle":        {C{Lifecycle: 0x10000}, attest.BadFormat},
		"other realm key":     {C{OtherKey: true}, attest.BadSignature},
		"certificate of a CA": {C{Cert: true, LeafCA: true}, attest.BadChain},
		"tag":                 {C{Tag: 398}, attest.BadFormat},
		"short challenge":     {C{Realm: set(10, make([]byte, 32))}, attest.BadFormat},
		"short personal":      {C{Realm: set(44235, make([]byte, 63))}, attest.BadFormat},
		"size of measurement": {C{Realm: set(44238, make([]byte, 48))}, attest.BadFormat},
		"hash of measurement": {C{Realm: set(44236, "sha-512")}, attest.BadFormat},
		"three measurements":  {C{Realm: set(44239, []any{[]byte{}, []byte{}, []byte{}})}, attest.BadFormat},
		"key hash":            {C{Realm: set(44240, "md5")}, attest.BadFormat},
		"no key":              {C{Realm: set(44237, []byte{})}, attest.BadFormat},
		"key off the curve":   {C{Realm: set(44237, make([]byte, 97))}, attest.BadFormat},
		"key of another kind": {C{Realm: set(44237, attesttest.CBOR([]attesttest.Field{{Key: 1, Value: 1}}))}, attest.BadFormat},
		"no software":         {C{Platform: set(2399, []any{})}, attest.BadFormat},
		"instance id":         {C{Platform: set(256, make([]byte, 32))}, attest.BadFormat},
		"nonce":               {C{Platform: set(10, make([]byte, 31))}, attest.BadFormat},
	} {
		t.Run(name, func(t *testing.T) {
			v := check(c.c, attest.Rules{})
			require.False(t, v.Accepted)
			require.Equal(t, c.want, v.Refusals[0].Reason, "%v", v.Refusals)
		})
	}
	require.True(t, check(C{Lifecycle: 0x3000}, attest.Rules{}).Accepted)
	require.True(t, check(C{Lifecycle: 0x30ff}, attest.Rules{}).Accepted)
}

// TestTrust wants no key that comes with the evidence believed.
func TestTrust(t *testing.T) {
	s := attesttest.CCA{}.Mint()
	ev := s.Evidence
	for _, p := range []attest.Params{{At: s.At}, {At: s.At, Roots: &attest.Roots{Where: "roots/cca"}}} {
		v := attest.Check(Verifier{}, ev, p, s.Rules)
		require.Equal(t, attest.BadChain, v.Refusals[0].Reason)
	}
	ev.Certs = s.Key
	require.False(t, attest.Check(Verifier{}, ev, attest.Params{At: s.At}, s.Rules).Accepted)
	other := attesttest.CCA{Label: "x"}.Mint()
	v := attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At, Key: other.Key}, s.Rules)
	require.Equal(t, attest.BadSignature, v.Refusals[0].Reason)
}

// TestDemonstrationKey wants the published key refused, also with a certificate.
func TestDemonstrationKey(t *testing.T) {
	require.Len(t, denied, 1)
	const demo = "-----BEGIN PUBLIC KEY-----\n" +
		"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEIShnxS4rlQiwpCCpBWDzlNLfqiG911FP\n" +
		"8akBr+fh94uxHU5m+Kijivp2r2oxxN6MhM4tr8mWQli1P61xh3T0ViDREbF26DGO\n" +
		"EYfbAjWjGNN7pZf+6A4OTHYqEryz6m7U\n-----END PUBLIC KEY-----\n"
	s := attesttest.CCA{}.Mint()
	v := attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At, Key: []byte(demo)}, s.Rules)
	require.Equal(t, attest.DeniedKey, v.Refusals[0].Reason)
	f, ok := attesttest.Real(t, "from-fetch/cca/tfrmm_token.cbor")
	if !ok {
		return
	}
	at := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	v = attest.Check(Verifier{}, attest.Evidence{Raw: f[0]}, attest.Params{At: at, Key: []byte(demo)}, attest.Rules{})
	require.False(t, v.Accepted)
	require.Equal(t, attest.DeniedKey, v.Refusals[0].Reason)
	// Apart from the key, the token of the firmware is right.
	tok, err := ParseToken(f[0])
	require.NoError(t, err)
	require.True(t, tok.Secured())
	require.True(t, tok.boundKey())
	require.NoError(t, tok.Realm.Verify(tok.RealmKey))
}

func FuzzParseToken(f *testing.F) {
	f.Add(attesttest.CCA{}.Mint().Evidence.Raw)
	f.Add(attesttest.CCA{COSEKey: true}.Mint().Evidence.Raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		tok, err := ParseToken(b)
		if err == nil && (tok.RealmKey == nil || len(tok.Challenge) != 64 || len(tok.REM) != 4) {
			t.Fatal("parsed, and incomplete")
		}
	})
}
