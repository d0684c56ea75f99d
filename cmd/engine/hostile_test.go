package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/internal/cli"
)

// runHere runs the program in this process with an empty home.
func runHere(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runUntil(t, context.Background(), stdin, args...)
}

func runUntil(t *testing.T, ctx context.Context, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	home := t.TempDir()
	t.Chdir(home) // where qrun would go
	var out, errs bytes.Buffer
	e := &program{App: cli.New("engine")}
	e.In, e.Out, e.Err = strings.NewReader(stdin), &out, &errs
	e.Getenv = func(k string) string { return map[string]string{"HOME": home}[k] }
	code = e.Execute(ctx, e.root(), args)
	return code, out.String(), errs.String()
}

// refusedJSON demands one JSON error on stdout with the exit code and returns it.
func refusedJSON(t *testing.T, code int, stdout string) cli.Body {
	t.Helper()
	var got struct{ Error cli.Body }
	dec := json.NewDecoder(strings.NewReader(stdout))
	require.NoError(t, dec.Decode(&got), "%.300s", stdout)
	_, err := dec.Token()
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, code, int(got.Error.Code))
	require.NotEmpty(t, got.Error.Message)
	require.Less(t, len(stdout), 2000, "an error is short")
	return got.Error
}

const header = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\n"

// hostilePrograms are texts that must end in a clear refusal. field is a part of
// the error's field, text of its message.
var hostilePrograms = []struct {
	name, source string
	code         cli.Code
	field, text  string
}{
	{"empty", "", 10, "-:1:1", ""},
	{"no qubits", header + "bit c;", 10, "-", "qubit"},
	{"binary", "\x00\xff\xfe\x7fELF", 10, "-:1:", ""},
	{"invalid UTF-8 in a name", header + "qubit q\xff;", 10, "-:3:", ""},
	{"unknown gate", header + "qubit q;\nfrobnicate q;", 10, "-:4:1", "frobnicate"},
	{"missing qubit", header + "qubit[2] q;\nx q[2];", 10, "-:4:", ""},
	{"negative index beyond the register", header + "qubit[2] q;\nx q[-3];", 10, "-:4:", ""},
	{"the same qubit twice", header + "qubit[2] q;\ncx q[0], q[0];", 10, "-:4:", ""},
	{"undeclared register", header + "qubit q;\nx r;", 10, "-:4:", "r"},
	{"a million qubits", header + "qubit[1000000] q;", 10, "-:3:", "limit-qubits"},
	{"overflowing register", header + "qubit[99999999999999999999] q;", 10, "-:3:", ""},
	{"negative register", header + "qubit[-1] q;", 10, "-:3:", ""},
	{"too many registers", header + strings.Repeat("qubit[1024] q;\n", 5), 10, "-:4:", ""},
	{"too many bits", header + "qubit q;\nbit[100000] c;", 10, "-:4:", "limit-clbits"},
	{"NaN angle", header + "qubit q;\nrx(0.0/0.0) q;", 10, "-:4:", ""},
	{"infinite angle", header + "qubit q;\nrx(1e308*1e308) q;", 10, "-:4:", ""},
	{"log of a negative number", header + "qubit q;\nrx(log(-1.0)) q;", 10, "-:4:", ""},
	{"division by zero", header + "qubit q;\nx q;\nfor int i in [0:1/0] { x q; }", 10, "-:5:", ""},
	{"gate that calls itself", header + "gate g a { g a; }\nqubit q;\ng q;", 10, "-:", ""},
	{"def that calls itself", header + "def f(qubit a) { f(a); }\nqubit q;\nf(q);", 10, "-:", ""},
	{"gates that double", bomb(40), 10, "-:", "limit-eval-steps"},
	{"loop of 10^9", header + "qubit q;\nfor int i in [0:1000000000] { x q; }", 10, "-:4:", "limit-"},
	{"loops in loops", header + "qubit q;\n" + strings.Repeat("for int i in [0:1000] {", 6) + "x q;" + strings.Repeat("}", 6), 10, "-:", "limit-"},
	{"endless while", header + "qubit q; bit c;\nwhile (true) { x q; }", 10, "-:", ""},
	{"while on a measured bit", header + "qubit q; bit c;\nc = measure q;\nwhile (c) { x q; c = measure q; }", 11, "-:5:", "feature-while"},
	{"deep parentheses", header + "qubit q;\nrx(" + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000) + ") q;", 10, "-:4:", "limit-nesting"},
	{"deep minus signs", header + "qubit q;\nrx(" + strings.Repeat("-", 100_000) + "1) q;", 10, "-:4:", "limit-nesting"},
	{"deep blocks", header + "qubit q;\n" + strings.Repeat("if (true) {", 10_000) + strings.Repeat("}", 10_000), 10, "-:4:", "limit-nesting"},
	{"power tower of modifiers", header + "qubit q;\n" + strings.Repeat("pow(2) @ ", 1000) + "x q;", 10, "-:4:", ""},
	{"huge power", header + "qubit q;\npow(1000000000000) @ h q;", 10, "-:4:", ""},
	{"control beyond the qubits", header + "qubit[2] q;\nctrl(70) @ x q[0], q[1];", 10, "-:4:", ""},
	{"broadcast of different sizes", header + "qubit[2] a; qubit[3] b;\ncx a, b;", 10, "-:4:", ""},
	{"unterminated comment", header + "/* never", 10, "-:3:", ""},
	{"unterminated string", "OPENQASM 3.0;\ninclude \"stdgates", 10, "-:2:", ""},
	{"include of a file", "OPENQASM 3.0;\ninclude \"/etc/passwd\";", 10, "-:2:", "include"},
	{"other version", "OPENQASM 4.7;\nqubit q;", 10, "-:1:", "version"},
	{"extern", header + "extern f(int) -> int;", 11, "-:3:", "feature-extern"},
	{"calibration", header + "defcalgrammar \"openpulse\";", 11, "-:3:", "feature-calibration"},
	{"stretch", header + "stretch a;", 11, "-:3:", "feature-timing"},
	{"16 MiB and a byte", strings.Repeat(" ", maxCircuitBytes+1), 10, "FILE", "bytes"},
	{"million tokens without meaning", strings.Repeat("; ", 1_000_000) + "@", 10, "-:", ""},
}

// bomb is a tower of gates, each of which calls the one before twice.
func bomb(n int) string {
	s := header + "gate g0 a { x a; }\n"
	for i := range n {
		s += fmt.Sprintf("gate g%d a { g%d a; g%d a; }\n", i+1, i, i)
	}
	return s + fmt.Sprintf("qubit q;\ng%d q;\n", n)
}

func TestHostilePrograms(t *testing.T) {
	require.GreaterOrEqual(t, len(hostilePrograms), 40)
	for i, c := range hostilePrograms {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := runHere(t, c.source, "circuit", "show", "-", "--json")
			require.Equal(t, int(c.code), code, "%.300s%.300s", out, errs)
			e := refusedJSON(t, code, out)
			require.Contains(t, e.Field, c.field)
			require.Contains(t, e.Message, c.text)
			if i%3 != 0 {
				return
			}
			words, _, errs := runHere(t, c.source, "circuit", "show", "-")
			require.Equal(t, code, words)
			require.Contains(t, errs, fmt.Sprintf("exit %d)", code))
			require.Less(t, len(errs), 4000)
			require.NotContains(t, errs, "\x00")
		})
	}
}

func TestInputsThatAreNoFiles(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "closed")
	require.NoError(t, os.WriteFile(secret, nil, 0o000))
	for _, path := range []string{dir, filepath.Join(dir, "none"), "", strings.Repeat("x", 5000)} {
		code, out, _ := runHere(t, "", "circuit", "show", path, "--json")
		require.Equal(t, 2, code, path)
		require.Equal(t, "FILE", refusedJSON(t, code, out).Field)
	}
}
