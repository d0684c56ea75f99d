package worker

import (
	"fmt"
	"runtime"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// maxFiles covers the socket, the poller and what a library opens for a moment.
const maxFiles = 32

// seal puts up the walls for the rest of the process's life. RLIMIT_DATA rather
// than RLIMIT_AS bounds memory, because the Go runtime reserves address space
// that it never writes.
func seal(dataBytes uint64) (Sandbox, error) {
	var box Sandbox
	if err := landlock.V7.BestEffort().Restrict(); err != nil {
		return box, fmt.Errorf("landlock: %w", err)
	}
	if v, err := ll.LandlockGetABIVersion(); err == nil {
		box.Landlock = min(v, 7)
	}
	limits := map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: maxFiles, unix.RLIMIT_FSIZE: 0}
	if dataBytes > 0 {
		limits[unix.RLIMIT_DATA] = dataBytes
	}
	for what, n := range limits {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			return box, fmt.Errorf("rlimit %d to %d: %w", what, n, err)
		}
	}
	box.Limits = dataBytes > 0
	nnp, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	box.NoNewPrivs = err == nil && nnp == 1
	box.Orphan = dieWithParent() == nil
	box.Seccomp = box.NoNewPrivs && confine() == nil // a kernel without it leaves the level at "landlock"
	return box, nil
}

// dieWithParent asks for SIGKILL when the thread that started this process ends.
// The request belongs to the thread that makes it, so that thread stays.
func dieWithParent() error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
		select {}
	}()
	return <-done
}
