//go:build purego || !(amd64 || arm64)

package kernel

// wanted lists the kernels that a build machine must run.
var wanted []string
