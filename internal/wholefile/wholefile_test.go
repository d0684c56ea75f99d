package wholefile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	for _, text := range []string{"first", "second"} {
		require.NoError(t, Write(path, []byte(text), 0o640))
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(b))
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())

	taken := filepath.Join(dir, "folder")
	require.NoError(t, os.Mkdir(taken, 0o700))
	require.Error(t, Write(taken, []byte("x"), 0o600), "a folder is not written over")
	require.Error(t, Write(filepath.Join(dir, "none", "x"), nil, 0o600))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2, "nothing is left beside")
}
