//go:build services

package oci_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDockerRegistry runs against Debian's docker-registry, on loopback and a port
// that the kernel picks.
func TestDockerRegistry(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: info}\nstorage:\n  filesystem: {rootdirectory: %s}\nhttp: {addr: \"127.0.0.1:0\"}\n", t.TempDir())
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	cmd := exec.CommandContext(t.Context(), "docker-registry", "serve", config)
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait(), "killed")
	}()
	listening := regexp.MustCompile(`listening on (127\.0\.0\.1:[0-9]+)`)
	lines, addr := bufio.NewScanner(out), ""
	for addr == "" && lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			addr = m[1]
		}
	}
	require.NotEmpty(t, addr, "docker-registry did not start")
	go func() {
		for lines.Scan() { // keep its pipe empty
		}
	}()
	exercise(t, addr)
}
