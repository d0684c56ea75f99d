package tdx

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

// TestTrailingBytes wants a genuine quote refused that has other than zero bytes
// behind it, and accepted in all but the patch level without them.
func TestTrailingBytes(t *testing.T) {
	raw := attesttest.File(t, "testdata/tdx_v4_prod_quote.dat")
	p := attest.Params{At: time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)}
	all := attest.Rules{AllowTCB: attest.Statuses}
	v := attest.Check(Verifier{}, attest.Evidence{Raw: raw}, p, all)
	require.False(t, v.Accepted)
	require.Equal(t, attest.BadFormat, v.Refusals[0].Reason)
	require.ErrorContains(t, v.Refusals[0], "39 trailing bytes")
	cut := raw[:len(raw)-39]
	require.True(t, attest.Check(Verifier{}, attest.Evidence{Raw: cut}, p, all).Accepted)
	v = attest.Check(Verifier{}, attest.Evidence{Raw: cut}, p, attest.Rules{})
	require.False(t, v.Accepted)
	require.Equal(t, attest.Unknown, v.Result.TCBStatus)
}

func TestRealQuotes(t *testing.T) {
	f, ok := attesttest.Real(t, "from-fetch/tdx/tdx_v4_quote.bin", "from-fetch/tdx/tdx_v4_collateral.json",
		"from-fetch/tdx/tdx_v5_no_matching_tcb_level.bin", "from-fetch/tdx/tdx_v5_no_matching_tcb_level_collateral.json")
	if !ok {
		return
	}
	p := attest.Params{At: time.Date(2025, 6, 20, 0, 0, 0, 0, time.UTC)}
	v := attest.Check(Verifier{}, attest.Evidence{Raw: f[0], Collateral: f[1]}, p, attest.Rules{})
	require.True(t, v.Accepted, v.Refusals)
	require.Equal(t, attest.UpToDate, v.Result.TCBStatus)
	for n := range 4936 {
		got := attest.Check(Verifier{}, attest.Evidence{Raw: f[0][:n], Collateral: f[1]}, p, attest.Rules{})
		require.False(t, got.Accepted, n)
	}
	p.At = time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC)
	v = attest.Check(Verifier{}, attest.Evidence{Raw: f[2], Collateral: f[3]}, p, attest.Rules{AllowTCB: attest.Statuses})
	require.False(t, v.Accepted)
	require.Equal(t, attest.BadTCB, v.Refusals[0].Reason)
	require.ErrorContains(t, v.Refusals[0], "reaches no TCB level")
}
