//go:build linux && (amd64 || arm64)

package worker

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allowed is what a worker calls after its walls are up: the Go runtime's memory,
// threads, timers and signals, reads and writes of the socket that it holds.
// There is no call among them that opens, connects, executes, traces or signals
// another process. clone is looked at apart: threads only.
var allowed = []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_CLOSE, unix.SYS_FCNTL, unix.SYS_SHUTDOWN,
	unix.SYS_MMAP, unix.SYS_MUNMAP, unix.SYS_MPROTECT, unix.SYS_MADVISE, unix.SYS_MREMAP, unix.SYS_MINCORE, unix.SYS_BRK,
	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER,
	unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
	unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY, unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2,
	unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETPGID, unix.SYS_GETTID, unix.SYS_FSTAT, unix.SYS_TGKILL, unix.SYS_GETRANDOM, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
}

// Offsets in struct seccomp_data, linux/seccomp.h. Both architectures are
// little-endian, so the low half of an argument comes first.
const (
	dataNumber = 0
	dataArch   = 4
	dataArg0   = 16
	dataArg1   = 24
)

// confine installs the filter on every thread of the process. What it does not
// allow fails with EPERM (clone3 with ENOSYS, so that callers fall back on clone).
func confine() error {
	const returnErrno = unix.SECCOMP_RET_ERRNO
	load := func(k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: k}
	}
	ret := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	jump := func(op uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	prog := []unix.SockFilter{
		load(dataArch), jump(unix.BPF_JEQ, auditArch, 1, 0), ret(unix.SECCOMP_RET_KILL_PROCESS),
		load(dataNumber),
		jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), ret(returnErrno | uint32(unix.ENOSYS)),
		jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4),
		load(dataArg0), jump(unix.BPF_JSET, unix.CLONE_THREAD, 0, 1), ret(unix.SECCOMP_RET_ALLOW), ret(returnErrno | uint32(unix.EPERM)),
		// a signal may go to a thread of this very process only
		jump(unix.BPF_JEQ, unix.SYS_TGKILL, 0, 4),
		load(dataArg0), jump(unix.BPF_JEQ, uint32(unix.Getpid()), 0, 1), ret(unix.SECCOMP_RET_ALLOW), ret(returnErrno | uint32(unix.EPERM)),
		// descriptors may be read and set, not given to another process's signals
		jump(unix.BPF_JEQ, unix.SYS_FCNTL, 0, 4),
		load(dataArg1), jump(unix.BPF_JGT, unix.F_SETFL, 1, 0), ret(unix.SECCOMP_RET_ALLOW), ret(returnErrno | uint32(unix.EPERM)),
	}
	for _, nr := range allowed {
		if nr == unix.SYS_TGKILL || nr == unix.SYS_FCNTL {
			continue // decided above
		}
		prog = append(prog, jump(unix.BPF_JEQ, nr, 0, 1), ret(unix.SECCOMP_RET_ALLOW))
	}
	for _, nr := range allowedHere {
		prog = append(prog, jump(unix.BPF_JEQ, nr, 0, 1), ret(unix.SECCOMP_RET_ALLOW))
	}
	prog = append(prog, ret(returnErrno|uint32(unix.EPERM)))
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}
