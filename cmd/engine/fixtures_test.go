package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
)

// TestFixtures keeps examples/fixtures equal to what the test provider signs.
func TestFixtures(t *testing.T) {
	ctx := context.Background()
	rootKey, err := testRoot()
	require.NoError(t, err)
	held, err := testProvider()
	require.NoError(t, err)
	id, err := keys.NewIdentity(ctx, rootKey, "test@example.invalid", []string{"quantum"}, testTime)
	require.NoError(t, err)
	vendor, cert, err := testVendorCertificate()
	require.NoError(t, err)
	rawCert, err := json.Marshal(cert)
	require.NoError(t, err)
	b := &keys.Bundle{Identity: id, Algorithms: []string{"ghz"}, Regions: []string{"local"}, Keys: []*keys.KeyStatement{held.Statement},
		Evidence: []keys.Evidence{{Kind: "qpu", Raw: rawCert}}}
	require.NoError(t, b.Sign(ctx, rootKey, testTime))
	files := map[string]any{
		"provider_bundle.json":   b,
		"qpu_provider_cert.json": cert,
		"trap_seed.json":         map[string]digest.Digest{"seed": digest.Sum([]byte("animica engine: fixture seed"))},
		"policy.json":            map[string][]digest.Digest{"denied_keys": {held.ProviderID, held.Operational.KeyID()}},
	}
	dir := filepath.Join("..", "..", "examples", "fixtures")
	for name, v := range files {
		want, err := json.MarshalIndent(v, "", "  ")
		require.NoError(t, err)
		path := filepath.Join(dir, name)
		if *update {
			require.NoError(t, os.WriteFile(path, append(want, '\n'), 0o644))
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want)+"\n", string(got), "run the test with -update")
	}

	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: vendor.Root.Raw})
	path := filepath.Join(dir, "roots", evidence.VendorFolder(testVendor), "root.pem")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, root, 0o644))
	}
	require.Equal(t, string(root), mustRead(t, path), "run the test with -update")
	require.Contains(t, evidence.PublishedRoots(), hex.EncodeToString(attest.Fingerprint(vendor.Root)), "the root is on the deny list")

	src, err := os.ReadFile(filepath.Join(dir, "circuit.qasm"))
	require.NoError(t, err)
	c, _, err := circuit.ParseQASM(src, circuit.Options{})
	require.NoError(t, err)
	h, err := c.Hash()
	require.NoError(t, err)
	_, known := fixtureCircuit(h)
	require.True(t, known, "circuit.qasm (%s) is known by its hash", h)
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(readme), h.String())
	_, err = proofs.ParsePolicy([]byte(mustRead(t, filepath.Join(dir, "policy.json"))))
	require.NoError(t, err)
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}
