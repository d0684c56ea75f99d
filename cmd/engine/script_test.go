package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/animicaorg/engine/host"
)

func TestMain(m *testing.M) {
	host.MaybeWorker()
	maybeDriver()
	maybeProvider()
	maps.Copy(commands, map[string]func(){"engine": main, "witness": witness})
	testscript.Main(m, commands)
}

// commands are what this program is under other names.
var commands = map[string]func(){}

func TestScripts(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			home := env.Getenv("WORK") + "/home"
			env.Setenv("HOME", home)
			env.Setenv("REPO", repo)
			if engine, err := exec.LookPath("engine"); err == nil {
				env.Setenv("ENGINE", engine)
			}
			env.Setenv("XDG_CONFIG_HOME", "")
			env.Setenv("XDG_DATA_HOME", "")
			env.Setenv("XDG_CACHE_HOME", "")
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "answer": answer, "port": port, "listens": listens, "open-cache": openCache},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("no condition %q", cond)
		},
	})
}

// openCache gives mockqpu, in a configuration file, a cache folder that other
// accounts can reach.
func openCache(ts *testscript.TestScript, _ bool, args []string) {
	dir, err := os.MkdirTemp("/tmp", "engine-cache")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	ts.Check(os.Chmod(dir, 0o711))
	file := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(file, []byte(ts.ReadFile(file)+"    cache: "+dir+"/mockqpu\n"), 0o600))
}

// code runs a program and demands its exit code: code 10 engine run x.json.
// stdout and stderr are then as after exec.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N program args...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		got = fmt.Sprint(exit.ExitCode())
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit %s, want %s\n%s", got, args[0], ts.ReadFile("stderr"))
	}
}

// port finds a free port of the loopback address and writes it for PORT into files:
// port a.yaml b.yaml. $PORT has it too.
func port(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: port FILE...")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, n, err := net.SplitHostPort(l.Addr().String())
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv("PORT", n)
	for _, f := range args {
		ts.Check(os.WriteFile(ts.MkAbs(f), []byte(strings.ReplaceAll(ts.ReadFile(f), "PORT", n)), 0o600))
	}
}

// listens waits until somebody listens at the port that port chose: listens
func listens(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: listens")
	}
	at := net.JoinHostPort("127.0.0.1", ts.Getenv("PORT"))
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) { // between two looks
		c, err := net.Dial("tcp", at)
		if err == nil {
			self := c.LocalAddr().String() == at // the system may choose this very port for the caller
			ts.Check(c.Close())
			if !self {
				return
			}
		}
		if time.Now().After(end) {
			ts.Fatalf("nobody listens at %s: %v", at, err)
		}
	}
}

// answer demands that stdout is exactly one JSON value. Each argument names a
// member by a dotted path, with =TEXT its value too: answer error.code=10 counts.
func answer(ts *testscript.TestScript, neg bool, args []string) {
	dec := json.NewDecoder(bytes.NewReader([]byte(ts.ReadFile("stdout"))))
	dec.UseNumber()
	var root any
	ts.Check(dec.Decode(&root))
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		ts.Fatalf("stdout holds more than one JSON value")
	}
	for _, arg := range args {
		path, want, valued := strings.Cut(arg, "=")
		v, ok := member(root, path)
		if ok == neg {
			ts.Fatalf("member %s: present %v", path, ok)
		}
		if got := fmt.Sprint(v); valued && got != want {
			ts.Fatalf("%s = %s, want %s", path, got, want)
		}
	}
}

func member(v any, path string) (any, bool) {
	for path != "" {
		var key string
		key, path, _ = strings.Cut(path, ".")
		switch t := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = t[key]; !ok {
				return nil, false
			}
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil {
				return len(t), key == "length"
			}
			if i < 0 || i >= len(t) {
				return nil, false
			}
			v = t[i]
		default:
			return nil, false
		}
	}
	return v, true
}
