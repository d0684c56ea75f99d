package main

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/oci/ocitest"
	"github.com/animicaorg/engine/plugins/embedded"
)

// TestGovernance runs the commands of docs/governance.md, with a web server over
// TLS and a registry, then compares what two nodes hold.
func TestGovernance(t *testing.T) {
	page, err := os.ReadFile("../../docs/governance.md")
	require.NoError(t, err)
	script, refused := governanceScript(t, string(page))
	require.Equal(t, 19, refused, "refusals of the page")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "page.txtar"), []byte(script), 0o600))
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			web := httptest.NewTLSServer(http.FileServer(http.Dir(filepath.Join(env.WorkDir, "site"))))
			registry := httptest.NewServer(ocitest.New("gov/modules"))
			env.Defer(web.Close)
			env.Defer(registry.Close)
			root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
			env.Setenv("SITE", web.URL)
			env.Setenv("SSL_CERT_FILE", filepath.Join(env.WorkDir, "web.pem"))
			env.Setenv("REGISTRY", strings.TrimPrefix(registry.URL, "http://"))
			env.Setenv("HOME", env.WorkDir)
			m, _ := embedded.Lookup("accredit")
			env.Setenv("ACCREDIT", digest.Sum(m.Bytes).String())
			files := map[string][]byte{"web.pem": root, "job.json": []byte(smallJob)}
			for _, m := range embedded.All() {
				files[m.Name+".wasm"] = m.Bytes
			}
			for name, b := range files {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), b, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "answer": answer},
	})
}

// smallJob is a job of three qubits.
const smallJob = `{"job_id":"abababababababababababababababababababababababababababababababab","kind":"quantum","spec":{"circuit_id":"ghz","width":3,"shots":640,"trap_ratio":0.2,"seed":"cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"}}`

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
	b.WriteString(afterPage)
	return b.String(), refused
}

const afterPage = `
exec engine module list --height 400 --data-dir provider --json
answer epoch=4 root_version=2 modules.length=2 modules.1.name=clifford_parity
cp stdout provider.json
exec engine module list --height 400 --data-dir newcomer --json
cmp stdout provider.json

# The answer and the proof name the set; the words too.
exec engine run job.json --out third --module traps=clifford_parity.wasm --data-dir newcomer --json
answer status=completed governance.chain_id=7 governance.epoch=4 governance.height=400 governance.set_digest modules.1.name=clifford_parity
grep '"governance_set": "[0-9a-f]' third/proof.json
exec engine proof verify third/proof.json --bundle third --json
answer valid=true
exec engine run job.json --out fourth --module traps=clifford_parity.wasm --data-dir newcomer
stdout '^governance  chain 7, epoch 4 at height 400, set '
exec engine run job.json --dry-run --module traps=clifford_parity.wasm --data-dir newcomer --json
answer governance.epoch=4
exec engine run job.json --out free --data-dir nobody --json
answer status=completed
! answer governance
! grep governance_set free/proof.json

# Bytes that change in the store are not loaded; a policy cannot add.
code 52 engine module verify accredit.wasm --height 400 --data-dir newcomer --json
answer error.name=Revoked
exec engine module pin --only $ACCREDIT --data-dir newcomer
exec engine module list --height 400 --data-dir newcomer --json
answer modules.length=0
code 52 engine module verify accredit.wasm --height 400 --data-dir newcomer --json
answer error.name=Revoked
code 52 engine run job.json --dry-run --data-dir newcomer --json
answer error.name=Removed error.field=modules.compiler

# What is not a document, not a place, not a root.
code 51 engine module sign accredit.wasm --data-dir m1 --json
answer error.name=Malformed
code 2 engine module pull --from http://example.org --height 1 --data-dir provider --json
answer error.field=--from
code 50 engine module pull --from site --height 1 --data-dir nobody --json
answer error.name=NoRoot
code 50 engine run job.json --dry-run --height 1 --data-dir nobody --json
answer error.name=NoRoot error.field=--height
code 50 engine module key --data-dir nobody --json
answer error.name=NoKey
code 50 engine module pin root2.json --data-dir provider --json
answer error.name=Pinned
code 51 engine module pin root2.json --data-dir other --json
answer error.name=Gap
code 41 engine module pin set1.json --data-dir other --json
answer error.name=WrongDomain

# A root that is pinned and nothing pulled: nothing may run.
exec engine module pin root.json --data-dir early
code 52 engine run job.json --dry-run --data-dir early --json
answer error.name=NotActive
`
