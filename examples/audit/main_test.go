package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAudit makes a bundle with the real command, audits it, and wants each
// changed file to be named.
func TestAudit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	cmd := exec.Command("go", "run", "../../cmd/engine", "run", "../jobs/small.json", "--out", dir, "--json")
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))

	var log bytes.Buffer
	require.NoError(t, audit(dir, &log))
	require.Equal(t, 14, bytes.Count(log.Bytes(), []byte("ok  ")), log.String())

	for file, digest := range map[string]string{"circuit.bin": "circuit_hash", "compiled.bin": "compiled_circuit_hash", "outcomes.bin": "outcomes_root",
		"report.bin": "trap_report_hash", "policy.json": "policy_hash", "counts.json": "histogram G"} {
		path := filepath.Join(dir, file)
		good, err := os.ReadFile(path)
		require.NoError(t, err)
		bad := bytes.Clone(good)
		at := len(bad) - 1
		if file == "counts.json" {
			at = bytes.IndexByte(bad, '1') // a digit
		}
		bad[at] ^= 1
		require.NoError(t, os.WriteFile(path, bad, 0o600))
		require.ErrorContains(t, audit(dir, &log), digest, file)
		require.NoError(t, os.WriteFile(path, good, 0o600))
	}
}
