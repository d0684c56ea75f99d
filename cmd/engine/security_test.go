package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var namedTest = regexp.MustCompile("`([^`]+)`")

// TestSecurityPage holds the threat table of docs/security.md: rows 1, 2, …
// without a gap, each with tests that exist, and those for which the traps'
// limits are documented say so and name the test that shows them.
func TestSecurityPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/security.md")
	require.NoError(t, err)
	files := map[string]string{}
	n := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		var row int
		if _, err := fmt.Sscanf(cells[0], "| %d", &row); err != nil || len(cells) != 5 {
			continue
		}
		n++
		require.Equal(t, n, row, "rows are numbered")
		defence, tests := cells[3], cells[4]
		refs := namedTest.FindAllStringSubmatch(tests, -1)
		if row == 25 || row == 34 {
			require.Empty(t, refs, "row %d is prose", row)
			require.Contains(t, tests, "*prose*")
			continue
		}
		require.NotEmpty(t, refs, "row %d names no test", row)
		for _, ref := range refs {
			requireTest(t, files, row, ref[1])
		}
		documented := slices.Contains([]int{3, 5, 6}, row)
		require.Equal(t, documented, strings.Contains(defence, "*not detected*"), "row %d", row)
		if documented { // shown as such, and found by the audit where it can be
			require.Contains(t, tests, "traps/zoo/zoo_test.go TestNotDetected", "row %d", row)
			require.Contains(t, tests, "traps/audit_test.go TestAudit", "row %d", row)
		}
	}
	require.GreaterOrEqual(t, n, 40)
}

// requireTest demands that "path TestName" names a test function, or that a
// script exists.
func requireTest(t *testing.T, files map[string]string, row int, ref string) {
	t.Helper()
	path, name, ok := strings.Cut(ref, " ")
	if _, read := files[path]; !read {
		b, err := os.ReadFile(filepath.Join("../..", path))
		require.NoError(t, err, "row %d", row)
		files[path] = string(b)
	}
	if strings.HasSuffix(path, ".txtar") {
		require.False(t, ok, "row %d: %s", row, ref)
		return
	}
	require.Regexp(t, `^(Test|Fuzz)\w+$`, name, "row %d: %s", row, ref)
	require.Contains(t, files[path], "\nfunc "+name+"(t *testing.T) {", "row %d: %s", row, ref)
}
