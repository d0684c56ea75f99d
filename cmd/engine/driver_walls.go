package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/driver/process"
)

// driverWalls is what the configuration file says about the walls around a driver,
// beyond those that always stand.
type driverWalls struct {
	User       string `yaml:"user"`       // runs under this account; the engine must be root's
	Memory     string `yaml:"memory"`     // bound of its cgroup, such as 4GiB; empty: none
	Processes  uint64 `yaml:"processes"`  // bound of its cgroup; 0: defaultProcesses
	Bubblewrap bool   `yaml:"bubblewrap"` // inside bwrap, which must be installed
}

// defaultProcesses bounds processes and threads of a driver, where its cgroup can.
const defaultProcesses = 1024

// buildWalls adds the walls of the configuration file to a spec whose folders exist;
// sockets is the folder that holds its sockets.
func (e *program) buildWalls(name string, spec *process.Spec, sockets string) error {
	w, field := e.cfg.Drivers[name].Isolation, "drivers."+name+".isolation"
	c := process.Cgroup{Processes: w.Processes}
	if c.Processes == 0 {
		c.Processes = defaultProcesses
	}
	if w.Memory != "" {
		var m cli.Size
		if err := m.Set(w.Memory); err != nil {
			return cli.Errorf(cli.BadConfig, field+".memory", "%w", err)
		}
		c.MemoryBytes = uint64(m)
	}
	spec.Cgroup, spec.Bubblewrap = &c, w.Bubblewrap
	if w.Bubblewrap {
		if _, err := process.Bubblewrap(); err != nil {
			return cli.Errorf(cli.BadConfig, field+".bubblewrap", "%w", err).WithHint("install bubblewrap, or leave the member out: the other walls stand without it")
		}
	}
	if w.User == "" {
		return nil
	}
	u, err := lookupUser(w.User)
	if err != nil {
		return cli.Errorf(cli.BadConfig, field+".user", "%w", err)
	}
	if os.Geteuid() != 0 {
		return cli.Errorf(cli.BadConfig, field+".user", "the engine runs as uid %d and cannot take another", os.Geteuid()).WithHint("leave the member out, or run the engine as root; a unit of its own with an own user does as well")
	}
	spec.User = u
	if err := giveFolder(spec.CacheDir, u); err != nil {
		return cli.Errorf(cli.BadConfig, field+".user", "%w", err).WithHint("drivers.%s.cache: a folder that %s can reach, such as /var/cache/engine/%s", name, u.Name, name)
	}
	if err := os.Chmod(sockets, 0o711); err != nil {
		return cli.Errorf(cli.DriverStart, "", "%w", err)
	}
	return nil
}

func lookupUser(name string) (*process.User, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if uid == 0 {
		return nil, errors.New("root is no account for a driver")
	}
	return &process.User{Name: name, UID: uint32(uid), GID: uint32(gid)}, nil
}

// giveFolder makes a driver's cache folder its account's, and refuses one that the
// account cannot reach.
func giveFolder(dir string, u *process.User) error {
	for d := filepath.Dir(dir); ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 {
			return &fs.PathError{Op: "reach " + dir + " as " + u.Name + " through", Path: d, Err: fs.ErrPermission}
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(u.UID), int(u.GID))
	})
}

// driverFolders makes the folder of a driver's state and its cache.
func (e *program) driverFolders(name string) (dir, cache string, err error) {
	data, err := e.data()
	if err != nil {
		return "", "", err
	}
	if data, err = filepath.Abs(data); err != nil {
		return "", "", cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	dir = filepath.Join(data, "drivers", name)
	cache = filepath.Join(dir, "cache")
	if c := e.cfg.Drivers[name].Cache; c != "" {
		if cache = filepath.Clean(c); !filepath.IsAbs(c) || cache == "/" {
			return "", "", cli.Errorf(cli.BadConfig, "drivers."+name+".cache", "%q is not the absolute path of a folder below the root", c)
		}
	}
	for _, d := range []string{dir, cache} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return "", "", cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
		}
	}
	return dir, cache, nil
}
