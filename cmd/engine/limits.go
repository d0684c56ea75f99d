package main

import (
	"bufio"
	"bytes"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/internal/cli"
)

// addLimits adds --threads and --memory. Neither changes a result.
func addLimits(f *pflag.FlagSet, threads *int, memory *cli.Size) {
	f.IntVar(threads, "threads", 0, "goroutines; 0 is one per CPU")
	f.Var(memory, "memory", "most that the state may hold, such as 8GiB; 0 is what the machine has available")
}

// memoryLimit is the limit given, else what Linux calls available; 0 where that
// is not known.
func memoryLimit(given cli.Size) uint64 {
	if given != 0 {
		return uint64(given)
	}
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return availableBytes(b)
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
