package process

import "golang.org/x/sys/unix"

// Hide keeps the memory of this process from others of the same user, drivers
// among them: no core dumps, no /proc/PID/mem.
func Hide() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }
