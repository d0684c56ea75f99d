package host

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// selfPath names the running binary even after its file was replaced.
func selfPath() (string, error) { return "/proc/self/exe", nil }

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// prepareThread sets no-new-privileges on the calling thread alone; a worker
// reports whether it arrived.
func prepareThread() {
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) // a kernel without it shows in the sandbox level
}
