//go:build !linux

package hugepages

// large is false: all arrays lie on the heap.
func large(int) bool { return false }

func allocate(bytes int) ([]byte, error) { return make([]byte, bytes), nil }

func release([]byte) {}
