package host_test

import (
	"context"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// openFiles counts this process's descriptors, or 0 where the system hides them.
func openFiles() int {
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(d)
}

// TestNoLeak runs 200 jobs, good and bad, and counts descriptors, goroutines and
// child processes: Wait returned for each worker.
func TestNoLeak(t *testing.T) {
	var live sync.WaitGroup
	m := loadWith(t, host.Config{Launcher: counting{host.SelfLauncher(), &live}}, plan(Cat(I32(1), Call(InLen), Op(0xa7), Op(0x04, 0x40, 0x00, 0x0b), I32(0))))
	job := func(i int) {
		inst, err := m.Open(t.Context())
		require.NoError(t, err)
		_, err = inst.Call(t.Context(), "qx_plan", nil, map[int][]byte{1: make([]byte, i%2)}) // odd: trap
		require.NoError(t, err)
		require.NoError(t, inst.Close())
	}
	job(0)
	files, routines := openFiles(), runtime.NumGoroutine()
	for i := range 200 {
		job(i)
	}
	live.Wait()
	require.LessOrEqual(t, openFiles(), files)
	require.LessOrEqual(t, runtime.NumGoroutine(), routines+2)
}

// counting counts workers that were started and not waited for.
type counting struct {
	host.Launcher
	live *sync.WaitGroup
}

func (c counting) Launch(ctx context.Context) (*host.Process, error) {
	p, err := c.Launcher.Launch(ctx)
	if err != nil {
		return nil, err
	}
	c.live.Add(1)
	wait := p.Wait
	p.Wait = func() error { defer c.live.Done(); return wait() }
	return p, nil
}

func BenchmarkOpen(b *testing.B) {
	m := hosttest.Load(b, plan(I32(0)), abi.KindTraps)
	for b.Loop() {
		inst, err := m.Open(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		inst.Close()
	}
}

// BenchmarkRows moves 10 MB into a guest and out of it.
func BenchmarkRows(b *testing.B) {
	inst := hosttest.Open(b, hosttest.Load(b, plan(echo()), abi.KindTraps))
	in := map[int][]byte{1: make([]byte, 10_000_000)}
	b.SetBytes(20_000_000)
	for b.Loop() {
		if o, err := inst.Call(b.Context(), "qx_plan", nil, in); err != nil || o.Class != abi.OK {
			b.Fatal(o, err)
		}
	}
}
