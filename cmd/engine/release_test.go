//go:build !faketee

package main

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs/attest/evidence"
)

// TestNoFakeTEE: a build without the tag has no fake TEE, mints no evidence and knows
// no test root but the fixture's, which it refuses.
func TestNoFakeTEE(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../...").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "proofs/attest/evidence")
	require.NotContains(t, string(out), "proofs/attest/faketee")
	require.NotContains(t, string(out), "proofs/attest/attesttest")
	require.Empty(t, fakeTEEs)
	require.Len(t, evidence.PublishedRoots(), 1)
}
