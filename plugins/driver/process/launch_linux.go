package process

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Descriptors of a launcher beside the standard ones.
const (
	fdImage  = 3
	fdOrder  = 4 // the launcher reads its order here
	fdReport = 5 // and writes the level, or why not
)

// report is what the launcher tells before it becomes the driver.
type report struct {
	Landlock int    `json:"landlock"`
	NoCaps   bool   `json:"no_caps"`
	Error    string `json:"error,omitempty"`
}

// MaybeLaunch turns the process into a driver, and does not return, if it was
// started as a launcher. It must be the first statement of main.
func MaybeLaunch() {
	if len(os.Args) != 2 || os.Args[1] != LaunchArg {
		return
	}
	runtime.LockOSThread()
	out := os.NewFile(fdReport, "report")
	err := launch(out)
	_ = json.NewEncoder(out).Encode(report{Error: err.Error()}) // the host reads a missing report as a failure too
	os.Exit(1)
}

// launch returns only with an error.
func launch(out io.Writer) error {
	in := os.NewFile(fdOrder, "order")
	var o order
	if err := json.NewDecoder(io.LimitReader(in, 1<<20)).Decode(&o); err != nil {
		return fmt.Errorf("order: %w", err)
	}
	in.Close()
	for what, n := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: o.MaxFiles} {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("rlimit %d: %w", what, err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no-new-privs: %w", err)
	}
	abi, err := wall(&o)
	if err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	caps, err := dropCaps()
	if err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	if err := json.NewEncoder(out).Encode(report{Landlock: abi, NoCaps: caps}); err != nil {
		return err
	}
	unix.CloseOnExec(fdReport)
	unix.CloseOnExec(fdOrder)
	return execute(&o)
}

// wall lets the driver read system folders and its own, write its cache and its
// socket's folder, and nothing else. The network stays open.
func wall(o *order) (int, error) {
	rules := []landlock.Rule{landlock.RWFiles("/dev/null", "/dev/zero").IgnoreIfMissing(), landlock.ROFiles("/dev/urandom", "/dev/random").IgnoreIfMissing()}
	for _, p := range o.Read {
		if info, err := os.Stat(p); err != nil {
			continue
		} else if info.IsDir() {
			rules = append(rules, landlock.RODirs(p))
		} else {
			rules = append(rules, landlock.ROFiles(p))
		}
	}
	for _, p := range o.Write {
		rules = append(rules, landlock.RWDirs(p).WithRefer())
	}
	if err := landlock.V7.BestEffort().RestrictPaths(rules...); err != nil {
		return 0, err
	}
	// Signals and abstract sockets stay among the driver's own processes.
	if err := landlock.V7.BestEffort().RestrictScoped(); err != nil {
		return 0, err
	}
	if v, err := llsys.LandlockGetABIVersion(); err == nil {
		return min(v, 7), nil
	}
	return 0, nil
}

// dropCaps gives up every capability, also those that a program of root gets at its
// start. It tells whether the driver has none.
func dropCaps() (bool, error) {
	const noRoot = 1<<0 | 1<<1 | 1<<2 | 1<<3 // SECBIT_NOROOT, NO_SETUID_FIXUP and their locks
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, noRoot, 0, 0, 0); err != nil && err != unix.EPERM {
		return false, err
	}
	for c := uintptr(0); c < 64; c++ { // EINVAL: beyond the kernel's last; EPERM: not ours to drop
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) // kernels before 4.3 have none
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capset(&hdr, &data[0]); err != nil {
		return false, err
	}
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return false, err
	}
	bits, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	if err != nil {
		return false, err
	}
	// Without NOROOT a program of uid 0 would get all of the bounding set again.
	return data == [2]unix.CapUserData{} && (bits&1 != 0 || os.Getuid() != 0), nil
}

// execute becomes the image. Scripts find themselves at /dev/fd/3, so the
// descriptor stays open.
func execute(o *order) error {
	argv, err := cStrings(o.Args)
	if err != nil {
		return err
	}
	envv, err := cStrings(o.Env)
	if err != nil {
		return err
	}
	empty := [1]byte{}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, fdImage, uintptr(unsafe.Pointer(&empty[0])), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])), unix.AT_EMPTY_PATH, 0)
	runtime.KeepAlive(argv)
	runtime.KeepAlive(envv)
	return fmt.Errorf("execute %s: %w", o.Args[0], errno)
}

// cStrings is a NULL-terminated array of NUL-terminated strings.
func cStrings(ss []string) ([]*byte, error) {
	out := make([]*byte, 0, len(ss)+1)
	for _, s := range ss {
		p, err := unix.BytePtrFromString(s)
		if err != nil {
			return nil, fmt.Errorf("argument %.40q: %w", s, err)
		}
		out = append(out, p)
	}
	return append(out, nil), nil
}
