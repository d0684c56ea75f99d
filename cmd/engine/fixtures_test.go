package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
)

// TestFixtures keeps examples/fixtures equal to what the test provider signs.
func TestFixtures(t *testing.T) {
	ctx := context.Background()
	root, err := testRoot()
	require.NoError(t, err)
	held, err := testProvider()
	require.NoError(t, err)
	id, err := keys.NewIdentity(ctx, root, "test@example.invalid", []string{"quantum"}, testTime)
	require.NoError(t, err)
	b := &keys.Bundle{Identity: id, Algorithms: []string{"ghz"}, Regions: []string{"local"}, Keys: []*keys.KeyStatement{held.Statement}}
	require.NoError(t, b.Sign(ctx, root, testTime))
	files := map[string]any{
		"provider_bundle.json": b,
		"trap_seed.json":       map[string]digest.Digest{"seed": digest.Sum([]byte("animica engine: fixture seed"))},
		"policy.json":          map[string][]digest.Digest{"denied_keys": {held.ProviderID, held.Operational.KeyID()}},
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
