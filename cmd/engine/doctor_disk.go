//go:build linux || darwin || freebsd

package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// mayWrite asks whether this user may make entries in a folder.
func mayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

// fileLimit is the soft limit of open files.
func fileLimit() (n uint64, known bool) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil || int64(r.Cur) < 0 {
		return 0, false
	}
	return uint64(r.Cur), true
}

// freeBytes is what an unprivileged user can still write below dir.
func freeBytes(dir string) (n uint64, known bool) {
	n, _, known = diskBytes(dir)
	return n, known
}

// diskBytes is what is free for an unprivileged user below dir, and what there is.
func diskBytes(dir string) (free, all uint64, known bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil || s.Bavail < 0 {
		return 0, 0, false
	}
	return uint64(s.Bavail) * uint64(s.Bsize), uint64(s.Blocks) * uint64(s.Bsize), true
}
