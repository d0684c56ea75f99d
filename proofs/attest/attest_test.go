package attest_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

var now = attesttest.Now

// result is a normal form that the zero Rules accept.
func result() *attest.Result {
	return &attest.Result{Kind: attest.SGX, Measurement: bytes.Repeat([]byte{1}, 32), ReportData: attesttest.ReportData, TCBStatus: attest.UpToDate,
		Signer: bytes.Repeat([]byte{9}, 32), Extra: []attest.Named{{Name: "mrsigner", Value: []byte{2}}}, SVNs: []attest.SVN{{Name: "isvsvn", Value: 3}}}
}

func reasons(rules attest.Rules, r *attest.Result, at time.Time) (out []attest.Reason) {
	for _, x := range rules.Judge(r, at) {
		out = append(out, x.Reason)
	}
	return out
}

// TestDebugAndMigrationCannotBeAllowed holds that no rule helps.
func TestDebugAndMigrationCannotBeAllowed(t *testing.T) {
	r := result()
	require.Empty(t, reasons(attest.Rules{}, r, now))
	r.Debug, r.Migration, r.TCBStatus = true, true, attest.RevokedTCB
	p := policy(t, `{"id":"p","version":1,"measurements":[{"kind":"sgx","measurement":"`+strings.Repeat("01", 32)+`"}]}`)
	rules := attest.Rules{AllowTCB: append([]attest.TCBStatus{attest.RevokedTCB}, attest.Statuses...), Policy: p}
	require.Equal(t, []attest.Reason{attest.DebugMode, attest.Migratable, attest.BadTCB}, reasons(rules, r, now))
}

func TestStatuses(t *testing.T) {
	require.NotContains(t, attest.Statuses, attest.RevokedTCB)
	for _, s := range attest.Statuses {
		r := result()
		r.TCBStatus = s
		require.Equal(t, s == attest.UpToDate || s == attest.Unrated, len(reasons(attest.Rules{}, r, now)) == 0, s)
		require.Empty(t, reasons(attest.Rules{AllowTCB: []attest.TCBStatus{s}}, r, now), s)
	}
}

func TestReportData(t *testing.T) {
	r := result()
	want := func(b []byte) bool { return len(reasons(attest.Rules{ExpectReportData: b}, r, now)) == 0 }
	digest := attesttest.ReportData[:32]
	require.True(t, want(digest))
	require.True(t, want(attesttest.ReportData))
	require.False(t, want([]byte{}))
	require.False(t, want(digest[:31]))
	require.False(t, want(bytes.Repeat([]byte{1}, 32)))
	r.ReportData = append(bytes.Clone(digest), bytes.Repeat([]byte{1}, 32)...)
	require.False(t, want(digest), "the second half is not zero")
	require.ErrorContains(t, attest.Rules{ExpectReportData: digest}.Judge(r, now)[0], "second half")
	require.True(t, want(r.ReportData))
	r.ReportData = digest
	require.False(t, want(digest), "a short field of a kind with 64 bytes")
	r.ReportDataFree = true
	require.True(t, want(digest))
}
