package exec

import (
	"fmt"
	"syscall"
	"unsafe"
)

// hugePage is the size from which memory is asked for in pages of this size.
const hugePage = 2 << 20

// madvHugepage is MADV_HUGEPAGE of madvise(2).
const madvHugepage = 14

// allocate returns n floats of zeros outside of the heap, on huge pages where
// the system grants them. They start at a multiple of 4096 bytes.
func allocate(n int) ([]float32, error) {
	bytes := (4*n + hugePage - 1) &^ (hugePage - 1)
	if 4*n < hugePage {
		return floats(n), nil
	}
	b, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("%d bytes for a state vector: %w", bytes, err)
	}
	_ = syscall.Madvise(b, madvHugepage) // advice: without it the state is only slower
	return unsafe.Slice((*float32)(unsafe.Pointer(&b[0])), bytes/4)[:n], nil
}

// release undoes allocate.
func release(x []float32) {
	if x = x[:cap(x)]; mapped(x) {
		_ = syscall.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x)))
	}
}

// mapped reports whether allocate took x from outside of the heap.
func mapped(x []float32) bool { return cap(x) >= hugePage/4 }
