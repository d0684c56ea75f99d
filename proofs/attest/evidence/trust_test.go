package evidence_test

import (
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
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

// TestPinnedRootsPage holds the list of roots/README.md against the pinned ones.
func TestPinnedRootsPage(t *testing.T) {
	page, err := os.ReadFile("../../../roots/README.md")
	require.NoError(t, err)
	rows := strings.Count(string(page), "\n| ") - 1 // less the head
	pinned := map[string]bool{}
	for _, v := range evidence.Verifiers() {
		for _, c := range v.PinnedRoots().Certs {
			print := hex.EncodeToString(attest.Fingerprint(c))
			pinned[print] = true
			require.Contains(t, string(page), "| "+c.Subject.CommonName+" | `"+print+"` |")
		}
	}
	require.Len(t, pinned, rows)
}

// TestRegistration judges a bundle's evidence, which no job binds yet.
func TestRegistration(t *testing.T) {
	w := newWorld(t)
	d, _ := device(t, vendorcert.HolderController)
	qpu, err := json.Marshal(&d.Document)
	require.NoError(t, err)
	c, _ := quoted(attesttest.DCAP{})
	tee, err := json.Marshal(map[string]any{"kind": c.Kind, "evidence": c.Raw, "collateral": c.Collateral})
	require.NoError(t, err)
	judge := func(at time.Time, ev ...keys.Evidence) []proofs.EvidenceVerdict {
		list, err := w.a.Registration(ctx, &keys.Bundle{Evidence: ev}, at, false)
		require.NoError(t, err)
		require.Len(t, list, len(ev))
		return list
	}
	got := judge(now, keys.Evidence{Kind: "qpu", Raw: qpu}, keys.Evidence{Kind: "tee", Raw: tee})
	require.True(t, got[0].Accepted && got[1].Accepted, "%+v", got)
	require.Equal(t, proofs.LevelVendorChained, got[0].Level)
	require.Equal(t, proofs.LevelNone, got[1].Level)
	keyless, _ := device(t, vendorcert.HolderNone)
	raw, err := json.Marshal(&keyless.Document)
	require.NoError(t, err)
	require.Equal(t, proofs.LevelVendorAsserted, judge(now, keys.Evidence{Kind: "qpu", Raw: raw})[0].Level)
	for _, bad := range judge(now.AddDate(0, 3, 0), keys.Evidence{Kind: "qpu", Raw: qpu}, keys.Evidence{Kind: "tee", Raw: tee}, keys.Evidence{Kind: "tee", Raw: []byte(`{}`)}, keys.Evidence{Kind: "qpu", Raw: []byte(`[]`)}) {
		require.False(t, bad.Accepted)
		require.NotEmpty(t, bad.Reasons)
	}
	w.a.Published = attest.DenyList{hex.EncodeToString(attest.Fingerprint(mustTrust(t, w).Roots.Certs[0])): "made for tests"}
	require.Equal(t, []string{"denied_key"}, codes(judge(now, keys.Evidence{Kind: "qpu", Raw: qpu})[0]))
	list, err := w.a.Registration(ctx, &keys.Bundle{Evidence: []keys.Evidence{{Kind: "qpu", Raw: qpu}}}, now, true)
	require.NoError(t, err)
	require.True(t, list[0].Accepted)
}

func mustTrust(t *testing.T, w *world) *evidence.Trust {
	tr, err := w.a.Vendor("AcmeQPU")
	require.NoError(t, err)
	return tr
}
