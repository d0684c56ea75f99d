package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/plugins/embedded"
)

// TestGovernance runs the commands of docs/governance.md, then compares what two
// nodes hold.
func TestGovernance(t *testing.T) {
	page, err := os.ReadFile("../../docs/governance.md")
	require.NoError(t, err)
	script, refused := governanceScript(t, string(page))
	require.Equal(t, 10, refused, "refusals of the page")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "page.txtar"), []byte(script), 0o600))
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			for _, m := range embedded.All() {
				if err := os.WriteFile(filepath.Join(env.WorkDir, m.Name+".wasm"), m.Bytes, 0o600); err != nil {
					return err
				}
			}
			m, _ := embedded.Lookup("accredit")
			env.Setenv("ACCREDIT", digest.Sum(m.Bytes).String())
			env.Setenv("HOME", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "answer": answer},
	})
}

var expectation = regexp.MustCompile(`^(.*?)\s+# exit ([0-9]+) ([A-Za-z]+)$`)

// governanceScript makes a script of the page's console blocks.
func governanceScript(t *testing.T, page string) (script string, refused int) {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(page) {
		command, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "$ ")
		switch {
		case !ok:
		case strings.HasPrefix(command, "cp -r "):
			fmt.Fprintln(&b, "exec", command)
		default:
			if m := expectation.FindStringSubmatch(command); m != nil {
				fmt.Fprintf(&b, "code %s %s --json\nanswer error.name=%s\n", m[2], m[1], m[3])
				refused++
			} else {
				fmt.Fprintln(&b, "exec", command)
			}
		}
	}
	b.WriteString(`
exec engine module list --height 350 --data-dir provider --json
answer epoch=3 root_version=2 modules.length=1 modules.0.name=layered
cp stdout provider.json
exec engine module list --height 350 --data-dir newcomer --json
cmp stdout provider.json

# Bytes that change in the store are not loaded; a policy cannot add.
code 52 engine module verify accredit.wasm --height 350 --data-dir newcomer --json
answer error.name=Revoked
exec engine module pin --only $ACCREDIT --data-dir newcomer
exec engine module list --height 350 --data-dir newcomer --json
answer modules.length=0
code 52 engine module verify accredit.wasm --height 350 --data-dir newcomer --json
answer error.name=Revoked

# What is not a document, not a place, not a root.
code 51 engine module sign accredit.wasm --data-dir m1 --json
answer error.name=Malformed
code 2 engine module pull --from http://example.org --height 1 --data-dir provider --json
answer error.field=--from
code 50 engine module pull --from site --height 1 --data-dir nobody --json
answer error.name=NoRoot
code 50 engine module key --data-dir nobody --json
answer error.name=NoKey
code 50 engine module pin root2.json --data-dir provider --json
answer error.name=Pinned
code 51 engine module pin root2.json --data-dir other --json
answer error.name=Gap
code 41 engine module pin set1.json --data-dir other --json
answer error.name=WrongDomain
`)
	return b.String(), refused
}
