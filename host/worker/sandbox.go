package worker

import "fmt"

// Sandbox is what a worker says about the walls around it.
type Sandbox struct {
	Limits     bool // writable memory, open files, file size, core dumps
	NoNewPrivs bool
	Orphan     bool // dies with its supervisor's process even while a guest runs
	Landlock   int  // version of the kernel's interface in force, 0 none: no file and no TCP
	Seccomp    bool // system calls: memory, threads, time and the one socket only
}

func (s Sandbox) bits() byte {
	b := byte(0)
	for i, on := range []bool{s.Limits, s.NoNewPrivs, s.Orphan, s.Seccomp} {
		if on {
			b |= 1 << i
		}
	}
	return b
}

func sandboxOf(bits, landlock byte) Sandbox {
	return Sandbox{Limits: bits&1 != 0, NoNewPrivs: bits&2 != 0, Orphan: bits&4 != 0, Seccomp: bits&8 != 0, Landlock: int(landlock)}
}

// Level is the one-word summary: "full" (landlock and seccomp), "landlock",
// "limits" or "none".
func (s Sandbox) Level() string {
	switch {
	case s.Landlock > 0 && s.Seccomp && s.NoNewPrivs && s.Limits:
		return "full"
	case s.Landlock > 0 && s.NoNewPrivs && s.Limits:
		return "landlock"
	case s.Limits:
		return "limits"
	}
	return "none"
}

// String lists the parts.
func (s Sandbox) String() string {
	return fmt.Sprintf("%s (limits=%t no_new_privs=%t orphan_kill=%t landlock=%d seccomp=%t)", s.Level(), s.Limits, s.NoNewPrivs, s.Orphan, s.Landlock, s.Seccomp)
}
