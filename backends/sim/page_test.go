package sim

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPageOfTests: every test that docs/design/simulator-tests.md names, as
// package:Test or, after such a one, as Test of the same package, exists there.
func TestPageOfTests(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "design", "simulator-tests.md"))
	require.NoError(t, err)
	tests := map[string]string{} // by package: the text of its tests
	n := 0
	for _, line := range strings.Split(string(page), "\n") {
		dir := ""
		for _, m := range regexp.MustCompile("`(?:([a-z_/]+):)?(Test\\w+)`").FindAllStringSubmatch(line, -1) {
			if m[1] != "" {
				dir = m[1]
			}
			require.NotEmpty(t, dir, "the package of %s", m[2])
			if tests[dir] == "" {
				files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dir), "*_test.go"))
				require.NoError(t, err)
				require.NotEmpty(t, files, dir)
				for _, f := range files {
					b, err := os.ReadFile(f)
					require.NoError(t, err)
					tests[dir] += string(b)
				}
			}
			require.Contains(t, tests[dir], "\nfunc "+m[2]+"(", "%s:%s", dir, m[2])
			n++
		}
	}
	require.Greater(t, n, 50)
}
