package host_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/animicaorg/engine/host/wazerort"
	"github.com/animicaorg/engine/host/worker"
	"github.com/stretchr/testify/require"
)

// loop never returns.
func loop() []byte { return Cat(Op(0x03, 0x40), Br(0), Op(0x0b), I32(0)) }

// clock fires the timers of one duration at once and never any other.
type clock struct{ fire time.Duration }

func (clock) Now() time.Time { return time.Unix(0, 0) }

func (c clock) AfterFunc(d time.Duration, f func()) func() bool {
	if d == c.fire {
		go f()
	}
	return func() bool { return true }
}

// launcher wraps the default one and shows what it started.
type launcher struct {
	host.Launcher
	started chan *host.Process
}

func (l launcher) Launch(ctx context.Context) (*host.Process, error) {
	p, err := l.Launcher.Launch(ctx)
	if err == nil {
		l.started <- p
	}
	return p, err
}

func loadWith(t *testing.T, cfg host.Config, wasm []byte) *host.Module {
	t.Helper()
	h, err := host.New(cfg)
	require.NoError(t, err)
	m, err := h.Load(t.Context(), wasm, abi.KindTraps)
	require.NoError(t, err)
	return m
}

func requireInfra(t *testing.T, err error) {
	t.Helper()
	var e *host.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, abi.Infra, e.Class)
}

// TestInfiniteLoop: the wall limit ends it as INFRA, and the instance is spent.
func TestInfiniteLoop(t *testing.T) {
	m := loadWith(t, host.Config{Clock: clock{time.Hour}, Limits: host.Limits{CallTime: time.Hour}}, plan(loop()))
	inst := hosttest.Open(t, m)
	_, err := inst.Call(t.Context(), "qx_plan", nil, nil)
	requireInfra(t, err)
	require.ErrorIs(t, err, host.ErrWallTime)
	_, err = inst.Call(t.Context(), "qx_describe", nil, nil)
	require.ErrorIs(t, err, host.ErrSpent)

	m = loadWith(t, host.Config{Clock: clock{time.Minute}, Limits: host.Limits{OpenTime: time.Minute}}, plan(loop()))
	_, err = m.Open(t.Context())
	require.ErrorIs(t, err, host.ErrWallTime)
}

// TestContext: cancelling ends a guest that loops.
func TestContext(t *testing.T) {
	m := loadWith(t, host.Config{}, plan(loop()))
	inst := hosttest.Open(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	_, err := inst.Call(ctx, "qx_plan", nil, nil)
	requireInfra(t, err)
	require.ErrorIs(t, err, context.Canceled)
	_, err = m.Open(ctx)
	require.ErrorIs(t, err, context.Canceled)
	hosttest.Open(t, m)
}

// TestKilledWorker: a worker that dies in the middle of a call is INFRA, and the
// host goes on.
func TestKilledWorker(t *testing.T) {
	started := make(chan *host.Process, 2)
	m := loadWith(t, host.Config{Launcher: launcher{host.SelfLauncher(), started}}, plan(loop()))
	inst := hosttest.Open(t, m)
	p := <-started
	go p.Kill()
	_, err := inst.Call(t.Context(), "qx_plan", nil, nil)
	requireInfra(t, err)
	require.ErrorContains(t, err, "killed")
	_, err = inst.Call(t.Context(), "qx_plan", nil, nil)
	require.ErrorIs(t, err, host.ErrSpent)
	o, err := hosttest.Open(t, m).Call(t.Context(), "qx_describe", nil, nil)
	require.NoError(t, err)
	require.Equal(t, abi.OK, o.Class)
}

func TestSpentAfterTrap(t *testing.T) {
	inst := open(t, plan(Op(0x00)))
	o, err := inst.Call(t.Context(), "qx_plan", nil, nil)
	require.NoError(t, err)
	require.Equal(t, abi.Trap, o.Class)
	_, err = inst.Call(t.Context(), "qx_describe", nil, nil)
	require.ErrorIs(t, err, host.ErrSpent)
	require.NoError(t, inst.Close())
	require.NoError(t, inst.Close())
}

// fake is a worker in this process that answers as it likes.
type fake func(conn net.Conn)

func (f fake) Launch(context.Context) (*host.Process, error) {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		f(far)
	}()
	return &host.Process{Conn: near, Kill: func() { far.Close() }, Wait: func() error { <-done; return nil }}, nil
}

// result is a frame of type 4.
func result(seq uint64, meta, body []byte) []byte {
	h := Cat([]byte("QXW1\x04\x00\x00\x00"), binary.LittleEndian.AppendUint64(nil, seq), binary.LittleEndian.AppendUint32(nil, uint32(len(meta))), make([]byte, 4),
		binary.LittleEndian.AppendUint64(nil, uint64(len(body))))
	return Cat(h, meta, body)
}

// meta of a result without message: class, code, pages, one stream.
func resultMeta(class byte, code, pages uint32, stream byte, size uint64) []byte {
	m := binary.LittleEndian.AppendUint32([]byte{class}, code)
	m = binary.LittleEndian.AppendUint32(m, pages)
	return binary.LittleEndian.AppendUint64(append(m, 0, 0, 1, stream), size)
}

// TestHostileWorker: whatever a worker sends is either the one right answer or
// INFRA.
func TestHostileWorker(t *testing.T) {
	good := result(1, resultMeta(1, 0, 1, 16, 3), []byte("abc"))
	answer := func(b []byte) fake {
		return func(conn net.Conn) {
			h, err := worker.ReadHello(conn)
			if err != nil || worker.WriteReady(conn, &worker.Ready{Seq: h.Seq}) != nil {
				return
			}
			if _, err := worker.ReadCall(conn, h.Limits); err != nil {
				return
			}
			conn.Write(b)
		}
	}
	run := func(f fake) (*host.Outcome, error) {
		m := loadWith(t, host.Config{Launcher: f, Limits: host.Limits{OutputBytes: 1000}}, plan(I32(0)))
		inst, err := m.Open(t.Context())
		if err != nil {
			return nil, err
		}
		defer inst.Close()
		return inst.Call(t.Context(), "qx_plan", nil, map[int][]byte{0: []byte("in")})
	}
	o, err := run(answer(good))
	require.NoError(t, err)
	require.Equal(t, []byte("abc"), o.Out[16])
	for n := range good {
		_, err := run(answer(good[:n]))
		requireInfra(t, err)
	}
	for name, b := range map[string][]byte{
		"another call":            result(2, resultMeta(1, 0, 1, 16, 3), []byte("abc")),
		"class 0":                 result(1, resultMeta(0, 0, 1, 16, 0), nil),
		"class LOAD_REJECTED":     result(1, resultMeta(8, 0, 1, 16, 0), nil),
		"class 200":               result(1, resultMeta(200, 0, 1, 16, 0), nil),
		"OK with a code":          result(1, resultMeta(1, 4, 1, 16, 3), []byte("abc")),
		"DOMAIN_ERROR without":    result(1, resultMeta(2, 0, 1, 16, 0), nil),
		"code above the range":    result(1, resultMeta(2, 0x8000, 1, 16, 0), nil),
		"trap with output":        result(1, resultMeta(3, 0, 1, 16, 3), []byte("abc")),
		"memory above the limit":  result(1, resultMeta(1, 0, 257, 16, 3), []byte("abc")),
		"an input stream":         result(1, resultMeta(1, 0, 1, 3, 3), []byte("abc")),
		"stream 32":               result(1, resultMeta(1, 0, 1, 32, 3), []byte("abc")),
		"above the output limit":  result(1, resultMeta(1, 0, 1, 16, 1001), make([]byte, 1001)),
		"2^63 bytes":              result(1, resultMeta(1, 0, 1, 16, 1<<63), nil),
		"less than the body":      result(1, resultMeta(1, 0, 1, 16, 2), []byte("abc")),
		"more than the body":      result(1, resultMeta(1, 0, 1, 16, 4), []byte("abc")),
		"meta too short":          result(1, resultMeta(1, 0, 1, 16, 3)[:9], []byte("abc")),
		"meta too long":           result(1, append(resultMeta(1, 0, 1, 16, 3), 0), []byte("abc")),
		"another frame type":      Cat([]byte("QXW1\x02"), good[5:]),
		"reserved bytes":          Cat(good[:5], []byte{1}, good[6:]),
		"another magic":           Cat([]byte("QXW2"), good[4:]),
		"INFRA of the worker":     result(1, resultMeta(9, 0, 1, 16, 0), nil),
		"nothing, and hanging up": nil,
	} {
		_, err := run(answer(b))
		requireInfra(t, err)
		require.Error(t, err, name)
	}
	ready := func(r worker.Ready) fake {
		return func(conn net.Conn) {
			if _, err := worker.ReadHello(conn); err == nil {
				worker.WriteReady(conn, &r)
			}
		}
	}
	for _, f := range []fake{ready(worker.Ready{Seq: 7}), ready(worker.Ready{Status: worker.ReadyFailed, Message: "no"}), ready(worker.Ready{Status: 3}), func(net.Conn) {}} {
		_, err := run(f)
		requireInfra(t, err)
	}
	_, err = run(ready(worker.Ready{Status: worker.ReadyRejected, Message: "types"}))
	require.Equal(t, abi.LoadRejected, abi.ClassOf(err))

	// A worker that never answers is ended by the watchdog.
	m := loadWith(t, host.Config{Clock: clock{time.Hour}, Limits: host.Limits{CallTime: time.Hour}, Launcher: fake(func(conn net.Conn) {
		h, err := worker.ReadHello(conn)
		if err == nil && worker.WriteReady(conn, &worker.Ready{Seq: h.Seq}) == nil {
			io.Copy(io.Discard, conn)
		}
	})}, plan(I32(0)))
	inst := hosttest.Open(t, m)
	_, err = inst.Call(t.Context(), "qx_plan", nil, nil)
	require.ErrorIs(t, err, host.ErrWallTime)
}

func TestUnknownRuntime(t *testing.T) {
	m := loadWith(t, host.Config{Runtime: "another"}, plan(I32(0)))
	_, err := m.Open(t.Context())
	requireInfra(t, err)
	require.ErrorContains(t, err, `runtime "another" is not in this binary`)
}

func TestSandboxLevel(t *testing.T) {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	box, err := h.SandboxLevel(t.Context())
	require.NoError(t, err)
	t.Log(box)
	if runtime.GOOS == "linux" {
		require.True(t, box.Limits && box.NoNewPrivs && box.Orphan, "%v", box)
		require.Contains(t, []string{"landlock", "limits"}, box.Level())
	}
	again, err := h.SandboxLevel(t.Context())
	require.NoError(t, err)
	require.Equal(t, box, again)
}

// TestParallelIsSerial: instances of one module in parallel give the bytes that
// one gives.
func TestParallelIsSerial(t *testing.T) {
	m := hosttest.Load(t, plan(echo()), abi.KindTraps)
	inputs := make([][]byte, 16)
	for i := range inputs {
		inputs[i] = bytes.Repeat([]byte{byte(i)}, 10_000*i+1)
	}
	outputs := make([][]byte, len(inputs))
	var wg sync.WaitGroup
	for w := range 4 {
		inst := hosttest.Open(t, m)
		wg.Go(func() {
			for i := w; i < len(inputs); i += 4 {
				if o, err := inst.Call(context.Background(), "qx_plan", nil, map[int][]byte{1: inputs[i]}); err == nil {
					outputs[i] = o.Out[16]
				}
			}
		})
	}
	wg.Wait()
	for i := range inputs {
		require.True(t, bytes.Equal(inputs[i], outputs[i]), "%d", i)
	}
}

// TestRuntimesAgree runs a guest on the compiler and on the interpreter.
func TestRuntimesAgree(t *testing.T) {
	in := bytes.Repeat([]byte("abc"), 30_000)
	var outcomes []*host.Outcome
	for _, name := range []string{wazerort.NameCompiler, wazerort.NameInterpreter} {
		inst := hosttest.Open(t, loadWith(t, host.Config{Runtime: name}, plan(echo())))
		o, err := inst.Call(t.Context(), "qx_plan", nil, map[int][]byte{1: in})
		require.NoError(t, err)
		o.Duration = 0
		outcomes = append(outcomes, o)
		inst = hosttest.Open(t, loadWith(t, host.Config{Runtime: name}, plan(Call(own))))
		o, err = inst.Call(t.Context(), "qx_plan", nil, nil)
		require.NoError(t, err)
		require.Equal(t, abi.Depth, o.Class, name)
	}
	require.Len(t, outcomes, 2)
	require.Equal(t, outcomes[0], outcomes[1])
}

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
