package sgx

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

// TestForged wants quotes refused whose every signature is right under keys made
// for the purpose: a PCK certificate that signs itself, and a chain whose root
// borrows Intel's name.
func TestForged(t *testing.T) {
	for _, name := range []string{"sgx_forged_selfsigned_pck.bin", "sgx_forged_fake_root.bin"} {
		raw := attesttest.File(t, "testdata/"+name)
		for year := 2019; year < 2049; year += 3 {
			at := time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)
			v := attest.Check(Verifier{}, attest.Evidence{Raw: raw}, attest.Params{At: at}, attest.Rules{AllowTCB: attest.Statuses})
			require.False(t, v.Accepted, name)
			require.Equal(t, attest.BadChain, v.Refusals[0].Reason, name)
			require.Nil(t, v.Result)
		}
	}
}

// TestRealQuote holds a quote of a real platform with Intel's collateral.
func TestRealQuote(t *testing.T) {
	f, ok := attesttest.Real(t, "from-fetch/sgx/sgx_v3_quote.bin", "from-fetch/sgx/sgx_v3_collateral.json", "from-fetch/tdx/tdx_v4_collateral.json")
	if !ok {
		return
	}
	ev := attest.Evidence{Raw: f[0], Collateral: f[1]}
	p := attest.Params{At: time.Date(2025, 6, 20, 0, 0, 0, 0, time.UTC)}
	v := attest.Check(Verifier{}, ev, p, attest.Rules{})
	require.False(t, v.Accepted)
	require.Equal(t, attest.BadTCB, v.Refusals[0].Reason)
	require.Equal(t, attest.ConfigurationAndSWHardeningNeeded, v.Result.TCBStatus)
	require.Equal(t, []string{"INTEL-SA-00289", "INTEL-SA-00615"}, v.Result.Advisories)
	require.Equal(t, "33d8736db756ed4997e04ba358d27833188f1932ff7b1d156904d3f560452fbb", v.Result.Measurement.String())
	want, _ := hex.DecodeString("48656c6c6f2c20776f726c6421" + "00000000000000000000000000000000000000")
	rules := attest.Rules{AllowTCB: []attest.TCBStatus{attest.ConfigurationAndSWHardeningNeeded}, ExpectReportData: want}
	require.True(t, attest.Check(Verifier{}, ev, p, rules).Accepted)
	p.At = p.At.AddDate(3, 0, 0)
	require.Equal(t, attest.BadCollateral, attest.Check(Verifier{}, ev, p, rules).Refusals[0].Reason)
	p.At = p.At.AddDate(-3, 0, 0)
	ev.Collateral = f[2]
	require.Equal(t, attest.BadCollateral, attest.Check(Verifier{}, ev, p, rules).Refusals[0].Reason)
}
