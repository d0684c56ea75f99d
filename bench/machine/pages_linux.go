package machine

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// pages maps n bytes, on huge pages where the kernel grants them, and touches
// all of them.
func pages(n int) (b []byte, free func(), err error) {
	b, err = unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("mapping %d bytes to measure memory: %w", n, err)
	}
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE) // a hint: without it the figure is lower
	clear(b)
	return b, func() { _ = unix.Munmap(b) }, nil
}
