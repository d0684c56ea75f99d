package attest_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
)

func policy(t *testing.T, doc string) *attest.Policy {
	t.Helper()
	p, err := attest.ParsePolicy([]byte(doc))
	require.NoError(t, err)
	return p
}

const full = `{"id":"runner","version":3,"not_before":"2025-01-01T00:00:00Z","not_after":"2026-01-01T00:00:00Z",
"measurements":[{"kind":"sgx","measurement":"MM","extra":[{"name":"mrsigner","value":"02"}],"not_before":"2025-05-01T00:00:00Z","not_after":"2025-07-01T00:00:00Z","name":"build 7"}],
"tcb":[{"kind":"sgx","status":"SWHardeningNeeded","advisories":["INTEL-SA-1"]},{"status":"OutOfDate","grace_days":30,"advisories":[]}],
"min_svn":[{"kind":"sgx","name":"isvsvn","min":3}],"max_vmpl":0,"denied_keys":["KK"]}`

func fullPolicy() string {
	return strings.NewReplacer("MM", strings.Repeat("01", 32), "KK", strings.Repeat("0a", 32)).Replace(full)
}

func TestPolicy(t *testing.T) {
	rules := attest.Rules{Policy: policy(t, fullPolicy())}
	date := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		require.NoError(t, err)
		return at
	}
	for name, c := range map[string]struct {
		edit func(*attest.Result)
		at   time.Time
		want []attest.Reason
	}{
		"good":              {nil, now, nil},
		"first moment":      {nil, date("2025-05-01"), nil},
		"before the window": {nil, date("2025-05-01").Add(-time.Second), []attest.Reason{attest.BadMeasurement}},
		"at its end":        {nil, date("2025-07-01"), []attest.Reason{attest.BadMeasurement}},
		"policy not yet":    {nil, date("2024-12-31"), []attest.Reason{attest.BadPolicy, attest.BadMeasurement}},
		"policy over":       {nil, date("2026-01-01"), []attest.Reason{attest.BadPolicy, attest.BadMeasurement}},
		"other measurement": {func(r *attest.Result) { r.Measurement = []byte{1} }, now, []attest.Reason{attest.BadMeasurement}},
		"other kind":        {func(r *attest.Result) { r.Kind = attest.TDX }, now, []attest.Reason{attest.BadMeasurement}},
		"other extra":       {func(r *attest.Result) { r.Extra[0].Value = []byte{3} }, now, []attest.Reason{attest.BadMeasurement}},
		"no extra":          {func(r *attest.Result) { r.Extra = nil }, now, []attest.Reason{attest.BadMeasurement}},
		"old component":     {func(r *attest.Result) { r.SVNs[0].Value = 2 }, now, []attest.Reason{attest.BadTCB}},
		"no component":      {func(r *attest.Result) { r.SVNs = nil }, now, []attest.Reason{attest.BadTCB}},
		"denied key":        {func(r *attest.Result) { r.Signer = bytes.Repeat([]byte{10}, 32) }, now, []attest.Reason{attest.DeniedKey}},
		"denied root":       {func(r *attest.Result) { r.Root = bytes.Repeat([]byte{10}, 32) }, now, []attest.Reason{attest.DeniedKey}},
		"hardening": {func(r *attest.Result) {
			r.TCBStatus, r.Advisories = attest.SWHardeningNeeded, []string{"INTEL-SA-1"}
		}, now, nil},
		"hardening, new advisory": {func(r *attest.Result) {
			r.TCBStatus, r.Advisories = attest.SWHardeningNeeded, []string{"INTEL-SA-1", "INTEL-SA-2"}
		}, now, []attest.Reason{attest.BadTCB}},
		"outdated in grace": {func(r *attest.Result) {
			r.TCBStatus, r.OutdatedSince = attest.OutOfDate, now.AddDate(0, 0, -30).Add(time.Second)
		}, now, nil},
		"outdated for too long": {func(r *attest.Result) {
			r.TCBStatus, r.OutdatedSince = attest.OutOfDate, now.AddDate(0, 0, -30)
		}, now, []attest.Reason{attest.BadTCB}},
		"outdated, no date":    {func(r *attest.Result) { r.TCBStatus = attest.OutOfDate }, now, []attest.Reason{attest.BadTCB}},
		"configuration needed": {func(r *attest.Result) { r.TCBStatus = attest.ConfigurationNeeded }, now, []attest.Reason{attest.BadTCB}},
		"privilege level":      {func(r *attest.Result) { v := uint64(1); r.VMPL = &v }, now, []attest.Reason{attest.BadPolicy}},
	} {
		t.Run(name, func(t *testing.T) {
			r := result()
			if c.edit != nil {
				c.edit(r)
			}
			require.Equal(t, c.want, reasons(rules, r, c.at))
		})
	}
	p := policy(t, strings.Replace(fullPolicy(), `"max_vmpl":0`, `"min_tcb_evaluation":17`, 1))
	r := result()
	require.Equal(t, []attest.Reason{attest.BadCollateral}, reasons(attest.Rules{Policy: p}, r, now))
	r.Kind, p.Measurements[0].Kind = attest.SEV, attest.SEV
	require.Empty(t, reasons(attest.Rules{Policy: p}, r, now), "the number is Intel's")
	r.Kind, p.Measurements[0].Kind = attest.SGX, attest.SGX
	r.Collateral = &attest.Dates{Evaluation: 17}
	require.Empty(t, reasons(attest.Rules{Policy: p}, r, now))
	p = policy(t, `{"id":"none","version":1,"measurements":[]}`)
	require.Equal(t, []attest.Reason{attest.BadMeasurement}, reasons(attest.Rules{Policy: p}, r, now))
}

func TestPolicyRefusals(t *testing.T) {
	for name, edit := range map[string][2]string{
		"no id":               {`"id":"runner",`, ``},
		"version 0":           {`"version":3`, `"version":0`},
		"unknown member":      {`"max_vmpl"`, `"max_vpml"`},
		"VMPL 4":              {`"max_vmpl":0`, `"max_vmpl":4`},
		"unknown kind":        {`"kind":"sgx","measurement"`, `"kind":"SGX","measurement"`},
		"empty measurement":   {strings.Repeat("01", 32), ``},
		"upper case":          {`"value":"02"`, `"value":"0A"`},
		"no time":             {`2025-01-01T00:00:00Z`, `2025-01-01`},
		"revoked allowed":     {`"status":"SWHardeningNeeded"`, `"status":"Revoked"`},
		"grace of 31 days":    {`"grace_days":30`, `"grace_days":31`},
		"grace of 0 days":     {`"grace_days":30`, `"grace_days":0`},
		"no grace":            {`"grace_days":30,`, ``},
		"grace for hardening": {`"status":"SWHardeningNeeded"`, `"status":"SWHardeningNeeded","grace_days":3`},
		"doubled member":      {`"version":3`, `"version":3,"version":4`},
		"null measurements":   {`"denied_keys"`, `"measurement":null,"denied_keys"`},
		"behind the document": {`"version":3`, `"version":3}{`},
	} {
		doc := strings.Replace(fullPolicy(), edit[0], edit[1], 1)
		require.NotEqual(t, fullPolicy(), doc, name)
		_, err := attest.ParsePolicy([]byte(doc))
		require.Error(t, err, name)
	}
	_, err := attest.ParsePolicy(make([]byte, attest.MaxPolicy+1))
	require.ErrorContains(t, err, "limit")
}

func signer(t *testing.T, b byte) *keys.Ed25519Key {
	k, err := keys.NewEd25519(keys.Root, [keys.SeedSize]byte{b})
	require.NoError(t, err)
	return k
}

func TestSignedPolicy(t *testing.T) {
	k := signer(t, 1)
	name := keys.PublicText(k.Alg(), k.Public())
	signed, err := attest.SignPolicy(context.Background(), k, []byte(fullPolicy()), 1_750_000_000)
	require.NoError(t, err)
	p, err := attest.ParsePolicy(signed, name)
	require.NoError(t, err)
	require.Equal(t, name, p.Signer)
	bare := policy(t, fullPolicy())
	require.Equal(t, bare.Hash, p.Hash, "the hash does not depend on the wrapping")
	require.Empty(t, bare.Signer)

	_, err = attest.ParsePolicy([]byte(fullPolicy()), name)
	require.ErrorContains(t, err, "not signed")
	other := signer(t, 2)
	_, err = attest.ParsePolicy(signed, keys.PublicText(other.Alg(), other.Public()))
	require.ErrorContains(t, err, "not trusted")
	for name, edit := range map[string][2]string{
		"body":       {`"version":3`, `"version":4`},
		"white":      {`"version":3`, `"version": 3`},
		"time":       {`1750000000`, `1750000001`},
		"key":        {hex.EncodeToString(k.Public()), hex.EncodeToString(other.Public())},
		"key format": {`"public":"ed25519:`, `"public":"rsa:`},
	} {
		bad := strings.Replace(string(signed), edit[0], edit[1], 1)
		require.NotEqual(t, string(signed), bad)
		_, err := attest.ParsePolicy([]byte(bad))
		require.ErrorContains(t, err, "policy signature", name)
	}
	_, err = attest.SignPolicy(context.Background(), k, []byte(`{"id":"x"}`), 1)
	require.Error(t, err)
	i := bytes.Index(signed, []byte(`,"signature"`))
	_, err = attest.ParsePolicy(append(bytes.Clone(signed[:i]), '}'))
	require.ErrorContains(t, err, "signature", "a wrapper without a signature")
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(fullPolicy()))
	f.Add([]byte(`{"policy":{"id":"x","version":1,"measurements":[]},"signature":{"public":"ed25519:00","signed_at":1,"sig":"00"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := attest.ParsePolicy(b)
		if err == nil && (p.Version == 0 || p.Hash.IsZero()) {
			t.Fatal("parsed, and incomplete")
		}
	})
}
