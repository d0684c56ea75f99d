package scaffold_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/plugins/driver/drivertest"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/scaffold"
)

func TestMain(m *testing.M) {
	process.MaybeLaunch()
	os.Exit(m.Run())
}

// TestGo builds what it writes and runs the kit on it.
func TestGo(t *testing.T) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = scaffold.Write(dir, "go", "acme")
	require.NoError(t, err)

	// The module's own requirements, and the checkout in the place of a release.
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	_, requires, _ := strings.Cut(string(mod), "\nrequire")
	own, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(own), "module example.com/engine-driver-acme\n")
	text := string(own) + "\nreplace github.com/animicaorg/engine => " + root + "\n\nrequire" + requires
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o644))
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644))

	out := filepath.Join(dir, "engine-driver-acme")
	c := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", out, ".")
	c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	said, err := c.CombinedOutput()
	require.NoError(t, err, string(said))

	img, err := process.Seal(out)
	require.NoError(t, err)
	defer img.Close()
	sockets, err := os.MkdirTemp("", "s")
	require.NoError(t, err)
	defer os.RemoveAll(sockets)
	s, err := drivertest.Run(t.Context(), drivertest.Options{Spec: &process.Spec{Image: img, CacheDir: t.TempDir()}, Sockets: sockets, Now: time.Now, Jobs: 20})
	require.NoError(t, err)
	for _, r := range s.Checks {
		require.NotEqual(t, drivertest.Failed, r.Status, "%s: %s", r.Name, r.Detail)
	}
	require.GreaterOrEqual(t, s.Passed, 95)
}

// TestPython: the template is the example, which scripts/test-python.sh checks.
func TestPython(t *testing.T) {
	dir := t.TempDir()
	files, err := scaffold.Write(dir, "python", "tiny")
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "engine-driver-tiny")}, files)
	got, err := os.ReadFile(files[0])
	require.NoError(t, err)
	want, err := os.ReadFile("../../../examples/drivers/python/engine-driver-tiny")
	require.NoError(t, err)
	require.Equal(t, strings.Replace(string(want), "/usr/bin/python3", dir+"/.venv/bin/python", 1), string(got))
	info, err := os.Stat(files[0])
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o755), info.Mode().Perm())

	_, err = scaffold.Write(dir, "python", "tiny")
	require.ErrorIs(t, err, fs.ErrExist)
}

func TestRefusals(t *testing.T) {
	_, err := scaffold.Write(t.TempDir(), "cobol", "tiny")
	require.ErrorIs(t, err, scaffold.ErrLanguage)
	for _, n := range []string{"", "A", "a b", "-a", strings.Repeat("a", 33), "../a"} {
		_, err := scaffold.Write(t.TempDir(), "go", n)
		require.ErrorIs(t, err, scaffold.ErrName, n)
	}
}
