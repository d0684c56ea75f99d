package qiskit

import (
	"archive/zip"
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestApp: the application is the same every time, begins with its interpreter, and
// is a zip archive that begins with __main__.py.
func TestApp(t *testing.T) {
	one, err := App("/srv/python/bin/python")
	require.NoError(t, err)
	two, err := App("/srv/python/bin/python")
	require.NoError(t, err)
	require.Equal(t, one, two)
	require.True(t, strings.HasPrefix(string(one), "#!/srv/python/bin/python -IB\nPK"))
	z, err := zip.NewReader(bytes.NewReader(one), int64(len(one)))
	require.NoError(t, err)
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	require.Equal(t, "__main__.py", names[0])
	require.Contains(t, names, "engine_driver/serve.py")
	require.Contains(t, names, "engine_qiskit/table.py")
	for _, bad := range []string{"python3", "/a b/python", "/x\ny", "/" + strings.Repeat("x", 240)} {
		_, err := App(bad)
		require.Error(t, err, bad)
	}
}

// TestRequirementsAreLocked: every requirement is one version with hashes.
func TestRequirementsAreLocked(t *testing.T) {
	list := regexp.MustCompile(`(?m)^[a-z0-9-]+==.*(?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?)+$`).FindAllString(string(Requirements), -1)
	require.Greater(t, len(list), 30)
	require.Equal(t, len(list), len(regexp.MustCompile(`(?m)^\S`).FindAllString(string(Requirements), -1)), "a line that is no locked requirement")
}
