//go:build unix

package auditlog

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock waits for the folder's lock; closing the file gives it back.
func lock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			return err
		}
	}
}

// readOnly tells that a file system takes no writes.
func readOnly(err error) bool { return errors.Is(err, unix.EROFS) }
