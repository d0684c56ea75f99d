//go:build linux

package process

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestProbeWorksWithoutWalls shows that what TestWalls finds closed is open to a
// plain child process: the probe can succeed.
func TestProbeWorksWithoutWalls(t *testing.T) {
	home, cache := t.TempDir(), t.TempDir()
	secret := filepath.Join(home, "journal.jsonl")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	cmd := exec.Command(os.Args[0], "probe", secret, cache)
	out, err := cmd.Output()
	require.NoError(t, err)
	var worked []string
	require.NoError(t, json.Unmarshal(out, &worked))
	want := []string{"secret file", "secret folder", "parent arguments", "signal the parent", "write home", "(cache)", "(libraries)"}
	if all := uint64(1<<0 | 1<<1 | 1<<13 | 1<<18 | 1<<19); os.Getuid() == 0 && effective(t)&all == all { // chown, dac_override, net_raw, sys_chroot, sys_ptrace
		want = append(want, "parent memory", "parent environment", "parent map", "parent files", "parent memory by system call", "give a file away", "raw socket", "other root", "root", "password file")
	}
	require.Subset(t, worked, want)
}

// effective is the mask of this process's capabilities.
func effective(t *testing.T) uint64 {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	require.NoError(t, unix.Capget(&hdr, &data[0]))
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective)
}

func TestBubblewrap(t *testing.T) {
	if _, err := Bubblewrap(); err != nil {
		skip(t, err.Error())
	}
	home := t.TempDir()
	secret := filepath.Join(home, "journal.jsonl")
	require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o600))
	require.NoError(t, Hide())
	r := runWith(t, func(s *Spec) { s.Bubblewrap = true }, "probe", secret, "CACHE")
	// The parent that it sees is bwrap itself; its own /tmp is a wall of landlock.
	var worked []string
	require.NoError(t, json.Unmarshal([]byte(firstLine(t, r)), &worked))
	require.Subset(t, worked, []string{"(cache)", "(libraries)"})
	for _, w := range worked {
		require.Contains(t, []string{"(cache)", "(libraries)"}, w)
	}
	require.Contains(t, r.Level().String(), "bwrap")

	r = runWith(t, func(s *Spec) { s.Bubblewrap = true }, "deaf")
	firstLine(t, r)
	require.NoError(t, r.Kill(t.Context()))
}

func TestBubblewrapIsNotInstalled(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	img, err := Seal(os.Args[0])
	require.NoError(t, err)
	defer img.Close()
	_, err = NewRunner(&Spec{Image: img, CacheDir: t.TempDir(), Bubblewrap: true}, nil, t.TempDir())
	require.ErrorIs(t, err, ErrWall, "never started without it")
	require.ErrorContains(t, err, "bwrap is not installed")
}

func TestOwnUser(t *testing.T) {
	if os.Getuid() != 0 {
		skip(t, "only root takes another uid")
	}
	r := runWith(t, func(s *Spec) {
		s.User = &User{"nobody", 65534, 65534}
		require.NoError(t, os.Chown(s.CacheDir, 65534, 65534))
		require.NoError(t, os.Chmod(filepath.Dir(s.CacheDir), 0o711)) // reachable
	}, "who")
	require.Equal(t, "65534 65534", firstLine(t, r))
	require.Contains(t, r.Level().String(), "own user")
	require.True(t, r.Level().NoCaps)
}

// TestCgroup: a process that left the driver's process group and session ends with
// it; the bounds hold, or the level says why not.
func TestCgroup(t *testing.T) {
	r := runWith(t, func(s *Spec) { s.Cgroup = &Cgroup{MemoryBytes: 512 << 20, Processes: 64} }, "escape")
	pid, err := strconv.Atoi(firstLine(t, r))
	require.NoError(t, err)
	l := r.Level()
	if l.Cgroup == "" {
		require.NotEmpty(t, l.Missing)
		skip(t, strings.Join(l.Missing, "; "))
	}
	dir := r.group.dir
	members, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	require.NoError(t, err)
	require.Contains(t, string(members), fmt.Sprintf("%s\n", r.ID()), "from its first instruction")
	for file, part := range map[string]string{"memory.max": "memory 512 MiB", "pids.max": "64 processes"} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			require.Contains(t, strings.Join(l.Missing, " "), file)
			require.NotContains(t, l.Cgroup, part)
			continue
		}
		require.Contains(t, []string{"536870912", "64"}, strings.TrimSpace(string(b)))
		require.Contains(t, l.Cgroup, part)
	}
	t.Logf("%s; missing: %q", l.Cgroup, l.Missing)
	require.NoError(t, r.Kill(t.Context()))
	gone(t, pid)
	require.NoDirExists(t, dir)
}

func TestWhereTheCgroupIs(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		p := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(p, []byte(text), 0o600))
		return p
	}
	two := file("two", "22 1 0:20 / /proc rw - proc proc rw\n30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n")
	hybrid := file("hybrid", "33 24 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n34 24 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")
	one := file("one", "33 24 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n")
	own := file("own", "4:memory:/x\n0::/system.slice/engine.service\n")
	mount, path, err := ownGroupDir(two, own)
	require.NoError(t, err)
	require.Equal(t, []string{"/sys/fs/cgroup", "/sys/fs/cgroup/system.slice/engine.service"}, []string{mount, path})
	_, path, err = ownGroupDir(hybrid, own)
	require.NoError(t, err)
	require.Equal(t, "/sys/fs/cgroup/unified/system.slice/engine.service", path)
	_, _, err = ownGroupDir(one, own)
	require.ErrorContains(t, err, "version 2 is not mounted")
	_, _, err = ownGroupDir(two, file("none", "4:memory:/x\n"))
	require.Error(t, err)
	_, _, err = ownGroupDir(two, file("outside", "0::/../x\n"))
	require.Error(t, err, "a cgroup outside the namespace")
}

func TestBoundsOfACgroup(t *testing.T) {
	dir := t.TempDir() // ordinary files stand in for the kernel's: what is written is the point
	require.NoError(t, os.WriteFile(filepath.Join(dir, "memory.max"), []byte("max\n"), 0o600))
	g := &group{dir: dir}
	g.bound(Cgroup{MemoryBytes: 1 << 30, Processes: 9})
	b, err := os.ReadFile(filepath.Join(dir, "memory.max"))
	require.NoError(t, err)
	require.Equal(t, "1073741824", string(b))
	require.Equal(t, "cgroup (memory 1024 MiB)", g.level, "only what holds is said")
	require.Len(t, g.why, 1)
	require.Contains(t, g.why[0], "pids.max")
	require.NoFileExists(t, filepath.Join(dir, "pids.max"))
	require.Equal(t, "cgroup", Cgroup{}.String())
}

// skip says why; in CI only what the machine cannot have may be absent.
func skip(t *testing.T, why string) {
	t.Helper()
	if strings.Contains(why, "not installed") && os.Getenv("CI_STRICT") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}
