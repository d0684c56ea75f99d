package host_test

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/animicaorg/engine/host/wazerort"
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
		require.Contains(t, []string{"full", "landlock", "limits"}, box.Level())
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
