package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/internal/cli"
)

// addLimits adds --threads and --memory. Neither changes a result.
func addLimits(f *pflag.FlagSet, threads *int, memory *cli.Size) {
	f.IntVar(threads, "threads", 0, "goroutines; 0 is one per CPU")
	f.Var(memory, "memory", "most that states may hold, such as 8GiB; 0 is what Linux has available, elsewhere no bound")
}

// memoryLimit is the limit given, else what Linux and the container still allow;
// 0 where that is not known.
func memoryLimit(given cli.Size) uint64 {
	if given != 0 {
		return uint64(given)
	}
	var limit uint64
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		limit = availableBytes(b)
	}
	if n, ok := containerBytes("/sys/fs/cgroup"); ok && (limit == 0 || n < limit) {
		limit = n
	}
	return limit
}

// availableBytes reads MemAvailable of /proc/meminfo (proc(5)), in KiB there.
func availableBytes(meminfo []byte) uint64 {
	s := bufio.NewScanner(bytes.NewReader(meminfo))
	for s.Scan() {
		f := bytes.Fields(s.Bytes())
		if len(f) < 2 || string(f[0]) != "MemAvailable:" {
			continue
		}
		if kib, err := strconv.ParseUint(string(f[1]), 10, 53); err == nil {
			return kib << 10
		}
	}
	return 0
}

// containerBytes is memory.max less memory.current of control group version 2
// (kernel documentation, cgroup-v2), at least one byte; ok is false without a
// limit.
func containerBytes(dir string) (n uint64, ok bool) {
	read := func(name string) (uint64, error) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return 0, err
		}
		return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	}
	most, err := read("memory.max") // "max" is no number
	if err != nil {
		return 0, false
	}
	used, err := read("memory.current")
	if err != nil {
		return 0, false
	}
	return max(most, used+1) - used, true
}
