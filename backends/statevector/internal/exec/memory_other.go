//go:build !linux

package exec

func allocate(n int) ([]float32, error) { return floats(n), nil }

func release([]float32) {}
