package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/internal/cli"
)

// TestMachineMetrics serves what a provider knows of its machine: the disk, and that the
// certificate of a driver's device does not verify.
func TestMachineMetrics(t *testing.T) {
	e := &program{App: cli.New("engine"), dataDir: t.TempDir()}
	read := func(at string) string {
		r, err := http.Get(at)
		require.NoError(t, err)
		defer r.Body.Close()
		raw, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, r.StatusCode, string(raw))
		return string(raw)
	}
	at, stop, err := e.serveMetrics("127.0.0.1:0", e.dataDir, agent.NewMeter(), http.NotFoundHandler())
	require.NoError(t, err)
	text := read(at)
	require.Regexp(t, `(?m)^engine_disk_free_ratio (0\.\d+|1)$`, text)
	require.NotContains(t, text, "engine_cert_valid")
	require.NoError(t, os.MkdirAll(filepath.Dir(e.certificatePath("acme")), 0o700))
	require.NoError(t, os.WriteFile(e.certificatePath("acme"), []byte("no certificate"), 0o600))
	require.Contains(t, read(at), `engine_cert_valid{driver="acme"} 0`)
	stop()
	_, err = http.Get(at)
	require.Error(t, err)

	_, _, err = e.serveMetrics("no address", e.dataDir, agent.NewMeter(), http.NotFoundHandler())
	var refused *cli.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, cli.Usage, refused.Code)
}
