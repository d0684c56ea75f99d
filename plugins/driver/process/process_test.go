//go:build linux

package process

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	MaybeLaunch()
	if len(os.Args) > 1 {
		if f, ok := programs[os.Args[1]]; ok {
			f()
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// programs are what this binary is when it runs as a driver.
var programs = map[string]func(){
	"probe":  probe,
	"flood":  flood,
	"sleep":  func() { fmt.Println("up"); forever() },
	"deaf":   deaf,
	"host":   hostOfOne,
	"silent": func() { fmt.Fprint(os.Stdout, strings.Repeat("x", 5000)); forever() },
	"child":  childOf,
	"escape": escape,
	"who":    func() { fmt.Println(os.Getuid(), os.Getgid()); forever() },
}

// forever waits for a signal. With select {} a program without cgo would end by itself, for
// its runtime sees that nothing can wake it.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// probe tries what a driver must not be able to do, and says what worked.
func probe() {
	worked := []string{}
	try := func(name string, f func() error) {
		if f() == nil {
			worked = append(worked, name)
		}
	}
	secret, cache := os.Args[2], os.Args[3]
	read := func(path string) func() error { return func() error { _, err := os.ReadFile(path); return err } }
	try("secret file", read(secret))
	try("secret folder", func() error { _, err := os.ReadDir(filepath.Dir(secret)); return err })
	try("parent memory", func() error {
		_, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", os.Getppid()), os.O_RDWR, 0)
		return err
	})
	parent := func(file string) string { return fmt.Sprintf("/proc/%d/%s", os.Getppid(), file) }
	try("parent environment", read(parent("environ")))
	try("parent arguments", read(parent("cmdline")))
	try("parent map", read(parent("maps")))
	try("parent files", func() error { _, err := os.ReadDir(parent("fd")); return err })
	try("parent memory by system call", func() error {
		// Both run the same program, where this variable has the same address.
		got := make([]byte, 8)
		_, err := unix.ProcessVMReadv(os.Getppid(), []unix.Iovec{{Base: &got[0], Len: 8}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&canary)), Len: 8}}, 0)
		if err == nil && [8]byte(got) != canary {
			err = os.ErrInvalid
		}
		return err
	})
	try("trace the parent", func() error { return syscall.PtraceAttach(os.Getppid()) })
	try("seize the parent", func() error {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(os.Getppid()), 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
	try("signal the parent", func() error { return syscall.Kill(os.Getppid(), 0) })
	try("stop the parent", func() error { return syscall.Kill(os.Getppid(), syscall.SIGCONT) })
	try("give a file away", func() error {
		name := filepath.Join(cache, "gift")
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			return err
		}
		return os.Chown(name, 12345, 12345)
	})
	try("raw socket", func() error {
		_, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP)
		return err
	})
	try("write home", func() error { return os.WriteFile(filepath.Join(filepath.Dir(secret), "x"), nil, 0o600) })
	try("write /tmp", func() error { return os.WriteFile("/tmp/engine-driver-probe", nil, 0o600) })
	try("root", func() error { _, err := os.ReadDir("/root"); return err })
	try("password file", read("/etc/shadow"))
	try("environment", func() error {
		if os.Getenv("ENGINE_TEST_SECRET") != "" || os.Getenv("HOME") != "" {
			return nil
		}
		return os.ErrNotExist
	})
	try("change itself", func() error { _, err := os.OpenFile("/proc/self/fd/3", os.O_RDWR, 0); return err })
	var core, files syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_CORE, &core)
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	if core.Cur != 0 || files.Max > 256 {
		worked = append(worked, "limits")
	}
	try("(cache)", func() error { return os.WriteFile(filepath.Join(cache, "mine"), []byte("x"), 0o600) })
	try("(libraries)", func() error { _, err := os.ReadDir("/usr/lib"); return err })
	try("other root", func() error { return syscall.Chroot("/usr") })
	json.NewEncoder(os.Stdout).Encode(worked)
}

// canary is what parent and driver have at one address.
var canary = [8]byte{1, 3, 3, 7, 9, 9, 9, 1}

// escape starts a process in a session of its own, beyond the process group.
func escape() {
	c := exec.Command("/proc/self/exe", "sleep")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println(c.Process.Pid)
	forever()
}

func flood() {
	fmt.Println("up")
	junk := []byte(strings.Repeat("y", 1<<20))
	for range 64 {
		os.Stdout.Write(junk) // no newline ever
	}
	fmt.Fprintln(os.Stderr, "done flooding")
	for i := range 1000 {
		fmt.Fprintln(os.Stderr, "line", i)
	}
}

func deaf() {
	signalIgnore()
	fmt.Println("up")
	forever()
}

// childOf starts a grandchild that would outlive it.
func childOf() {
	c := exec.Command("/proc/self/exe", "sleep")
	if err := c.Start(); err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println(c.Process.Pid)
	forever()
}

// hostOfOne is an engine with one driver: it prints the driver's process id.
func hostOfOne() {
	dir := os.Args[2]
	img, err := Seal(os.Args[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := NewRunner(&Spec{Image: img, Args: []string{"sleep"}, CacheDir: dir}, nil, dir)
	if err == nil {
		err = r.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	line, _ := bufio.NewReader(r.Stdout()).ReadString('\n')
	fmt.Println(r.ID(), line)
	forever()
}

// run starts a program of this binary behind the walls.
func run(t *testing.T, args ...string) *Runner {
	t.Helper()
	return runWith(t, func(*Spec) {}, args...)
}

func runWith(t *testing.T, edit func(*Spec), args ...string) *Runner {
	t.Helper()
	img, err := Seal(os.Args[0])
	require.NoError(t, err)
	t.Cleanup(func() { img.Close() })
	cache := t.TempDir()
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "CACHE", cache)
	}
	spec := &Spec{Image: img, Args: args, CacheDir: cache}
	edit(spec)
	r, err := NewRunner(spec, nil, t.TempDir())
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, r.Kill(context.Background())) })
	go io.Copy(io.Discard, r.Stderr())
	return r
}

func firstLine(t *testing.T, r *Runner) string {
	t.Helper()
	line, err := bufio.NewReader(r.Stdout()).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

func TestWalls(t *testing.T) {
	t.Setenv("ENGINE_TEST_SECRET", "x")
	home := t.TempDir()
	secret := filepath.Join(home, "journal.jsonl")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	require.NoError(t, Hide())
	r := run(t, "probe", secret, "CACHE")
	require.JSONEq(t, `["(cache)","(libraries)"]`, firstLine(t, r))
	l := r.Level()
	require.Positive(t, l.Landlock)
	require.Equal(t, "own group, dies with the engine, no new privileges, no capabilities, limits, landlock", l.String())
	require.Equal(t, "none", Level{}.String())
}

func TestFloodOfStandardOutput(t *testing.T) {
	r := run(t, "flood")
	require.Equal(t, "up", firstLine(t, r))
	<-r.Done()
	require.Equal(t, "exit status 0", r.Exit())
	require.Contains(t, r.Tail(), "line 999")
	require.NotContains(t, r.Tail(), "line 799\n", "200 lines are kept")
}

func TestNoHandshake(t *testing.T) {
	r := run(t, "silent")
	_, err := bufio.NewReader(r.Stdout()).ReadString('\n')
	require.ErrorContains(t, err, "1024 bytes")
}

func TestTerminateThenKill(t *testing.T) {
	r := run(t, "sleep")
	firstLine(t, r)
	require.NoError(t, r.Terminate(t.Context(), make(chan time.Time)))
	require.Equal(t, "signal: terminated", r.Exit())

	r = run(t, "deaf")
	firstLine(t, r)
	now := make(chan time.Time)
	close(now)
	require.NoError(t, r.Terminate(t.Context(), now))
	require.Equal(t, "signal: killed", r.Exit())

	r = run(t, "deaf")
	firstLine(t, r)
	pid, err := strconv.Atoi(r.ID())
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	require.NoError(t, r.Kill(t.Context()), "a stopped process is killed all the same")
}

func TestGrandchildrenGoToo(t *testing.T) {
	r := run(t, "child")
	pid, err := strconv.Atoi(firstLine(t, r))
	require.NoError(t, err)
	require.NoError(t, r.Kill(t.Context()))
	gone(t, pid)
}

// TestDiesWithTheEngine kills an engine the hard way.
func TestDiesWithTheEngine(t *testing.T) {
	host := exec.Command(os.Args[0], "host", t.TempDir())
	out, err := host.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, host.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	id, rest, _ := strings.Cut(line, " ")
	require.Equal(t, "up", strings.TrimSpace(rest))
	pid, err := strconv.Atoi(id)
	require.NoError(t, err)
	require.NoError(t, host.Process.Kill())
	_ = host.Wait()
	gone(t, pid)
}

// gone waits until a process has ended; the test's own deadline bounds it.
func gone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(b), ") Z ")
	}, 20*time.Second, time.Millisecond)
}

func TestSealedImage(t *testing.T) {
	name := filepath.Join(t.TempDir(), "d")
	text := []byte("#!/bin/sh\necho first\n")
	require.NoError(t, os.WriteFile(name, text, 0o700))
	img, err := Seal(name)
	require.NoError(t, err)
	defer img.Close()
	require.Equal(t, sha256.Sum256(text), img.SHA256)
	require.Equal(t, sha3.Sum256(text), img.SHA3)
	_, err = img.f.WriteAt([]byte("x"), 0)
	require.Error(t, err, "nothing writes to it")
	require.Error(t, img.f.Truncate(1))
	require.NoError(t, os.WriteFile(name, []byte("#!/bin/sh\necho second\n"), 0o700))
	r, err := NewRunner(&Spec{Image: img, CacheDir: t.TempDir()}, nil, t.TempDir())
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context()))
	go io.Copy(io.Discard, r.Stderr())
	require.Equal(t, "first", firstLine(t, r), "what was hashed is what runs")
	<-r.Done()
}

// TestSealBytes: a program in memory is the same image as one in a file.
func TestSealBytes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "d")
	program := []byte("#!/bin/sh\nexit 0\n")
	require.NoError(t, os.WriteFile(name, program, 0o700))
	one, err := Seal(name)
	require.NoError(t, err)
	defer one.Close()
	two, err := SealBytes("d", program)
	require.NoError(t, err)
	defer two.Close()
	require.Equal(t, [3]any{one.Size, one.SHA256, one.SHA3}, [3]any{two.Size, two.SHA256, two.SHA3})
}

func TestSealRefuses(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, []byte("x"), 0o600))
	for _, path := range []string{dir, plain, filepath.Join(dir, "none"), "/dev/null"} {
		_, err := Seal(path)
		require.ErrorIs(t, err, ErrImage, path)
	}
}

func TestSpecRefuses(t *testing.T) {
	img, err := Seal(os.Args[0])
	require.NoError(t, err)
	for name, s := range map[string]*Spec{
		"no image": {CacheDir: "/x"}, "relative cache": {Image: img, CacheDir: "x"}, "all of the system": {Image: img, CacheDir: "/x", ReadDirs: []string{"/"}}, "relative": {Image: img, CacheDir: "/x", ReadDirs: []string{"y"}},
	} {
		_, err := NewRunner(s, nil, "/x")
		require.Error(t, err, name)
	}
	require.NoError(t, img.Close())
	_, err = NewRunner(&Spec{Image: img, CacheDir: "/x"}, nil, "/x")
	require.Error(t, err, "a closed image")
}

func TestNotAProgram(t *testing.T) {
	name := filepath.Join(t.TempDir(), "d")
	require.NoError(t, os.WriteFile(name, []byte("\x7fELFnot really"), 0o700))
	img, err := Seal(name)
	require.NoError(t, err)
	defer img.Close()
	r, err := NewRunner(&Spec{Image: img, CacheDir: t.TempDir()}, nil, t.TempDir())
	require.NoError(t, err)
	require.ErrorContains(t, r.Start(t.Context()), "exec format error")
}

func TestSocketsElsewhereAreRefused(t *testing.T) {
	r := &Runner{socketDir: "/run/x"}
	_, addr, err := r.PluginToHost("unix", "/run/x/plugin1")
	require.NoError(t, err)
	require.Equal(t, "/run/x/plugin1", addr)
	for _, a := range [][2]string{{"tcp", "127.0.0.1:1"}, {"unix", "/run/y/plugin"}, {"unix", "/run/x/../y"}, {"unix", "@abstract"}} {
		_, _, err := r.PluginToHost(a[0], a[1])
		require.Error(t, err, a)
	}
}
