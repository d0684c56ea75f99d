package host_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	"github.com/animicaorg/engine/host/meter"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/animicaorg/engine/host/worker"
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

// TestNoLeak runs 200 jobs, good and bad (HOST_LEAK_JOBS says how many), and counts
// descriptors, goroutines, memory, temporary files and child processes: Wait
// returned for each worker.
func TestNoLeak(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var live sync.WaitGroup
	cache, err := host.OpenCodeCache(t.TempDir(), filepath.Join(t.TempDir(), "key"), rand.Reader)
	require.NoError(t, err)
	m := loadWith(t, host.Config{Code: cache, Launcher: counting{host.SelfLauncher(), &live}}, plan(Cat(I32(1), Call(InLen), Op(0xa7), Op(0x04, 0x40, 0x00, 0x0b), I32(0))))
	job := func(i int) {
		inst, err := m.Open(t.Context())
		require.NoError(t, err)
		_, err = inst.Call(t.Context(), "qx_plan", nil, map[int][]byte{1: make([]byte, i%2)}) // odd: trap
		require.NoError(t, err)
		require.NoError(t, inst.Close())
	}
	job(0)
	files, routines := openFiles(), runtime.NumGoroutine()
	heap, temp := heapInUse(), entries(t, os.TempDir())
	for i := range leakJobs() {
		job(i)
	}
	live.Wait()
	require.LessOrEqual(t, openFiles(), files)
	require.LessOrEqual(t, runtime.NumGoroutine(), routines+2)
	require.Less(t, heapInUse(), heap+8<<20, "memory does not grow with the jobs")
	require.LessOrEqual(t, entries(t, os.TempDir()), temp, "no temporary file stays")
}

// leakEnv makes TestNoLeak run another number of jobs.
const leakEnv = "HOST_LEAK_JOBS"

func leakJobs() int {
	if n, err := strconv.Atoi(os.Getenv(leakEnv)); err == nil && n > 0 {
		return n
	}
	return 200
}

func heapInUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	return len(list)
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

// TestHeartbeat: while guests loop, this process collects garbage and schedules
// as ever. In one process with wazero a collection waits for the guest's end.
func TestHeartbeat(t *testing.T) {
	m := loadWith(t, host.Config{Limits: host.Limits{Fuel: 200_000_000}}, plan(loop()))
	ended := make(chan error, 2)
	var guests sync.WaitGroup
	for range cap(ended) {
		inst := hosttest.Open(t, m)
		guests.Go(func() {
			o, err := inst.Call(context.Background(), "qx_plan", nil, nil)
			if err == nil && o.Class != abi.OutOfFuel {
				err = fmt.Errorf("ended as %v", o.Class)
			}
			ended <- err
		})
	}
	beats := 0
	for len(ended) < cap(ended) {
		runtime.GC()
		beats++
	}
	guests.Wait()
	for range cap(ended) {
		require.NoError(t, <-ended)
	}
	t.Logf("%d collections while two guests used up their fuel", beats)
	require.Greater(t, beats, 5)
}

// TestParallel: no more calls run at the same time than the limit, whatever is
// asked for; those that wait end with their context.
func TestParallel(t *testing.T) {
	started := make(chan *host.Process, 3)
	m := loadWith(t, host.Config{Parallel: 1, Limits: host.Limits{Fuel: 1e12}, Launcher: launcher{host.SelfLauncher(), started}}, plan(loop()))
	first, second := hosttest.Open(t, m), hosttest.Open(t, m)
	p := <-started
	ended := make(chan error, 1)
	go func() {
		_, err := first.Call(context.Background(), "qx_plan", nil, nil)
		ended <- err
	}()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { cancel() }()
	_, err := second.Call(ctx, "qx_plan", nil, nil)
	requireInfra(t, err)
	p.Kill()
	requireInfra(t, <-ended)
	o, err := hosttest.Open(t, m).Call(t.Context(), "qx_describe", nil, nil)
	require.NoError(t, err, "the places are free again")
	require.Equal(t, abi.OK, o.Class)
}

// TestParallelLimit counts the calls that workers have at the same time.
func TestParallelLimit(t *testing.T) {
	var now, most atomic.Int32
	both, once := make(chan struct{}), sync.Once{}
	h, err := host.New(host.Config{Parallel: 2, Launcher: fake(func(conn net.Conn) {
		hello, err := worker.ReadHello(conn)
		if err != nil || worker.WriteReady(conn, &worker.Ready{Seq: hello.Seq}) != nil {
			return
		}
		for {
			c, err := worker.ReadCall(conn, hello.Limits)
			if err != nil {
				return
			}
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			if n == 2 {
				once.Do(func() { close(both) })
			}
			<-both // the first waits for a second
			for range 50 {
				runtime.Gosched()
			}
			now.Add(-1)
			if worker.WriteResult(conn, &worker.Result{Seq: c.Seq, Class: abi.OK, Depth: meter.Depth}) != nil {
				return
			}
		}
	})})
	require.NoError(t, err)
	m, err := h.Load(t.Context(), plan(I32(0)), abi.KindTraps)
	require.NoError(t, err)
	var jobs sync.WaitGroup
	for range 8 {
		inst := hosttest.Open(t, m)
		jobs.Go(func() {
			for range 50 {
				if _, err := inst.Call(context.Background(), "qx_plan", nil, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	jobs.Wait()
	require.Equal(t, int32(2), most.Load())
}

// BenchmarkHeartbeat reports the longest gap of a goroutine of the supervisor that
// wants to run all the time, with collections, while two guests loop.
func BenchmarkHeartbeat(b *testing.B) {
	h, err := host.New(host.Config{Parallel: 2, Limits: host.Limits{Fuel: 500_000_000}})
	require.NoError(b, err)
	m, err := h.Load(b.Context(), plan(loop()), abi.KindTraps)
	require.NoError(b, err)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	var worst time.Duration
	beats := 0
	for b.Loop() {
		var guests sync.WaitGroup
		var open atomic.Int32
		for range 2 {
			inst, err := m.Open(b.Context())
			require.NoError(b, err)
			open.Add(1)
			guests.Go(func() {
				_, _ = inst.Call(context.Background(), "qx_plan", nil, nil)
				_ = inst.Close()
				open.Add(-1)
			})
		}
		for last := <-tick.C; open.Load() > 0; beats++ {
			if beats%64 == 0 {
				go runtime.GC()
			}
			now := <-tick.C
			worst = max(worst, now.Sub(last))
			last = now
		}
		guests.Wait()
	}
	b.ReportMetric(worst.Seconds()*1e3, "worst-gap-ms")
	b.ReportMetric(float64(beats)/float64(b.N), "beats/op")
}
