//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// omniProgram builds the network's program once.
var omniProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "omni")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "omni"), "../omni").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

// TestProviderScripts runs the provider's verbs from outside against a service in a process of
// its own.
func TestProviderScripts(t *testing.T) {
	dir, err := omniProgram()
	require.NoError(t, err)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/provider",
		Setup: func(env *testscript.Env) error {
			home := env.Getenv("WORK") + "/home"
			for k, v := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "PATH": dir + ":" + env.Getenv("PATH")} {
				env.Setenv(k, v)
			}
			env.Values[daemonsKey{}] = daemons{}
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "answer": answer, "start": startDaemon, "end": stopDaemon, "until": until, "notices": notices},
	})
}

// daemons of a script by name.
type (
	daemons    map[string]*daemon
	daemonsKey struct{}
)

type daemon struct {
	*exec.Cmd
	done chan struct{}
	said *lines
}

// lines collects what a process says.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "\n")
}

// startDaemon runs a program beside the script and waits for its first line on stdout, whose
// JSON members become variables: start NAME program args...
func startDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME program args...")
	}
	path := ""
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if p := filepath.Join(dir, args[1]); path == "" {
			if _, err := os.Stat(p); err == nil {
				path = p
			}
		}
	}
	d := &daemon{Cmd: exec.Command(path, args[2:]...), done: make(chan struct{}), said: &lines{}}
	d.Dir = ts.Getenv("WORK")
	for _, k := range []string{"HOME", "PATH", "OMNI_ENDPOINT", "NOTIFY_SOCKET", "WATCHDOG_USEC", "TMPDIR"} {
		if v := ts.Getenv(k); v != "" {
			d.Env = append(d.Env, k+"="+v)
		}
	}
	out, err := d.StdoutPipe()
	ts.Check(err)
	words, err := d.StderrPipe()
	ts.Check(err)
	ts.Check(d.Start())
	ts.Defer(func() { _ = d.Process.Kill(); <-d.done })
	first := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() {
		s := bufio.NewScanner(out)
		for s.Scan() {
			select {
			case first <- s.Text():
			default:
			}
			d.said.add(s.Text())
		}
	})
	reading.Go(func() {
		for s := bufio.NewScanner(words); s.Scan(); {
			d.said.add(s.Text())
		}
	})
	go func() {
		reading.Wait()
		_ = d.Wait()
		close(d.done)
	}()
	select {
	case line := <-first:
		var members map[string]any
		ts.Check(json.Unmarshal([]byte(line), &members))
		for k, v := range members {
			ts.Setenv(k, fmt.Sprint(v))
		}
	case <-d.done:
		ts.Fatalf("%s ended: %s", args[0], d.said)
	case <-time.After(time.Minute):
		ts.Fatalf("%s says nothing: %s", args[0], d.said)
	}
	ts.Value(daemonsKey{}).(daemons)[args[0]] = d
}

// stopDaemon sends a signal, if it is not NONE, and waits for the end with an exit code, which
// is -1 for a process that a signal ended: end NAME TERM|KILL|NONE code
func stopDaemon(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: end NAME SIGNAL code")
	}
	d := ts.Value(daemonsKey{}).(daemons)[args[0]]
	if s := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}[args[1]]; s != 0 {
		ts.Check(d.Process.Signal(s))
	}
	select {
	case <-d.done:
	case <-time.After(time.Minute):
		ts.Fatalf("%s does not end: %s", args[0], d.said)
	}
	if got := fmt.Sprint(d.ProcessState.ExitCode()); got != args[2] {
		ts.Fatalf("%s exits %s: %s", args[0], got, d.said)
	}
}

// until runs a program until its stdout holds a text: until TEXT program args...
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until TEXT program args...")
	}
	for end := time.Now().Add(time.Minute); ; {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && strings.Contains(ts.ReadFile("stdout"), args[0]) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("no %q in %s%s", args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
		}
		time.Sleep(20 * time.Millisecond) // between two questions
	}
}

// notices listens at NOTIFY_SOCKET as a service manager does (notices listen), or waits for a
// line that a daemon told it (notices READY=1).
func notices(ts *testscript.TestScript, neg bool, args []string) {
	key := "notices"
	if args[0] == "listen" {
		dir, err := os.MkdirTemp("/tmp", "nt")
		ts.Check(err)
		ts.Defer(func() { os.RemoveAll(dir) })
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: dir + "/s", Net: "unixgram"})
		ts.Check(err)
		ts.Defer(func() { c.Close() })
		heard := &lines{}
		go func() {
			b := make([]byte, 4096)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				heard.add(string(b[:n]))
			}
		}()
		ts.Setenv("NOTIFY_SOCKET", dir+"/s")
		ts.Value(daemonsKey{}).(daemons)[key] = &daemon{said: heard}
		return
	}
	heard := ts.Value(daemonsKey{}).(daemons)[key].said
	for end := time.Now().Add(time.Minute); !strings.Contains("\n"+heard.String()+"\n", "\n"+args[0]+"\n"); {
		if time.Now().After(end) {
			ts.Fatalf("no notice %s in %q", args[0], heard)
		}
		time.Sleep(5 * time.Millisecond) // between two looks
	}
}
