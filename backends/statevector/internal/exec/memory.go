package exec

import "unsafe"

// floats returns n zeros on the heap at a multiple of 64 bytes.
func floats(n int) []float32 {
	const line = 16
	x := make([]float32, n+line)
	skip := int(-(uintptr(unsafe.Pointer(&x[0])) / 4) % line)
	return x[skip:][:n:n]
}
