package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// LaunchArg is argv[1] of the engine when it is a launcher.
const LaunchArg = "driver-launch"

// Spec is how to start a driver.
type Spec struct {
	Image    *Image
	Args     []string // after the program's name
	Env      []string // KEY=VALUE; nothing else of the engine's environment is passed on
	CacheDir string   // the only folder besides its socket's that it may write
	ReadDirs []string // folders it may read besides the system's: its own, a venv
	MaxFiles uint64   // open files; 0: 256
	User     *User    // nil: the engine's own
	Cgroup   *Cgroup  // nil: none is asked for
	// Bubblewrap starts the driver inside bwrap: it sees no other processes, its own
	// /tmp, and of the file system what it may read. The program must be installed.
	Bubblewrap bool
}

// User is another uid to run under, which the engine must have the right to take:
// it runs as root. The driver's cache folder must be reachable for it.
type User struct {
	Name     string
	UID, GID uint32
}

// order is what the launcher gets.
type order struct {
	Args     []string `json:"args"`
	Env      []string `json:"env"`
	Read     []string `json:"read"`
	Write    []string `json:"write"`
	MaxFiles uint64   `json:"max_files"`
}

// maxFiles is the default of Spec.MaxFiles.
const maxFiles = 256

// systemDirs is what programs of every kind read: libraries, interpreters,
// certificates, name resolution, time zones.
var systemDirs = []string{"/usr", "/lib", "/lib64", "/bin", "/sbin", "/opt", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts",
	"/etc/nsswitch.conf", "/etc/gai.conf", "/etc/host.conf", "/etc/localtime", "/etc/ld.so.cache", "/etc/mime.types", "/etc/services", "/etc/protocols",
	"/run/systemd/resolve", "/sys/kernel/mm/transparent_hugepage", "/sys/devices/system/cpu", "/sys/fs/cgroup"}

func (s *Spec) check() error {
	switch {
	case s.Image == nil || s.Image.f == nil:
		return errors.New("no image, or a closed one")
	case !filepath.IsAbs(s.CacheDir):
		return fmt.Errorf("cache folder %q is not absolute", s.CacheDir)
	}
	for _, d := range s.ReadDirs {
		if !filepath.IsAbs(d) || filepath.Clean(d) == "/" {
			return fmt.Errorf("folder %q is not absolute, or is all of the system", d)
		}
	}
	return nil
}

func (s *Spec) order(env []string, socketDir string) (*order, error) {
	o := &order{Args: append([]string{s.Image.Path}, s.Args...), Env: append(append([]string{}, s.Env...), env...), MaxFiles: s.MaxFiles, Write: []string{s.CacheDir, socketDir}}
	if o.MaxFiles == 0 {
		o.MaxFiles = maxFiles
	}
	for _, d := range append(append([]string{}, systemDirs...), s.ReadDirs...) {
		if _, err := os.Stat(d); err == nil {
			o.Read = append(o.Read, d)
		}
	}
	return o, nil
}
