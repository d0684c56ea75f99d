//go:build unix

package qpu_test

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/qpu"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
)

// jobsOfGrowth is how many jobs TestNoGrowth runs.
func jobsOfGrowth() int {
	switch os.Getenv("ENGINE_TORTURE") {
	case "full":
		return 1000
	case "commit":
		return 300
	}
	return 80
}

// TestNoGrowth runs jobs one after the other through one driver process. After a
// quarter of them neither engine nor driver gains goroutines, open files or, beyond
// a tenth, resident memory; the slope over the rest is printed.
func TestNoGrowth(t *testing.T) {
	jobs := jobsOfGrowth()
	var cache string
	s := startDriver(t, "serve-mockqpu", func(c *supervisor.Config) { cache = c.Configure.CacheDir })
	journal, err := driver.OpenLedger(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { journal.Close() })
	b, err := qpu.Open(t.Context(), qpu.Config{Name: "mockqpu", Acquire: s.Acquire, Journal: journal})
	require.NoError(t, err)
	asked := 0
	driverSide := func() (f footprint) {
		pid, err := strconv.Atoi(s.Status().PID)
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(pid, syscall.SIGUSR1))
		name := filepath.Join(cache, "goroutines."+strconv.Itoa(asked))
		asked++
		var text []byte
		require.Eventually(t, func() bool { text, err = os.ReadFile(name); return err == nil }, time.Minute, time.Millisecond)
		f.goroutines, err = strconv.Atoi(string(text))
		require.NoError(t, err)
		f.files, f.resident = openFiles(s.Status().PID), residentBytes(s.Status().PID)
		require.NotZero(t, f.files)
		require.NotZero(t, f.resident)
		return f
	}
	pid := s.Status().PID
	var engine, device []footprint
	for i := range jobs {
		require.NoError(t, runNumbers(t.Context(), b, i))
		if (i+1)%(jobs/4) == 0 {
			engine, device = append(engine, *measure()), append(device, driverSide())
		}
	}
	require.Equal(t, pid, s.Status().PID, "one process ran all jobs")
	for side, f := range map[string][]footprint{"engine": engine, "driver": device} {
		first, last := f[0], f[len(f)-1]
		per := float64(int64(last.resident)-int64(first.resident)) / float64(jobs*3/4)
		t.Logf("%s: after %d jobs %s; after %d %s; %.0f bytes resident a job", side, jobs/4, &first, jobs, &last, per)
		require.LessOrEqual(t, last.goroutines, first.goroutines+5, "goroutines of the %s", side)
		require.LessOrEqual(t, last.files, first.files+3, "open files of the %s", side)
		require.LessOrEqual(t, last.resident, first.resident+first.resident/10+8<<20, "resident memory of the %s", side)
	}
}
