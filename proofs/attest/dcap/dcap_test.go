package dcap_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
	"github.com/animicaorg/engine/proofs/attest/dcap"
	"github.com/animicaorg/engine/proofs/attest/sgx"
	"github.com/animicaorg/engine/proofs/attest/tdx"
)

func check(d attesttest.DCAP, rules attest.Rules) *attest.Verdict {
	s := d.Mint()
	v := attest.Verifier(sgx.Verifier{})
	if d.TDX {
		v = tdx.Verifier{}
	}
	return attest.Check(v, s.Evidence, attest.Params{At: s.At, Roots: s.Roots}, rules)
}

func TestPinnedRoot(t *testing.T) {
	r := dcap.PinnedRoots()
	require.Len(t, r.Certs, 1)
	require.Equal(t, "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3", hex.EncodeToString(attest.Fingerprint(r.Certs[0])))
}

// set returns an edit of the signed bytes.
func set(i int, v byte) func([]byte) []byte {
	return func(b []byte) []byte { b = bytes.Clone(b); b[i] = v; return b }
}

func replace(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
}

// TestRefusals spoils one thing in evidence whose signatures are all right.
func TestRefusals(t *testing.T) {
	type D = attesttest.DCAP
	for name, c := range map[string]struct {
		d    D
		want attest.Reason
	}{
		"debug enclave":          {D{Debug: true}, attest.DebugMode},
		"debug domain":           {D{TDX: true, Debug: true}, attest.DebugMode},
		"debug quoting enclave":  {D{QEDebug: true}, attest.DebugMode},
		"migratable":             {D{TDX: true, Migratable: true}, attest.Migratable},
		"revoked PCK":            {D{Revoke: "pck"}, attest.Revoked},
		"revoked CA":             {D{Revoke: "ca"}, attest.Revoked},
		"revoked TCB signer":     {D{TDX: true, Revoke: "tcb"}, attest.Revoked},
		"self-signed PCK":        {D{SelfSigned: true}, attest.BadChain},
		"outdated":               {D{Components: 3}, attest.BadTCB},
		"no level":               {D{Components: 1}, attest.BadTCB},
		"no level for a domain":  {D{TDX: true, Components: 1}, attest.BadTCB},
		"hardening":              {D{Status: "SWHardeningNeeded"}, attest.BadTCB},
		"revoked level":          {D{Status: "Revoked"}, attest.BadTCB},
		"outdated QE":            {D{QEStatus: "OutOfDate"}, attest.BadTCB},
		"revoked QE":             {D{TDX: true, QEStatus: "Revoked"}, attest.BadTCB},
		"outdated module":        {D{TDX: true, ModuleStatus: "OutOfDate"}, attest.BadTCB},
		"unknown status":         {D{Status: "Perfect"}, attest.BadCollateral},
		"other FMSPC":            {D{FMSPC: "00906EA10000"}, attest.BadCollateral},
		"other signer":           {D{TCBSigner: "Intel SGX Attestation Report Signing"}, attest.BadCollateral},
		"quote version 2":        {D{Quote: set(0, 2)}, attest.BadFormat},
		"quote version 6":        {D{Quote: set(0, 6)}, attest.BadFormat},
		"other key type":         {D{Quote: set(2, 3)}, attest.BadFormat},
		"other TEE":              {D{Quote: set(4, 1)}, attest.BadFormat},
		"other vendor":           {D{Quote: set(12, 1)}, attest.BadFormat},
		"version 5 body type":    {D{TDX: true, Version: 5, Quote: set(48, 4)}, attest.BadFormat},
		"version 5 body length":  {D{TDX: true, Version: 5, Quote: set(50, 1)}, attest.BadFormat},
		"version 5 SGX in TDX":   {D{TDX: true, Version: 5, Quote: set(48, 1)}, attest.BadFormat},
		"unknown module":         {D{TDX: true, Quote: set(49, 2)}, attest.BadTCB},
		"module too old":         {D{TDX: true, Quote: set(48, 3)}, attest.BadTCB},
		"domain too old":         {D{TDX: true, Quote: set(50, 2)}, attest.BadTCB},
		"module without version": {D{TDX: true, Quote: set(49, 0)}, attest.BadTCB},
		"module of other signer": {D{TDX: true, Quote: set(48+64, 1)}, attest.BadCollateral},
		"module attributes":      {D{TDX: true, Quote: set(48+112, 1)}, attest.BadCollateral},
		"QE of other signer":     {D{QE: set(128, 1)}, attest.BadCollateral},
		"QE of other product":    {D{QE: set(256, 2)}, attest.BadCollateral},
		"QE MISCSELECT":          {D{QE: set(16, 1)}, attest.BadCollateral},
		"QE attributes":          {D{QE: set(48, 0x31)}, attest.BadCollateral},
		"QE too old":             {D{QE: set(258, 7)}, attest.BadTCB},
		"QE binds another key":   {D{QE: set(320, 0)}, attest.BadSignature},
		"QE binds more":          {D{QE: set(352, 1)}, attest.BadSignature},
		"quote signature":        {D{Finished: set(436, 0)}, attest.BadSignature},
		"QE signature":           {D{Finished: set(436+128+384, 0)}, attest.BadSignature},
		"authentication data":    {D{Finished: set(436+128+384+64+2, 0)}, attest.BadSignature},
		"PCK under the root":     {D{Direct: true}, attest.BadChain},
		"copy of other root":     {D{OtherCopy: true}, attest.BadChain},
		"PCK is a CA":            {D{PCKIsCA: true}, attest.BadChain},
		"PCK of other name":      {D{PCKName: "Intel SGX Certificate"}, attest.BadChain},
		"other PCEID":            {D{TCBInfo: replace(`"pceId":"0000"`, `"pceId":"0001"`)}, attest.BadCollateral},
		"PCE too old":            {D{TCBInfo: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`"pcesvn":11`), []byte(`"pcesvn":12`)) }}, attest.BadTCB},
		"long auth data":         {D{Auth: make([]byte, 1025)}, attest.BadFormat},
		"stale TCB info":         {D{TCBInfo: replace(`"nextUpdate":"2025-07`, `"nextUpdate":"2025-05`)}, attest.BadCollateral},
		"future TCB info":        {D{TCBInfo: replace(`"issueDate":"2025`, `"issueDate":"2026`)}, attest.BadCollateral},
		"TCB info version":       {D{TCBInfo: replace(`"version":3`, `"version":2`)}, attest.BadCollateral},
		"TCB info of other TEE":  {D{TCBInfo: replace(`"id":"SGX"`, `"id":"TDX"`)}, attest.BadCollateral},
		"TCB type":               {D{TCBInfo: replace(`"tcbType":0`, `"tcbType":1`)}, attest.BadCollateral},
		"fifteen components":     {D{TCBInfo: replace(`{"svn":2},`, ``)}, attest.BadCollateral},
		"doubled member":         {D{TCBInfo: replace(`"tcbType":0`, `"tcbType":0,"tcbType":0`)}, attest.BadCollateral},
	} {
		t.Run(name, func(t *testing.T) {
			v := check(c.d, attest.Rules{})
			require.False(t, v.Accepted)
			require.Equal(t, c.want, v.Refusals[0].Reason, "%v", v.Refusals)
		})
	}
}

// TestStatus holds how the statuses of the parts combine, and which the caller
// can allow.
func TestStatus(t *testing.T) {
	type D = attesttest.DCAP
	for _, c := range []struct {
		d    D
		want attest.TCBStatus
	}{
		{D{}, attest.UpToDate},
		{D{TDX: true}, attest.UpToDate},
		{D{Status: "SWHardeningNeeded", Advisories: []string{"INTEL-SA-2", "INTEL-SA-1"}}, attest.SWHardeningNeeded},
		{D{Status: "SWHardeningNeeded", QEStatus: "OutOfDate"}, attest.OutOfDate},
		{D{Status: "ConfigurationNeeded", QEStatus: "OutOfDate"}, attest.OutOfDateConfigurationNeeded},
		{D{TDX: true, Status: "ConfigurationAndSWHardeningNeeded", ModuleStatus: "OutOfDate"}, attest.OutOfDateConfigurationNeeded},
		{D{QEStatus: "SWHardeningNeeded"}, attest.SWHardeningNeeded},
		{D{Status: "OutOfDate", QEStatus: "SWHardeningNeeded"}, attest.OutOfDate},
		{D{Components: 4}, attest.OutOfDate},
		{D{Components: 9}, attest.UpToDate},
	} {
		v := check(c.d, attest.Rules{AllowTCB: attest.Statuses})
		require.True(t, v.Accepted, "%+v: %v", c.d, v.Refusals)
		require.Equal(t, c.want, v.Result.TCBStatus, "%+v", c.d)
		require.IsIncreasing(t, append([]string{""}, v.Result.Advisories...))
		outdated := c.want == attest.OutOfDate || c.want == attest.OutOfDateConfigurationNeeded
		require.Equal(t, outdated, !v.Result.OutdatedSince.IsZero(), "%+v", c.d)
	}
}

// TestEdges holds collateral dates against the clock at the second.
func TestEdges(t *testing.T) {
	s := attesttest.DCAP{TDX: true}.Mint()
	at := func(x time.Time) bool {
		return attest.Check(tdx.Verifier{}, s.Evidence, attest.Params{At: x, Roots: s.Roots}, attest.Rules{}).Accepted
	}
	first, last := s.At.Add(-24*time.Hour), s.At.Add(700*time.Hour)
	require.True(t, at(first))
	require.False(t, at(first.Add(-time.Second)))
	require.True(t, at(last))
	require.False(t, at(last.Add(time.Second)))
}

// TestPadding allows zero bytes behind a quote, within the limit, and gives the
// padded quote the same digest.
func TestPadding(t *testing.T) {
	s := attesttest.DCAP{TDX: true}.Mint()
	plain := attest.Check(tdx.Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: s.Roots}, s.Rules)
	for n, ok := range map[int]bool{70: true, 4096: true, 4097: false} {
		ev := s.Evidence
		ev.Raw = append(bytes.Clone(ev.Raw), make([]byte, n)...)
		v := attest.Check(tdx.Verifier{}, ev, attest.Params{At: s.At, Roots: s.Roots}, s.Rules)
		require.Equal(t, ok, v.Accepted, n)
		if ok {
			require.Equal(t, plain.Result.Digest, v.Result.Digest)
		}
	}
}

func TestKindMismatch(t *testing.T) {
	s := attesttest.DCAP{TDX: true}.Mint()
	v := attest.Check(sgx.Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: s.Roots}, s.Rules)
	require.Equal(t, attest.BadFormat, v.Refusals[0].Reason)
}

// TestEditedCollateral changes one digit of what Intel would have signed.
func TestEditedCollateral(t *testing.T) {
	s := attesttest.DCAP{TDX: true}.Mint()
	good := s.Evidence.Collateral
	for _, n := range []string{"18", "17"} { // TCB info, QE identity
		s.Evidence.Collateral = replace(`DataNumber\":`+n, `DataNumber\":19`)(good)
		require.NotEqual(t, good, s.Evidence.Collateral)
		v := attest.Check(tdx.Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: s.Roots}, s.Rules)
		require.False(t, v.Accepted)
		require.ErrorContains(t, v.Refusals[0], "bad signature")
	}
}

func TestNoOtherCertificates(t *testing.T) {
	s := attesttest.DCAP{}.Mint()
	s.Evidence.Certs = attesttest.PEM(attesttest.Root(elliptic.P256(), "x", "x"))
	v := attest.Check(sgx.Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: s.Roots}, s.Rules)
	require.Equal(t, attest.BadChain, v.Refusals[0].Reason)
}

// TestBodyOfAnotherTEE declares an enclave's body as a trust domain's.
func TestBodyOfAnotherTEE(t *testing.T) {
	s := attesttest.DCAP{Version: 5, Quote: set(4, 0x81)}.Mint()
	v := attest.Check(tdx.Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: s.Roots}, s.Rules)
	require.Equal(t, attest.BadFormat, v.Refusals[0].Reason)
}

// TestCollateralOfAnotherRoot mixes collateral of two roots, both trusted: all of
// it, and the TCB info alone, with revocation lists that fit the quote.
func TestCollateralOfAnotherRoot(t *testing.T) {
	s := attesttest.DCAP{}.Mint()
	o := attesttest.DCAP{Label: "x"}.Mint()
	s.Evidence.Collateral = o.Evidence.Collateral
	both := attest.Roots{Certs: append(s.Roots.Certs, o.Roots.Certs...), Where: "both"}
	v := attest.Check(sgx.Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: &both}, s.Rules)
	require.False(t, v.Accepted)

	s = attesttest.DCAP{}.Mint()
	var mine, theirs map[string]string
	require.NoError(t, json.Unmarshal(s.Evidence.Collateral, &mine))
	require.NoError(t, json.Unmarshal(o.Evidence.Collateral, &theirs))
	for _, k := range []string{"tcb_info", "tcb_info_issuer_chain", "tcb_info_signature"} {
		mine[k] = theirs[k]
	}
	mixed, err := json.Marshal(mine)
	require.NoError(t, err)
	s.Evidence.Collateral = mixed
	v = attest.Check(sgx.Verifier{}, s.Evidence, attest.Params{At: s.At, Roots: &both}, s.Rules)
	require.False(t, v.Accepted)
	require.Equal(t, attest.BadChain, v.Refusals[0].Reason)
}

func FuzzParseQuote(f *testing.F) {
	for _, d := range []attesttest.DCAP{{}, {TDX: true}, {TDX: true, Version: 5, TD15: true}} {
		f.Add(d.Mint().Evidence.Raw)
	}
	f.Add([]byte{3, 0, 2, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := dcap.ParseQuote(b)
		if err == nil && (len(q.PCK) == 0 || len(q.Canonical()) != len(q.Signed)+64+384) {
			t.Fatal("parsed, and incomplete")
		}
	})
}

// FuzzVerify spoils collateral; nothing but the minted text may be accepted.
func FuzzVerify(f *testing.F) {
	s := attesttest.DCAP{TDX: true}.Mint()
	f.Add(s.Evidence.Collateral)
	f.Add([]byte(`{"tcb_info":"{}"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		ev := attest.Evidence{Raw: s.Evidence.Raw, Collateral: b}
		v := attest.Check(tdx.Verifier{}, ev, attest.Params{At: s.At, Roots: s.Roots}, attest.Rules{})
		if v.Accepted && v.Result.Collateral == nil {
			t.Fatal("accepted without collateral")
		}
	})
}
