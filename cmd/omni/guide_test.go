package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// TestGuide runs the commands and calls of the provider guide, as they are printed there,
// against a service in a process of its own: one script for each section. The lines lie in
// files of the scripts; what the guide leaves open (<id>, <n>, deadbeef...) is filled in.
func TestGuide(t *testing.T) {
	repo, err := filepath.Abs("../..")
	require.NoError(t, err)
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "engine"), "../engine")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	// The guide says python; a version manager's stand-in would look for itself in HOME.
	if path, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output(); err == nil {
		require.NoError(t, os.Symlink(strings.TrimSpace(string(path)), filepath.Join(bin, "python")))
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/guide",
		Setup: func(env *testscript.Env) error {
			home := env.Getenv("WORK") + "/home"
			for name, value := range map[string]string{"HOME": home, "REPO": repo, "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "",
				"PYTHONPATH": repo, "PYTHONDONTWRITEBYTECODE": "1", "PATH": bin + string(os.PathListSeparator) + env.Getenv("PATH")} {
				env.Setenv(name, value)
			}
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"start": startCommand, "http": httpCommand, "json": jsonCommand, "event": eventCommand},
	})
}

// startCommand runs a program until the script ends, and waits for its first line on stdout,
// one JSON object; its member goes into a variable: start OMNI_ENDPOINT=listen omni aicf serve.
func startCommand(ts *testscript.TestScript, neg bool, args []string) {
	name, member, ok := strings.Cut(args[0], "=")
	if neg || !ok {
		ts.Fatalf("usage: start VARIABLE=MEMBER PROGRAM ARGUMENTS")
	}
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, args[1])); err == nil && path == "" {
			path = filepath.Join(dir, args[1])
		}
	}
	p := exec.Command(path, args[2:]...)
	p.Dir = ts.MkAbs(".")
	for _, v := range []string{"HOME", "PATH", "OMNI_ENDPOINT"} {
		p.Env = append(p.Env, v+"="+ts.Getenv(v))
	}
	var words bytes.Buffer
	p.Stderr = &words
	out, err := p.StdoutPipe()
	ts.Check(err)
	ts.Check(p.Start())
	ts.Defer(func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		_ = p.Wait()
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		_ = p.Wait()
		ts.Fatalf("%s ended without its first line: %s", args[1], words.String())
	}
	var first map[string]string
	ts.Check(json.Unmarshal(lines.Bytes(), &first))
	ts.Setenv(name, first[member])
	go func() { // what follows is not waited for, but must not fill the pipe
		for lines.Scan() {
		}
	}()
}

// httpCommand makes an unsigned call and demands a status; the answer becomes stdout:
// http 200 POST /aicf/heartbeat body.json.
func httpCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http STATUS METHOD PATH [BODY]")
	}
	var body io.Reader
	if len(args) > 3 {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	r, err := http.NewRequest(args[1], ts.Getenv("OMNI_ENDPOINT")+args[2], body)
	ts.Check(err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	a, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer a.Body.Close()
	raw, err := io.ReadAll(a.Body)
	ts.Check(err)
	_, _ = ts.Stdout().Write(raw) // the script's buffer
	if fmt.Sprint(a.StatusCode) != args[0] {
		ts.Fatalf("HTTP %d, want %s: %s", a.StatusCode, args[0], raw)
	}
}

// jsonCommand takes members out of a JSON file: json FILE a.b VARIABLE sets a variable,
// json FILE a.b > OUT writes the value.
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: json FILE PATH VARIABLE | json FILE PATH > OUT")
	}
	var v any
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	d.UseNumber()
	ts.Check(d.Decode(&v))
	for _, name := range strings.Split(args[1], ".") {
		var ok bool
		switch m := v.(type) {
		case map[string]any:
			v, ok = m[name]
		case []any:
			i, err := strconv.Atoi(name)
			if ok = err == nil && i < len(m); ok {
				v = m[i]
			}
		}
		if !ok {
			ts.Fatalf("%s: no member %s", args[0], name)
		}
	}
	if args[2] == ">" {
		raw, err := json.Marshal(v)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[3]), raw, 0o600))
		return
	}
	ts.Setenv(args[2], fmt.Sprint(v))
}

// eventCommand waits until the log has N events of a type: event epoch_settled [N].
func eventCommand(ts *testscript.TestScript, neg bool, args []string) {
	a, err := http.Get(ts.Getenv("OMNI_ENDPOINT") + "/aicf/events?types=" + args[0])
	ts.Check(err)
	defer a.Body.Close()
	want := 1
	if len(args) > 1 {
		_, err := fmt.Sscan(args[1], &want)
		ts.Check(err)
	}
	for lines := bufio.NewScanner(a.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "event: "+args[0]) {
			if want--; want == 0 {
				return
			}
		}
	}
	ts.Fatalf("the log ended before %s", args[0])
}
