package evidence_test

import (
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
)

// folders is a Folder in memory.
func folders(files map[string]map[string][]byte) evidence.Folder {
	return func(name string) (map[string][]byte, string, error) { return files[name], "roots/" + name, nil }
}

func rootPEM(t *testing.T, vendor string) []byte {
	a, err := vendorcert.NewAuthority(vendor, edKey(vendor), now)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root.Raw})
}

func TestVendorTrust(t *testing.T) {
	acme, other := rootPEM(t, "AcmeQPU"), rootPEM(t, "OtherQPU")
	dir := folders(map[string]map[string][]byte{"acmeqpu": {"a.pem": acme, "README": []byte("x"), "l.crl": []byte("crl")},
		"qpu": {"a.pem": acme, "b.pem": other}})
	got, err := evidence.VendorTrust(dir, "AcmeQPU")
	require.NoError(t, err)
	require.Len(t, got.Roots.Certs, 2, "its folder's, and the one of its name in the shared folder")
	require.Equal(t, "roots/acmeqpu and roots/qpu", got.Roots.Where)
	require.Equal(t, [][]byte{[]byte("crl")}, got.CRLs)
	got, err = evidence.VendorTrust(dir, "OtherQPU")
	require.NoError(t, err)
	require.Len(t, got.Roots.Certs, 1)
	require.Equal(t, []string{"OtherQPU"}, got.Roots.Certs[0].Subject.Organization)
	got, err = evidence.VendorTrust(dir, "acmequ")
	require.NoError(t, err)
	require.Empty(t, got.Roots.Certs, "a root in the shared folder counts for its own vendor only")
}

func TestVendorFolder(t *testing.T) {
	for vendor, want := range map[string]string{"AcmeQPU": "acmeqpu", "Animica Test": "animica-test", "../../etc": "------etc", "a/b": "a-b", "Größe": "gr--e", ".": "-", "": "", strings.Repeat("x", 99): strings.Repeat("x", 64)} {
		require.Equal(t, want, evidence.VendorFolder(vendor))
	}
}

func TestTrustLimits(t *testing.T) {
	many := map[string][]byte{}
	for range evidence.MaxTrustFiles + 1 {
		many[strings.Repeat("a", len(many)+1)] = nil
	}
	for name, c := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"many": {many, "more than 64 files"}, "long": {map[string][]byte{"a.pem": make([]byte, attest.MaxCerts+1)}, "more than"},
		"junk": {map[string][]byte{"a.pem": []byte("junk")}, "roots/tdx/a.pem"},
	} {
		_, err := evidence.TEETrust(folders(map[string]map[string][]byte{"tdx": c.files}), attest.TDX)
		require.ErrorContains(t, err, c.want, name)
	}
	down := errors.New("not readable")
	broken := func(string) (map[string][]byte, string, error) { return nil, "", down }
	_, err := evidence.VendorTrust(broken, "x")
	require.ErrorIs(t, err, down)
	list := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: []byte("der")})
	require.Equal(t, []byte("der"), evidence.RevocationList(list))
	require.Equal(t, []byte("der"), evidence.RevocationList([]byte("der")))
}
