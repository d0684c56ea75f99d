package nitro

import (
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
	"github.com/animicaorg/engine/proofs/attest/cose"
)

func TestSuite(t *testing.T) { attesttest.Run(t, Verifier{}, attesttest.Nitro{}.Mint()) }

func check(n attesttest.Nitro, rules attest.Rules) *attest.Verdict {
	s := n.Mint()
	return attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: s.Roots}, rules)
}

// edit replaces one member of the document.
func edit(name string, value any) func(string, any) any {
	return func(n string, v any) any {
		if n == name {
			return value
		}
		return v
	}
}

func TestRefusals(t *testing.T) {
	type N = attesttest.Nitro
	many := slices.Repeat([]any{[]byte{1}}, attest.MaxChain+1)
	for name, c := range map[string]struct {
		n    N
		want attest.Reason
	}{
		"PCR0 zero":       {N{ZeroPCR: []int{0}}, attest.DebugMode},
		"PCR1 zero":       {N{ZeroPCR: []int{1}}, attest.DebugMode},
		"PCR2 zero":       {N{ZeroPCR: []int{2}}, attest.DebugMode},
		"no PCR0":         {N{NoPCR: []int{0}}, attest.BadFormat},
		"no PCR2":         {N{NoPCR: []int{2}}, attest.BadFormat},
		"short PCR":       {N{PCRSize: 32}, attest.BadFormat},
		"digest":          {N{Digest: "SHA256"}, attest.BadFormat},
		"future":          {N{Later: 61 * time.Second}, attest.BadTime},
		"before the leaf": {N{Later: -2 * time.Hour}, attest.BadTime},
		"other root":      {N{OtherRoot: true}, attest.BadChain},
		"P-256":           {N{P256: true}, attest.BadChain},
		"leaf is a CA":    {N{LeafCA: true}, attest.BadChain},
		"long user data":  {N{UserData: make([]byte, 1025)}, attest.BadFormat},
		"text user data":  {N{UserData: "R"}, attest.BadFormat},
		"no module":       {N{Edit: edit("module_id", "")}, attest.BadFormat},
		"no time":         {N{Edit: edit("timestamp", 0)}, attest.BadFormat},
		"late time":       {N{Edit: edit("timestamp", 1<<53)}, attest.BadFormat},
		"PCR 32":          {N{Edit: edit("pcrs", []attesttest.Field{{Key: 32, Value: make([]byte, 48)}})}, attest.BadFormat},
		"PCRs no map":     {N{Edit: edit("pcrs", nil)}, attest.BadFormat},
		"no bundle":       {N{Edit: edit("cabundle", []any{})}, attest.BadFormat},
		"long bundle":     {N{Edit: edit("cabundle", many)}, attest.BadFormat},
		"no certificate":  {N{Edit: edit("certificate", []byte{1, 2})}, attest.BadFormat},
		"big certificate": {N{Edit: edit("certificate", make([]byte, 1025))}, attest.BadFormat},
		"long nonce":      {N{Edit: edit("nonce", make([]byte, 1025))}, attest.BadFormat},
	} {
		t.Run(name, func(t *testing.T) {
			v := check(c.n, attest.Rules{})
			require.False(t, v.Accepted)
			require.Equal(t, c.want, v.Refusals[0].Reason, "%v", v.Refusals)
		})
	}
	for name, n := range map[string]N{"PCR3 zero": {ZeroPCR: []int{3, 8}}, "within the skew": {Later: 59 * time.Second}} {
		require.True(t, check(n, attest.Rules{}).Accepted, name)
	}
}

// TestReportData wants R alone accepted as well as R with zeros, and not another.
func TestReportData(t *testing.T) {
	r := attesttest.ReportData[:32]
	rules := attest.Rules{ExpectReportData: r}
	require.True(t, check(attesttest.Nitro{UserData: r}, rules).Accepted)
	require.True(t, check(attesttest.Nitro{}, rules).Accepted)
	require.False(t, check(attesttest.Nitro{UserData: append(slices.Clone(r), 0)}, rules).Accepted)
	require.False(t, check(attesttest.Nitro{UserData: attesttest.Raw{0xf6}}, rules).Accepted)
}

func TestNeedsNothingElse(t *testing.T) {
	s := attesttest.Nitro{}.Mint()
	s.Evidence.Certs = []byte("x")
	v := attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: s.Roots}, s.Rules)
	require.Equal(t, attest.BadCollateral, v.Refusals[0].Reason)
}

func TestPinnedRoot(t *testing.T) {
	r := Verifier{}.PinnedRoots()
	require.Len(t, r.Certs, 1)
	require.Equal(t, "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b", hex.EncodeToString(attest.Fingerprint(r.Certs[0])))
}

func TestRealDocument(t *testing.T) {
	f, ok := attesttest.Real(t, "from-fetch/nitro/nitro_attestation_document.cbor")
	if !ok {
		return
	}
	at := time.Date(2025, 12, 25, 13, 15, 37, 0, time.UTC)
	rules := attest.Rules{ExpectReportData: make([]byte, 64)}
	v := attest.Check(Verifier{}, attest.Evidence{Raw: f[0]}, attest.Params{At: at}, rules)
	require.True(t, v.Accepted, "%v", v.Refusals)
	require.Equal(t, "aws.nitro-enclaves", v.Result.RootName)
	for _, d := range []time.Duration{-time.Hour, 4 * time.Hour} {
		v = attest.Check(Verifier{}, attest.Evidence{Raw: f[0]}, attest.Params{At: at.Add(d)}, rules)
		require.False(t, v.Accepted)
	}
}

func FuzzParseDocument(f *testing.F) {
	m, err := cose.ParseSign1(attesttest.Nitro{}.Mint().Evidence.Raw)
	require.NoError(f, err)
	f.Add(m.Payload)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDocument(b)
		if err == nil && (len(d.PCRs[0]) != 48 || len(d.CABundle) == 0 || len(d.Certificate) == 0) {
			t.Fatal("parsed, and incomplete")
		}
	})
}
