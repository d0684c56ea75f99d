package main

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
	"github.com/animicaorg/engine/plugins/vendors/mockqpu"
)

// checkDriverStart starts the reference driver as every driver is started, in
// folders of its own, and looks at its walls and at the handshake.
func (e *program) checkDriverStart(ctx context.Context) (walls, handshake finding) {
	const wall, hand = "driver_walls", "driver_handshake"
	p, done, err := e.startReference(ctx)
	if err != nil {
		fix := "run engine driver info mockqpu --log-level debug, which shows the driver's own words"
		return bad(wall, cli.DriverStart, fix, "a driver does not start: %v", err), bad(hand, cli.DriverStart, fix, "a driver does not start")
	}
	defer done()
	l := p.Level()
	walls = good(wall, "%s%s", l, missingWalls(l))
	switch {
	case l.Landlock == 0:
		walls = bad(wall, cli.BadConfig, "run Linux 5.13 or newer with landlock among the LSMs (lsm=landlock,… on the kernel's command line)",
			"%s: a driver can read what the engine's user can", l)
	case l.Landlock < 6:
		walls.Fix = "Linux 6.12 or newer also keeps drivers from sending signals to the engine"
	case l.User == "" && os.Geteuid() == 0:
		walls.Fix = "the engine runs as root and its drivers too: set drivers.NAME.isolation.user, or run the engine under an account of its own"
	case len(l.Missing) > 0:
		walls.Fix = "give the engine a delegated cgroup v2, such as Delegate=yes in its systemd unit, for bounds on memory and processes of drivers"
	case l.Wrapper == "":
		walls.Fix = "drivers.NAME.isolation.bubblewrap: true adds namespaces, where bubblewrap is installed"
	}
	ping, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := p.Ping(ping); err != nil {
		return walls, bad(hand, cli.DriverStart, "look for a proxy or a filter between processes of this machine", "mutual TLS over a Unix socket: %v", err)
	}
	about, err := p.Client().Describe(ping)
	if err != nil {
		return walls, bad(hand, cli.DriverStart, "report this", "%v", err)
	}
	return walls, good(hand, "mutual TLS over a Unix socket, protocol %d, %s answers", driver.ProtocolVersion, about.Id)
}

func missingWalls(l process.Level) string {
	if len(l.Missing) == 0 {
		return ""
	}
	return "; not there: " + strings.Join(l.Missing, "; ")
}

// startReference starts mockqpu in a folder that done removes.
func (e *program) startReference(ctx context.Context) (_ supervisor.Process, done func(), err error) {
	work, err := os.MkdirTemp("/tmp", "doctor")
	if err != nil {
		return nil, nil, err
	}
	undo := []func(){func() { _ = os.RemoveAll(work) }}
	done = func() {
		for _, f := range slices.Backward(undo) {
			f()
		}
	}
	defer func() {
		if err != nil {
			done()
		}
	}()
	cache, sockets := filepath.Join(work, "cache"), filepath.Join(work, "s")
	for _, d := range []string{cache, sockets} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, nil, err
		}
	}
	img, args, err := e.sealDriver(mockqpu.Name, "")
	if err != nil {
		return nil, nil, err
	}
	undo = append(undo, func() { _ = img.Close() })
	spec := &process.Spec{Image: img, Args: args, CacheDir: cache, Cgroup: &process.Cgroup{Processes: defaultProcesses}}
	p, err := supervisor.Exec(spec, sockets, 30*time.Second, e.Log)(ctx)
	if err != nil {
		return nil, nil, err
	}
	undo = append(undo, func() { _ = p.Stop(context.Background(), time.Second) })
	return p, done, nil
}

// checkLock compares plugins.lock with the files that it names.
func (e *program) checkLock() finding {
	const name = "plugins_lock"
	lock, err := e.loadLock()
	if err != nil {
		return bad(name, cli.ChecksumMismatch, "restore plugins.lock from a copy, or lock and approve the drivers again", "%v", err)
	}
	if len(lock.Entries) == 0 {
		return good(name, "no driver is locked")
	}
	var says []string
	for _, l := range lock.Entries {
		row, err := e.listDriver(lock, l.Name)
		switch {
		case err != nil:
			return bad(name, cli.ChecksumMismatch, "engine driver list", "%s: %v", l.Name, err)
		case row.State == "missing":
			return bad(name, cli.ChecksumMismatch, "put the file back, or engine driver lock "+l.Name+" PATH", "%s: %s is not there", l.Name, row.Path)
		case row.State == "changed":
			return bad(name, cli.ChecksumMismatch, "if the change was meant: engine driver lock "+l.Name+", then approve it", "%s is not the file that was locked", l.Name)
		}
		says = append(says, l.Name+" "+row.State)
	}
	return good(name, "%s", strings.Join(says, ", "))
}

// checkOverrides names drivers that run without the lock.
func (e *program) checkOverrides() finding {
	const name = "overrides"
	if len(e.cfg.DevOverrides) == 0 {
		return good(name, "every driver goes through plugins.lock")
	}
	f := good(name, "dev_overrides runs %s without the lock: proofs are for development", strings.Join(slices.Sorted(maps.Keys(e.cfg.DevOverrides)), ", "))
	f.Fix = "for proofs that a network takes: remove dev_overrides, lock and approve the file"
	return f
}

// checkSecrets resolves the secrets of all drivers and looks at their files.
func (e *program) checkSecrets() finding {
	const name = "secrets"
	n := 0
	for _, d := range slices.Sorted(maps.Keys(e.cfg.Drivers)) {
		cfg, err := e.driverConfig(d, "")
		if err != nil {
			return bad(name, cli.DriverAuth, "put the secret where the configuration file says, or change that", "%v", err)
		}
		n += len(cfg.Secrets)
		for k, where := range e.cfg.Drivers[d].Secrets {
			path, isFile := strings.CutPrefix(where, "file:")
			if !isFile {
				continue
			}
			if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
				return bad(name, cli.DriverAuth, "chmod 600 "+path, "drivers.%s.secrets.%s: %s has mode %#o and can be read by others", d, k, path, info.Mode().Perm())
			}
		}
	}
	if n == 0 {
		return good(name, "no driver is given secrets")
	}
	return good(name, "%d secrets of %d drivers are there, none can be read by others", n, len(e.cfg.Drivers))
}

// checkCalibrations hashes the stored calibration snapshots.
func (e *program) checkCalibrations() finding {
	const name = "calibrations"
	files, err := filepath.Glob(filepath.Join(e.dataDir, "calibrations", "*.pb"))
	if err != nil {
		return bad(name, cli.BadConfig, "choose another --data-dir", "%v", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return bad(name, cli.BadConfig, "make the file readable for this user", "%v", err)
		}
		if sum := sha3.Sum256(b); hex.EncodeToString(sum[:]) != strings.TrimSuffix(filepath.Base(f), ".pb") {
			return bad(name, cli.ChecksumMismatch, "restore the file from a copy: proofs name it by its hash", "%s does not have the hash of its name", f)
		}
	}
	if len(files) == 0 {
		return good(name, "none stored yet")
	}
	return good(name, "%d stored snapshots have the hashes of their names", len(files))
}

// checkModuleSet looks at the trust root and the pulled set.
func (e *program) checkModuleSet() finding {
	const name = "module_set"
	gov, err := e.governance(nil, 0)
	var coded *cli.Error
	switch {
	case errors.As(err, &coded):
		return bad(name, coded.Code, coded.Hint, "%s", coded.Message)
	case err != nil:
		return bad(name, cli.ModuleRefused, "engine module pull", "%v", err)
	case gov == nil:
		f := good(name, "no trust root is pinned: jobs run the modules of this build")
		f.Fix = "engine module pin ROOT, where a network governs which modules may run"
		return f
	}
	a, err := gov.Authority()
	if err != nil {
		return bad(name, cli.ModuleRefused, "engine module pull", "height %d: %v", gov.Height, err)
	}
	return good(name, "%s", fmt.Sprintf("set %v at height %d", a.Set, gov.Height))
}
