package sev

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

func TestSuite(t *testing.T) {
	attesttest.Run(t, Verifier{}, attesttest.SEV{}.Mint())
	attesttest.Run(t, Verifier{}, attesttest.SEV{VLEK: true, Product: "Genoa", Version: 5, NoCRL: true}.Mint())
	attesttest.Run(t, Verifier{}, attesttest.SEV{Product: "Turin", Version: 4}.Mint())
}

func check(s attesttest.SEV, rules attest.Rules) *attest.Verdict {
	m := s.Mint()
	return attest.Check(Verifier{}, m.Evidence, attest.Params{At: m.At, Roots: m.Roots}, rules)
}

func set(i int, v byte) func([]byte) []byte {
	return func(b []byte) []byte { b = bytes.Clone(b); b[i] = v; return b }
}

func TestRefusals(t *testing.T) {
	type S = attesttest.SEV
	for name, c := range map[string]struct {
		s    S
		want attest.Reason
	}{
		"debug":                {S{Policy: 0xb0000}, attest.DebugMode},
		"migration":            {S{Policy: 0x70000}, attest.Migratable},
		"policy bit missing":   {S{Policy: 0x10000}, attest.BadFormat},
		"VMPL 2":               {S{VMPL: 2}, attest.BadPolicy},
		"VMPL 4":               {S{VMPL: 4}, attest.BadFormat},
		"leaf under the root":  {S{Direct: true}, attest.BadChain},
		"VCEK by the ASVK":     {S{CrossIssuer: true}, attest.BadChain},
		"leaf is a CA":         {S{LeafCA: true}, attest.BadChain},
		"leaf of other name":   {S{LeafName: "SEV-VCEK2"}, attest.BadChain},
		"other chip":           {S{OtherChip: true}, attest.BadChain},
		"other patch level":    {S{OtherTCB: true}, attest.BadChain},
		"other product":        {S{CertProduct: "Genoa"}, attest.BadChain},
		"unknown product":      {S{CertProduct: "Rome"}, attest.BadChain},
		"VLEK for VCEK":        {S{WrongLeaf: true}, attest.BadChain},
		"VCEK for VLEK":        {S{VLEK: true, WrongLeaf: true}, attest.BadChain},
		"CPUID of Genoa":       {S{Report: set(0x189, 0x11)}, attest.BadChain},
		"revoked":              {S{Revoke: true}, attest.Revoked},
		"version 1":            {S{Version: 1}, attest.BadFormat},
		"version 6":            {S{Version: 6}, attest.BadFormat},
		"algorithm":            {S{Report: set(0x34, 2)}, attest.BadFormat},
		"no signing key":       {S{Report: set(0x48, 7<<2)}, attest.BadFormat},
		"masked":               {S{Report: set(0x48, 2)}, attest.BadFormat},
		"reserved":             {S{Report: set(0x1f8, 1)}, attest.BadFormat},
		"reserved at 4c":       {S{Report: set(0x4c, 1)}, attest.BadFormat},
		"CPUID in version 2":   {S{Version: 2, Report: set(0x188, 1)}, attest.BadFormat},
		"padding of r":         {S{Signed: set(0x2a0+48, 1)}, attest.BadFormat},
		"behind the signature": {S{Signed: set(1183, 1)}, attest.BadFormat},
		"signature":            {S{Signed: set(0x2a0, 0)}, attest.BadSignature},
		"measurement":          {S{Signed: set(0x90, 0)}, attest.BadSignature},
	} {
		t.Run(name, func(t *testing.T) {
			v := check(c.s, attest.Rules{})
			require.False(t, v.Accepted)
			require.Equal(t, c.want, v.Refusals[0].Reason, "%v", v.Refusals)
		})
	}
	v := check(S{VMPL: 1, Version: 2}, attest.Rules{})
	require.True(t, v.Accepted, v.Refusals)
	require.Equal(t, uint64(1), *v.Result.VMPL)
	none := uint64(0)
	p := &attest.Policy{ID: "p", MaxVMPL: &none, Measurements: []attest.AllowedMeasurement{{Kind: attest.SEV, Measurement: attesttest.SEVMeasurement}}}
	require.False(t, check(S{VMPL: 1}, attest.Rules{Policy: p}).Accepted)
	require.True(t, check(S{}, attest.Rules{Policy: p}).Accepted)
	p.MinSVN = []attest.MinSVN{{Kind: attest.SEV, Name: "microcode", Min: 214}}
	require.Equal(t, attest.BadTCB, check(S{}, attest.Rules{Policy: p}).Refusals[0].Reason)
}

// TestLeafAsRoot wants a chain of one certificate refused.
func TestLeafAsRoot(t *testing.T) {
	s := attesttest.SEV{}.Mint()
	certs, err := attest.ParseCerts(s.Evidence.Certs)
	require.NoError(t, err)
	v := attest.Check(Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: &attest.Roots{Certs: certs[:1]}}, s.Rules)
	require.Equal(t, attest.BadChain, v.Refusals[0].Reason)
}

// TestPinnedRoots holds the fingerprints of AMD's root keys.
func TestPinnedRoots(t *testing.T) {
	r := Verifier{}.PinnedRoots()
	got := map[string]string{}
	for _, c := range r.Certs {
		got[c.Subject.CommonName] = hex.EncodeToString(attest.Fingerprint(c))
	}
	require.Equal(t, map[string]string{
		"ARK-Milan": "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
		"ARK-Genoa": "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
		"ARK-Turin": "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a",
	}, got)
	require.Len(t, r.Between, 6)
	for _, c := range r.Between {
		_, err := r.Verify(c, nil, attesttest.Now)
		require.NoError(t, err)
	}
}

// TestDebugSample holds a genuine report of a guest whose policy allows
// debugging: all signatures hold, and it is refused.
func TestDebugSample(t *testing.T) {
	ev := attest.Evidence{Raw: attesttest.File(t, "testdata/milan_v2_report.bin"), Certs: attesttest.File(t, "testdata/milan_v2_vcek.der")}
	p := attest.Params{At: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	v := attest.Check(Verifier{}, ev, p, attest.Rules{})
	require.False(t, v.Accepted)
	require.Equal(t, attest.DebugMode, v.Refusals[0].Reason)
	require.Len(t, v.Refusals, 1)
	require.Equal(t, "ARK-Milan", v.Result.RootName)
	require.Equal(t, []byte{1, 2, 3, 4, 5, 0}, []byte(v.Result.ReportData[:6]))
	for _, year := range []int{2022, 2030} {
		p.At = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		v = attest.Check(Verifier{}, ev, p, attest.Rules{})
		require.Equal(t, attest.BadChain, v.Refusals[0].Reason)
	}
	ev.Certs = nil
	p.At = attesttest.Now
	require.Equal(t, attest.BadChain, attest.Check(Verifier{}, ev, p, attest.Rules{}).Refusals[0].Reason)
}

func TestRealReports(t *testing.T) {
	f, ok := attesttest.Real(t, "from-fetch/snp/milan_v2_report.bin", "from-fetch/snp/milan_v2_vcek.der",
		"from-fetch/snp/milan_v3_vlek_report.bin", "from-fetch/snp/milan_v3_vlek.der")
	if !ok {
		return
	}
	at := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	for i := range 2 {
		v := attest.Check(Verifier{}, attest.Evidence{Raw: f[2*i], Certs: f[2*i+1]}, attest.Params{At: at}, attest.Rules{})
		require.True(t, v.Accepted, "%v", v.Refusals)
		require.Equal(t, uint64(i), *v.Result.VMPL)
	}
	swapped := attest.Check(Verifier{}, attest.Evidence{Raw: f[0], Certs: f[3]}, attest.Params{At: at}, attest.Rules{})
	require.Equal(t, attest.BadChain, swapped.Refusals[0].Reason)
}

func FuzzParseReport(f *testing.F) {
	f.Add(attesttest.SEV{}.Mint().Evidence.Raw)
	f.Add(attesttest.SEV{Version: 2, VLEK: true}.Mint().Evidence.Raw)
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReport(b)
		if err == nil && (len(b) != reportSize || len(r.Signature()) != 96) {
			t.Fatal("parsed, and of another size")
		}
	})
}

// FuzzCertificate reads certificates of hostile form.
func FuzzCertificate(f *testing.F) {
	s := attesttest.SEV{}.Mint()
	f.Add(s.Evidence.Certs)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		certs, err := attest.ParseCerts(b)
		if err != nil {
			return
		}
		var e endorsement
		if e.read(certs[0]) && e.hwid != nil && len(e.hwid) != 64 {
			t.Fatal("chip id of another size")
		}
	})
}
