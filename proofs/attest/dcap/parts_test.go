package dcap

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

// TestLevelOrder wants the order of levels to be the one of Intel's file.
func TestLevelOrder(t *testing.T) {
	f, ok := attesttest.Real(t, "from-fetch/sgx/sgx_v3_collateral.json", "from-fetch/tdx/tdx_v4_collateral.json")
	if !ok {
		return
	}
	for i, b := range f {
		c, err := parseCollateral(b)
		require.NoError(t, err)
		info, err := parseTCBInfo(c.tcbInfo, i == 1, time.Date(2025, 6, 20, 0, 0, 0, 0, time.UTC))
		require.NoError(t, err)
		var dates []string
		for _, l := range info.levels {
			dates = append(dates, `"tcbDate":"`+l.date.Format(time.RFC3339))
		}
		text := string(c.tcbInfo)
		text = text[strings.Index(text, `"fmspc"`):]
		text = text[strings.LastIndex(text, `"tcbLevels":[{"tcb":{"sgx`):]
		for _, d := range dates {
			at := strings.Index(text, d)
			require.GreaterOrEqual(t, at, 0, "level of %s is out of order", d)
			text = text[at+len(d):]
		}
	}
}

func TestWorseIsSymmetricInRevoked(t *testing.T) {
	for _, s := range attest.Statuses {
		require.Equal(t, attest.RevokedTCB, worse(s, attest.RevokedTCB))
		require.Equal(t, attest.RevokedTCB, worse(attest.RevokedTCB, s))
		require.Equal(t, s, worse(s, attest.UpToDate))
	}
}

func extensionBytes(t testing.TB) []byte {
	q, err := ParseQuote(attesttest.DCAP{}.Mint().Evidence.Raw)
	require.NoError(t, err)
	for _, e := range q.PCK[0].Extensions {
		if e.Id.Equal(oidSGX) {
			return e.Value
		}
	}
	t.Fatal("no extension")
	return nil
}

func TestPlatformExtension(t *testing.T) {
	der := extensionBytes(t)
	p := parsePlatform(der)
	require.NotNil(t, p)
	require.Equal(t, uint64(11), p.PCESVN)
	require.Equal(t, []byte{0xb0, 0xc0, 0x6f, 0, 0, 0}, p.FMSPC)
	for n := range der {
		require.Nil(t, parsePlatform(der[:n]))
	}
	require.Nil(t, parsePlatform(append(der[:len(der):len(der)], 0)))
}

func FuzzPlatformExtension(f *testing.F) {
	f.Add(extensionBytes(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p := parsePlatform(b); p != nil && (len(p.FMSPC) != 6 || len(p.PCEID) != 2 || len(p.CPUSVN) != 16) {
			t.Fatal("incomplete")
		}
	})
}

func FuzzTCBInfo(f *testing.F) {
	c, err := parseCollateral(attesttest.DCAP{TDX: true}.Mint().Evidence.Collateral)
	require.NoError(f, err)
	f.Add(c.tcbInfo, true)
	f.Add(c.qeID, false)
	f.Fuzz(func(t *testing.T, b []byte, tdx bool) {
		if info, err := parseTCBInfo(b, tdx, attesttest.Now); err == nil && len(info.levels) > maxLevels {
			t.Fatal("limit")
		}
		_, _ = parseQEIdentity(b, tdx, attesttest.Now)
	})
}

func FuzzQEIdentity(f *testing.F) {
	c, err := parseCollateral(attesttest.DCAP{TDX: true}.Mint().Evidence.Collateral)
	require.NoError(f, err)
	f.Add(c.qeID, true)
	f.Add([]byte(`{"id":"QE","version":2}`), false)
	f.Fuzz(func(t *testing.T, b []byte, tdx bool) {
		if q, err := parseQEIdentity(b, tdx, attesttest.Now); err == nil && len(q.levels) > maxLevels {
			t.Fatal("limit")
		}
	})
}

// FuzzCollateral reads the outer object alone, and the chains that it carries.
func FuzzCollateral(f *testing.F) {
	f.Add(attesttest.DCAP{}.Mint().Evidence.Collateral)
	f.Add([]byte(`{"tcb_info":"{}","root_ca_crl":"30"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCollateral(b)
		if err != nil {
			return
		}
		if len(c.tcbSig) > 64 || len(c.qeSig) > 64 || len(c.rootCRL)+len(c.pckCRL)+len(c.tcbInfo)+len(c.qeID) > len(b) {
			t.Fatal("more than the object holds")
		}
		_, _ = attest.ParseCerts(c.tcbChain)
		_, _ = attest.ParseCerts(c.qeChain)
	})
}
