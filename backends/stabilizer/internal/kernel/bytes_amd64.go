//go:build !purego

package kernel

import "unsafe"

// bytesOf is where the bytes of words begin; words are little-endian here.
func bytesOf(words []uint64) *byte { return (*byte)(unsafe.Pointer(&words[0])) }
