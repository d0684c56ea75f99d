//go:build purego || !(amd64 || arm64)

package kernel

// doubles lists the assembled Doubles of this machine.
func doubles() []Double { return nil }
