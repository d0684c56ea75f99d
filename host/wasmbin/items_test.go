package wasmbin_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestItems: every test that docs/design/guests-tests.md names exists, and its list
// has forty rows.
func TestItems(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "design", "guests-tests.md"))
	require.NoError(t, err)
	have := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	for _, dir := range []string{"host", "modules", "abi", "plugins", "engine", "cmd", "proofs", "examples"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range function.FindAllSubmatch(b, -1) {
				have[string(m[1])] = true
			}
			return err
		}))
	}
	named := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)\\w+)`").FindAllSubmatch(page, -1)
	require.Greater(t, len(named), 60)
	for _, m := range named {
		require.True(t, have[string(m[1])], "%s", m[1])
	}
	require.Len(t, regexp.MustCompile(`(?m)^\| [0-9]+ \|`).FindAll(page, -1), 40)
}
