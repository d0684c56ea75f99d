package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/abitest"
)

// TestGuests runs the commands of docs/guests.md and docs/compilers.md on the
// committed examples, and looks at what they answer.
func TestGuests(t *testing.T) {
	var b strings.Builder
	refused := 0
	for _, page := range []string{"guests.md", "compilers.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			command, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "$ ")
			if !ok {
				continue
			}
			if m := expectation.FindStringSubmatch(command); m != nil {
				fmt.Fprintf(&b, "code %s %s --json\nanswer error.name=%s\n", m[2], m[1], m[3])
				refused++
				continue
			}
			fmt.Fprintln(&b, "exec", command)
		}
		fmt.Fprintln(&b, "rm run faked")
	}
	require.Equal(t, 2, refused, "refusals of the pages")
	b.WriteString(`
exec engine module test peephole-c.wasm --json
answer kind=compiler score.failed=0 score.skipped=1 checks.4.skipped=true checks.4.ok=true costs.0.export=qx_compile costs.0.fuel costs.0.memory_pages
code 52 engine module test peephole-c.wasm --vectors swapped.json --json
answer score.failed=1 score.passed=7 error.name=Conformance
code 51 engine module test echo-c.wasm --vectors job.json --json
answer error.field=--vectors
code 2 engine module test echo-c.wasm --vectors nowhere --json
answer error.field=--vectors
exec engine run job.json --module traps=echo-c.wasm --module compiler=peephole-c.wasm --out run --json
answer trap_report.verdict=pass modules.length=2
exec engine proof verify run/proof.json --bundle run --json
answer valid=true
exec engine module inspect echo-c.wasm --json
answer float_policy=none

exec engine module pack echo-c.wasm --activation 1 --expiry 2 --builder 1111111111111111111111111111111111111111111111111111111111111111 --out built.record --json
answer record.kind=traps record.name=echo record.id
code 2 engine module pack echo-c.wasm --activation 1 --expiry 2 --audit 11 --out built.record --json
answer error.field=--audit

# What is no reactor is not linked.
code 52 engine module link echo-c.wasm --out linked.wasm --json
answer error.name=LinkRefused error.field=echo-c.wasm
code 2 engine module link echo-c.wasm --json
answer error.field=--out
code 52 engine module link job.json --out linked.wasm --json
answer error.name=LinkRefused
code 2 engine module link echo-c.wasm --memory lots --out linked.wasm --json
answer error.code=2
`)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "page.txtar"), []byte(b.String()), 0o600))
	testscript.Run(t, testscript.Params{
		Dir:   dir,
		Setup: guestFiles,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"code": code, "answer": answer},
	})
}

// guestFiles puts the examples, their vectors and a job into the directory of a
// script, and vectors that belong to another module.
func guestFiles(env *testscript.Env) error {
	const from = "../../examples/guests"
	files, err := filepath.Glob(filepath.Join(from, "wasm", "*.wasm"))
	if err != nil {
		return err
	}
	for _, path := range append(files, filepath.Join(from, "vectors.json"), filepath.Join(from, "job.json")) {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, filepath.Base(path)), b, 0o600); err != nil {
			return err
		}
	}
	b, err := os.ReadFile(filepath.Join(from, "vectors.json"))
	if err != nil {
		return err
	}
	v, err := abitest.ParseVectors(b)
	if err != nil {
		return err
	}
	v["echo"], v["peephole"] = v["peephole"], v["echo"]
	if b, err = json.Marshal(v); err != nil {
		return err
	}
	env.Setenv("HOME", env.WorkDir)
	return os.WriteFile(filepath.Join(env.WorkDir, "swapped.json"), b, 0o600)
}
