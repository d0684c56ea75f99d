package main

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
)

// checkConfig looks at who else can change what the engine is told.
func (e *program) checkConfig() finding {
	const name = "config"
	if e.configFile == "" {
		return good(name, "no file; every setting has its default")
	}
	info, err := os.Stat(e.configFile)
	switch {
	case err != nil:
		return bad(name, cli.BadConfig, "name another file by --config", "%v", err)
	case info.Mode().Perm()&0o022 != 0:
		return bad(name, cli.BadConfig, "chmod go-w "+e.configFile, "%s has mode %#o: others can change which drivers run", e.configFile, info.Mode().Perm())
	}
	return good(name, "%s is valid and changed by its owner only", e.configFile)
}

// checkProgram looks at who else can change the engine's own file, of which the
// shipped drivers are a part.
func checkProgram() finding {
	const name = "program"
	exe, err := os.Executable()
	if err != nil {
		return good(name, "the path of the program is not known on this system")
	}
	for p := exe; ; p = filepath.Dir(p) {
		info, err := os.Stat(p)
		if err != nil {
			return bad(name, cli.BadConfig, "install the program again", "%v", err)
		}
		if m := info.Mode(); m.Perm()&0o002 != 0 && m&os.ModeSticky == 0 {
			return bad(name, cli.BadConfig, "chmod o-w "+p, "%s has mode %#o: others can replace the program", p, m.Perm())
		}
		if p == filepath.Dir(p) {
			return good(name, "%s; nobody else can replace it", exe)
		}
	}
}

// checkDataDir makes sure that the data directory can be written and not by others.
func (e *program) checkDataDir() finding {
	const name = "data_dir"
	if e.dataDir == "" {
		return bad(name, cli.BadConfig, "set HOME or pass --data-dir", "no data directory")
	}
	return folderCheck(name, e.dataDir, "point --data-dir to a folder of this user")
}

// checkCacheDir is for compiled modules; without it they are compiled each time.
func (e *program) checkCacheDir() finding {
	const name = "cache_dir"
	dir, err := e.CacheDir()
	if err != nil {
		return bad(name, cli.BadConfig, "set HOME or XDG_CACHE_HOME", "%v", err)
	}
	return folderCheck(name, dir, "set XDG_CACHE_HOME to a folder of this user")
}

// folderCheck tries a file in the folder, or where it does not exist yet asks whether
// its nearest existing parent lets this user make it.
func folderCheck(name, dir, fix string) finding {
	info, err := os.Stat(dir)
	if err == nil {
		if info.Mode().Perm()&0o022 != 0 {
			return bad(name, cli.BadConfig, "chmod go-w "+dir, "%s has mode %#o: others can write there", dir, info.Mode().Perm())
		}
		f, err := os.CreateTemp(dir, ".doctor-")
		if err != nil {
			return bad(name, cli.BadConfig, fix, "%v", err)
		}
		f.Close()
		if err := os.Remove(f.Name()); err != nil {
			return bad(name, cli.BadConfig, fix, "%v", err)
		}
		return good(name, "%s can be written, by its owner only", dir)
	}
	for p := filepath.Dir(dir); ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); err != nil && p != filepath.Dir(p) {
			continue
		}
		if err := mayWrite(p); err != nil {
			return bad(name, cli.BadConfig, fix, "%s does not exist and cannot be made in %s: %v", dir, p, err)
		}
		return good(name, "%s will be made on first use", dir)
	}
}

// checkSockets listens on a Unix socket where drivers do.
func checkSockets() finding {
	const name = "sockets"
	temp := os.TempDir()
	if len(temp) > supervisor.MaxSocketDir-16 {
		temp = "/tmp"
	}
	dir, err := os.MkdirTemp(temp, "qd")
	if err == nil {
		defer os.RemoveAll(dir)
		var l net.Listener
		if l, err = net.Listen("unix", filepath.Join(dir, "s")); err == nil {
			err = l.Close()
		}
	}
	if err != nil {
		return bad(name, cli.DriverStart, "set TMPDIR to a folder of this user that takes sockets", "%v", err)
	}
	return good(name, "drivers listen below %s", temp)
}

// leastFiles is what the engine, its workers and a driver with open connections need.
const leastFiles = 1024

func checkFiles() finding {
	const name = "open_files"
	n, known := fileLimit()
	switch {
	case !known:
		return good(name, "the limit is not known on this system")
	case n < leastFiles:
		return bad(name, cli.BadConfig, fmt.Sprintf("ulimit -n %d, or LimitNOFILE in the unit", 4*leastFiles), "%d open files are allowed, %d are needed", n, leastFiles)
	}
	return good(name, "%d open files are allowed", n)
}

// oldest is before any honest clock; proofs, certificates and leases carry times.
var oldest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// checkClock compares the clock with the program's own age, with the newest record
// of the journal and with what the kernel says of its synchronisation.
func (e *program) checkClock(now time.Time) finding {
	const name = "clock"
	const fix = "set the clock and keep it set: chrony or systemd-timesyncd"
	if now.Before(oldest) {
		return bad(name, cli.BadConfig, fix, "it is %s, before this program was written", now.UTC().Format(time.RFC3339))
	}
	if info, err := os.Stat(filepath.Join(e.dataDir, "journal.jsonl")); err == nil && info.ModTime().After(now.Add(time.Minute)) {
		return bad(name, cli.BadConfig, fix, "it is %s, and the journal was written at %s: the clock went back", now.UTC().Format(time.RFC3339), info.ModTime().UTC().Format(time.RFC3339))
	}
	f := good(name, "%s", now.UTC().Format(time.RFC3339))
	if synced, known := clockSynced(); known && !synced {
		f.Detail += "; the kernel does not call it synchronised"
		f.Fix = fix
	} else if known {
		f.Detail += ", synchronised"
	}
	return f
}

// checkKernels names what computes the simulator's states.
func checkKernels() finding {
	const name = "kernels"
	k := statevector.Kernels()
	f := good(name, "%s on %s with %d CPUs for this process", strings.Join(k, ", "), runtime.GOARCH, runtime.GOMAXPROCS(0))
	if len(k) == 1 {
		f.Fix = "none needed for the result, which is the same; a processor with AVX2, AVX-512 or NEON is faster"
	}
	return f
}

// checkCertificates makes sure that a vendor's https can be verified.
func checkCertificates() finding {
	const name = "certificates"
	pool, err := x509.SystemCertPool()
	if err != nil || pool.Equal(x509.NewCertPool()) {
		return bad(name, cli.BadConfig, "install the system's root certificates (package ca-certificates)", "no root certificates: no vendor's https can be verified (%v)", err)
	}
	return good(name, "the system's root certificates are there")
}

// checkHidden hides this process as every run with a driver does, and looks.
func checkHidden() finding {
	const name = "hidden_memory"
	hidden, known := hideAndLook()
	switch {
	case !known:
		return good(name, "processes cannot hide their memory on this system")
	case !hidden:
		return bad(name, cli.BadConfig, "allow prctl(PR_SET_DUMPABLE) in this container", "other processes of this user can read the engine's memory")
	}
	return good(name, "other processes of this user cannot read the engine's memory, and a crash leaves no dump")
}

// checkUser says whose program this is.
func checkUser() finding {
	const name = "user"
	f := good(name, "uid %d", os.Geteuid())
	if os.Geteuid() == 0 {
		f.Detail += ", which is root"
		f.Fix = "an account of its own bounds what a fault can do"
	}
	return f
}
