//go:build !purego

package kernel

// wanted lists the kernels that a build machine must run.
var wanted = []string{"neon"}
