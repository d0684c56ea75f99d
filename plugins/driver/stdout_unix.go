//go:build unix

package driver

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// keepStdout keeps the real standard output for the handshake line and makes
// descriptor 1 another name of standard error, so that a vendor library that
// prints cannot write into the protocol.
func keepStdout() error {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return err
	}
	if err := dup2(2, 1); err != nil {
		return err
	}
	os.Stdout = os.NewFile(uintptr(fd), "handshake")
	return nil
}

// followParent ends the process when the host is gone, for systems and hosts that
// do not arrange it.
func followParent() {
	parent := os.Getppid()
	go func() {
		for range time.Tick(2 * time.Second) {
			if os.Getppid() != parent {
				os.Exit(1)
			}
		}
	}()
}
