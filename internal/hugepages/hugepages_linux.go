package hugepages

import (
	"fmt"
	"syscall"
)

func large(bytes int) bool { return bytes >= Size }

// madvHugepage is MADV_HUGEPAGE of madvise(2).
const madvHugepage = 14

func allocate(bytes int) ([]byte, error) {
	b, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of memory: %w", bytes, err)
	}
	_ = syscall.Madvise(b, madvHugepage) // advice: without it the array is only slower
	return b, nil
}

func release(b []byte) { _ = syscall.Munmap(b) }
