//go:build purego || !amd64

package kernel

func machine() []Kernel { return nil }
