//go:build unix

package qpu_test

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// footprint is what a process holds.
type footprint struct {
	goroutines, files int
	resident          uint64 // bytes; 0 where the system does not tell
}

func (f *footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %.1f MiB resident", f.goroutines, f.files, float64(f.resident)/(1<<20))
}

// measure is the footprint of this process, after a collection.
func measure() *footprint {
	runtime.GC()
	return &footprint{runtime.NumGoroutine(), openFiles("self"), residentBytes("self")}
}

func openFiles(pid string) int {
	list, err := os.ReadDir("/proc/" + pid + "/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

func residentBytes(pid string) uint64 {
	b, err := os.ReadFile("/proc/" + pid + "/statm")
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		return 0
	}
	return n * uint64(os.Getpagesize())
}

// tellGoroutines answers SIGUSR1 with a file in the driver's cache folder: what a
// driver holds else is seen from outside.
func tellGoroutines(dir string) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	go func() {
		for n := 0; ; n++ {
			<-c
			runtime.GC()
			tmp := filepath.Join(dir, "goroutines.tmp")
			if err := os.WriteFile(tmp, []byte(strconv.Itoa(runtime.NumGoroutine())), 0o600); err == nil {
				_ = os.Rename(tmp, filepath.Join(dir, "goroutines."+strconv.Itoa(n)))
			}
		}
	}()
}
