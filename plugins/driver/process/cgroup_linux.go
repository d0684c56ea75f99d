package process

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// group is a cgroup of one driver process.
type group struct {
	dir   string
	f     *os.File // the folder, for clone3
	level string
	why   []string // bounds that are not there
}

var groups atomic.Uint64 // names within this process

// makeGroup makes a cgroup below the engine's own or beside it, with the bounds
// whose controllers are delegated. A cgroup without bounds still holds every process
// that the driver starts, whatever session or group that one makes.
func makeGroup(c Cgroup) (*group, error) {
	mount, own, err := ownGroupDir("/proc/self/mountinfo", "/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, base := range []string{own, filepath.Dir(own)} {
		if len(base) < len(mount) {
			break
		}
		sweep(base)
		delegate(base, c)
		g := &group{dir: filepath.Join(base, fmt.Sprintf("engine-driver-%d-%d", os.Getpid(), groups.Add(1)))}
		if err := os.Mkdir(g.dir, 0o755); err != nil {
			errs = append(errs, err)
			continue
		}
		if g.bound(c); len(g.why) > 0 && base == own && own != mount && hasControllers(filepath.Dir(own)) {
			_ = os.Remove(g.dir) // the neighbourhood has the controllers
			errs = append(errs, errors.New(strings.Join(g.why, "; ")))
			continue
		}
		if g.f, err = os.Open(g.dir); err != nil {
			return nil, errors.Join(err, os.Remove(g.dir))
		}
		return g, nil
	}
	return nil, fmt.Errorf("cgroup: %s is not delegated to this user: %w", own, errors.Join(errs...))
}

// sweep removes empty cgroups that an engine which was killed left behind.
func sweep(base string) {
	left, _ := filepath.Glob(filepath.Join(base, "engine-driver-*-*")) // the pattern is well formed
	for _, dir := range left {
		pid, err := strconv.Atoi(strings.Split(filepath.Base(dir), "-")[2])
		if err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			_ = os.Remove(dir) // refused while a process is in it
		}
	}
}

// ownGroupDir finds where cgroup v2 is mounted and this process's cgroup in it.
func ownGroupDir(mountinfo, cgroup string) (mount, own string, err error) {
	b, err := os.ReadFile(mountinfo)
	if err != nil {
		return "", "", fmt.Errorf("cgroup: %w", err)
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		front, back, _ := strings.Cut(s.Text(), " - ")
		f := strings.Fields(front)
		if strings.HasPrefix(back, "cgroup2 ") && len(f) > 4 {
			mount = f[4]
			break
		}
	}
	if mount == "" {
		return "", "", errors.New("cgroup: version 2 is not mounted")
	}
	if b, err = os.ReadFile(cgroup); err != nil {
		return "", "", fmt.Errorf("cgroup: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok && strings.HasPrefix(path, "/") && !strings.Contains(path, "..") {
			return mount, filepath.Join(mount, path), nil
		}
	}
	return "", "", errors.New("cgroup: this process is in none of version 2")
}

func hasControllers(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	f := strings.Fields(string(b))
	return err == nil && slices.Contains(f, "memory") && slices.Contains(f, "pids")
}

// delegate asks for the controllers in the children of a folder. It may fail: a
// cgroup with processes of its own has none to give.
func delegate(dir string, c Cgroup) {
	for name, want := range map[string]bool{"+memory": c.MemoryBytes > 0, "+pids": c.Processes > 0} {
		if want {
			_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(name), 0o644)
		}
	}
}

// bound writes the bounds, and says which of them do not hold.
func (g *group) bound(c Cgroup) {
	held := Cgroup{}
	for _, b := range []struct {
		file string
		max  uint64
		held *uint64
	}{{"memory.max", c.MemoryBytes, &held.MemoryBytes}, {"pids.max", c.Processes, &held.Processes}} {
		if b.max == 0 {
			continue
		}
		name := filepath.Join(g.dir, b.file)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0) // never O_CREATE
		if err == nil {
			_, err = f.WriteString(strconv.FormatUint(b.max, 10))
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			g.why = append(g.why, fmt.Sprintf("cgroup: no %s: the controller is not delegated (%v)", b.file, err))
			continue
		}
		*b.held = b.max
	}
	g.level = held.String()
}

// end kills what is left in the cgroup and removes it.
func (g *group) end() {
	if g == nil {
		return
	}
	_ = g.f.Close()
	_ = os.WriteFile(filepath.Join(g.dir, "cgroup.kill"), []byte("1"), 0o644) // kernels before 5.14 have none
	for range 100 {
		if err := os.Remove(g.dir); err == nil || errors.Is(err, os.ErrNotExist) {
			return
		}
		time.Sleep(5 * time.Millisecond) // the killed are on their way out
	}
}
