package process

import "fmt"

// Cgroup bounds what a driver and everything that it starts may use, on Linux with
// cgroup v2 where the engine's own cgroup is delegated to it. Zero: no bound.
type Cgroup struct {
	MemoryBytes uint64 // memory.max
	Processes   uint64 // pids.max
}

func (c Cgroup) String() string {
	text := "cgroup"
	switch {
	case c.MemoryBytes > 0 && c.Processes > 0:
		text += fmt.Sprintf(" (memory %d MiB, %d processes)", c.MemoryBytes>>20, c.Processes)
	case c.MemoryBytes > 0:
		text += fmt.Sprintf(" (memory %d MiB)", c.MemoryBytes>>20)
	case c.Processes > 0:
		text += fmt.Sprintf(" (%d processes)", c.Processes)
	}
	return text
}
