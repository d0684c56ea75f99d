//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/vendors/mockqpu"
)

func init() { commands["thief"], commands["thief-at-large"] = thief, thiefAtLarge }

// thief is a driver that works, and on the way tries to read and change what is not
// its own: this program under the name thief.
func thief() { driver.Serve(&thiefDriver{mockqpu.New(time.Now)}) }

// honest is the driver beneath, under a name that leaves its method Device free.
type honest = mockqpu.Device

type thiefDriver struct{ *honest }

// Configure tells the driver where it is, and so where the rest is.
func (d *thiefDriver) Configure(ctx context.Context, c *driver.Config) ([]string, error) {
	loot, err := json.Marshal(steal(c.CacheDir, true))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(c.CacheDir, "loot.json"), loot, 0o600); err != nil {
		return nil, err
	}
	return d.honest.Configure(ctx, c)
}

// spoils is what lies around a driver's cache folder.
func spoils(cache string) map[string]string {
	dir := filepath.Dir(cache)              // drivers/thief
	data := filepath.Dir(filepath.Dir(dir)) // the data directory
	return map[string]string{
		"journal": filepath.Join(data, "journal.jsonl"), "operational key": filepath.Join(data, "keys", "operational.key"), "root key": filepath.Join(data, "keys", "root.key"),
		"submissions": filepath.Join(dir, "submissions.log"), "job": filepath.Join(data, "..", "job.json"), "configuration": filepath.Join(data, "..", "engine.yaml"),
		"another driver's cache": filepath.Join(data, "drivers", "other", "cache", "device.key"), "another run's bundle": filepath.Join(data, "..", "out", "lease.json"),
	}
}

// held is at one address in engine and driver, which here are one program.
var held = [8]byte{7, 5, 3, 1, 1, 3, 5, 7}

// steal returns the names of what worked. trace also stops the engine, which is
// for thieves that cannot.
func steal(cache string, trace bool) []string {
	loot := []string{}
	try := func(name string, f func() error) {
		if f() == nil {
			loot = append(loot, name)
		}
	}
	for name, path := range spoils(cache) {
		try(name, func() error { _, err := os.ReadFile(path); return err })
		try("write "+name, func() error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err == nil {
				f.Close()
			}
			return err
		})
		try("remove "+name, func() error { return os.Rename(path, path) })
	}
	engine := os.Getppid()
	for _, file := range []string{"mem", "environ", "maps", "cmdline", "auxv"} {
		try("engine's "+file, func() error {
			f, err := os.Open(fmt.Sprintf("/proc/%d/%s", engine, file))
			if err == nil {
				f.Close()
			}
			return err
		})
	}
	try("engine's files", func() error { _, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", engine)); return err })
	try("engine's memory by process_vm_readv", func() error {
		got := make([]byte, len(held))
		_, err := unix.ProcessVMReadv(engine, []unix.Iovec{{Base: &got[0], Len: uint64(len(got))}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&held)), Len: len(got)}}, 0)
		return err
	})
	try("engine's memory by process_vm_writev", func() error {
		mine := held
		_, err := unix.ProcessVMWritev(engine, []unix.Iovec{{Base: &mine[0], Len: uint64(len(mine))}}, []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&held)), Len: len(mine)}}, 0)
		return err
	})
	try("ptrace attach", func() error {
		if !trace {
			return os.ErrPermission
		}
		return syscall.PtraceAttach(engine)
	})
	try("ptrace seize", func() error {
		if !trace {
			return os.ErrPermission
		}
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(engine), 0, 0, 0, 0); errno != 0 {
			return errno
		}
		return nil
	})
	try("signal", func() error { return syscall.Kill(engine, 0) })
	try("a descriptor of the engine", func() error {
		p, err := unix.PidfdOpen(engine, 0)
		if err != nil {
			return err
		}
		_, err = unix.PidfdGetfd(p, 0, 0)
		return err
	})
	try("environment", func() error {
		if os.Getenv("ENGINE_TEST_SECRET") == "" {
			return errors.New("empty")
		}
		return nil
	})
	try("home", func() error { _, err := os.ReadDir("/root"); return err })
	try("(cache)", func() error { _, err := os.ReadDir(cache); return err })
	return loot
}

// TestThiefBesideTheData: a driver may read its own folder, but not when everything
// else lies in it.
func TestThiefBesideTheData(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(dir, "thief")))
	data, jobFile, config := filepath.Join(dir, "data"), filepath.Join(dir, "job.json"), filepath.Join(dir, "engine.yaml")
	require.NoError(t, os.WriteFile(jobFile, []byte(goodJob), 0o600))
	require.NoError(t, os.WriteFile(config, []byte("dev_overrides: {thief: "+filepath.Join(dir, "thief")+"}\n"), 0o600))
	code, stdout, stderr := runHere(t, "", "run", jobFile, "--backend", "thief", "--config", config, "--data-dir", data, "--out", filepath.Join(dir, "out"), "--json")
	require.Zero(t, code, "%s\n%s", stdout, stderr)
	require.Contains(t, stderr, "holds the engine's data")
	b, err := os.ReadFile(filepath.Join(data, "drivers", "thief", "cache", "loot.json"))
	require.NoError(t, err)
	require.JSONEq(t, `["(cache)"]`, string(b))

	require.NoError(t, os.WriteFile(config, []byte("drivers: {mockqpu: {read: ["+dir+"]}}\n"), 0o600))
	for _, args := range [][]string{{"driver", "lock", "mockqpu"}, {"driver", "approve", "mockqpu"}} {
		code, _, stderr := runHere(t, "", append(args, "--data-dir", data)...)
		require.Zero(t, code, stderr)
	}
	code, stdout, _ = runHere(t, "", "driver", "info", "mockqpu", "--config", config, "--data-dir", data, "--json")
	require.Equal(t, "drivers.mockqpu.read", refusedJSON(t, code, stdout).Field)
}

// TestThief is the test of decision F4: a driver that tries to read journal, keys,
// job and its parent's memory gets nothing, and its job runs all the same.
func TestThief(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	require.NoError(t, os.Symlink(self, filepath.Join(dir, "bin", "thief")))
	data, jobFile, config, out := filepath.Join(dir, "data"), filepath.Join(dir, "job.json"), filepath.Join(dir, "engine.yaml"), filepath.Join(dir, "out")
	cache := filepath.Join(data, "drivers", "thief", "cache")
	other := filepath.Dir(spoils(cache)["another driver's cache"])
	require.NoError(t, os.MkdirAll(other, 0o700))
	require.NoError(t, os.MkdirAll(out, 0o700))
	for name, text := range map[string]string{jobFile: goodJob, config: "dev_overrides: {thief: " + filepath.Join(dir, "bin", "thief") + "}\n", filepath.Join(other, "device.key"): "key", filepath.Join(out, "lease.json"): "{}"} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	t.Setenv("ENGINE_TEST_SECRET", "x")
	for range 2 { // the second time journal, keys and bundle are there
		require.NoError(t, os.RemoveAll(filepath.Join(cache, "loot.json")))
		code, stdout, stderr := runHere(t, "", "run", jobFile, "--backend", "thief", "--config", config, "--data-dir", data, "--out", out, "--json")
		require.Zero(t, code, "%s\n%s", stdout, stderr)
	}
	for name, path := range spoils(cache) {
		b, err := os.ReadFile(path)
		require.NoError(t, err, "%s is where the driver looked for it", name)
		require.NotEmpty(t, b)
	}
	b, err := os.ReadFile(filepath.Join(cache, "loot.json"))
	require.NoError(t, err)
	require.JSONEq(t, `["(cache)"]`, string(b))
}

// TestThiefWithoutWalls shows that the thief knows its trade: beside the engine, in
// a process without walls, the files are read.
func TestThiefWithoutWalls(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "data", "drivers", "thief", "cache")
	require.NoError(t, os.MkdirAll(cache, 0o700))
	want := []string{"(cache)", "engine's cmdline", "signal"}
	for name, path := range spoils(cache) {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
		want = append(want, name, "write "+name, "remove "+name)
	}
	p, err := os.StartProcess(os.Args[0], []string{"thief-at-large", cache}, &os.ProcAttr{Files: []*os.File{nil, nil, os.Stderr}})
	require.NoError(t, err)
	st, err := p.Wait()
	require.NoError(t, err)
	require.True(t, st.Success())
	b, err := os.ReadFile(filepath.Join(cache, "loot.json"))
	require.NoError(t, err)
	var loot []string
	require.NoError(t, json.Unmarshal(b, &loot))
	require.Subset(t, loot, want)
}

// thiefAtLarge steals without being a driver.
func thiefAtLarge() {
	b, err := json.Marshal(steal(os.Args[1], false))
	if err == nil {
		err = os.WriteFile(filepath.Join(os.Args[1], "loot.json"), b, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
