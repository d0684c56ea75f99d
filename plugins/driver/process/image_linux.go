package process

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memory makes the file that an image lives in.
func memory(path string) (*os.File, bool, error) {
	fd, err := unix.MemfdCreate("driver", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // kernels before 6.3 do not know MFD_EXEC and imply it
		fd, err = unix.MemfdCreate("driver", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, false, fmt.Errorf("memfd: %w", err)
	}
	return os.NewFile(uintptr(fd), path), false, nil
}

// seal makes every later change impossible.
func seal(f *os.File) error {
	const all = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, all); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}
