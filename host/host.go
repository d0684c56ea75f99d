// Package host is the sandbox for WebAssembly guests: it validates, hashes and
// meters a module, runs it in a worker process of its own, and classifies how each
// call ends.
//
// It promises that no guest code runs in the calling process; that a module was
// checked by wasmbin and metered by meter before any engine sees it, and that the
// bytes that were hashed are the ones that were metered; that a guest that loops,
// recurses, dies or lies ends as an Outcome or an *Error and leaves the host
// working; that class, outputs, fuel and depth of an Outcome are the same on every
// machine and engine. The wall limit is for engines that fail: a guest meets its
// fuel first. Package host knows no engine: a runtime (host/wazerort) is linked in
// by import.
//
// Every binary that runs guests is its own worker: its main or TestMain begins
// with MaybeWorker.
package host

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host/worker"
)

// Outcome is how a call ended; see abi.Outcome.
type Outcome = abi.Outcome

// Limits bound a guest and its worker. A zero field means the default of the
// guest's kind.
type Limits struct {
	ModuleBytes int           // 1 MiB for trap libraries, 8 MiB for compilers, which are also the most
	MemoryPages uint32        // declared maximum, pages of 64 KiB: 256 for trap libraries, 4096 for compilers, which are also the most
	InputBytes  uint64        // of one input stream, default 64 MiB; all inputs of a call together 4 times that
	OutputBytes uint64        // of one output stream, default 64 MiB; all outputs of a call together twice that
	OpenTime    time.Duration // wall time to start and compile, default 30 s
	CallTime    time.Duration // wall time of one call, default 60 s and 20 ns for each unit of its fuel, ten times that for interpreters
	Fuel        uint64        // lowers the fuel of a call, see Budget; 0: does not
	LoadFuel    uint64        // most fuel of making an instance; 0: any module that is accepted
	WorkerBytes uint64        // writable memory of the worker process, default 1 GiB and twice what all streams of a call may hold
}

// Defaults of Limits.
const (
	defaultStream   = 64 << 20
	defaultOpenTime = 30 * time.Second
	defaultCallTime = 60 * time.Second
	defaultWorker   = 1 << 30
	maxModule       = 16 << 20
)

// Config configures a Host. The zero value works in a wired binary.
type Config struct {
	Limits   Limits
	Launcher Launcher     // nil: this binary executes itself
	Runtime  string       // name of a registered runtime; empty: the first
	Logger   *slog.Logger // nil: silent
	Clock    Clock        // for the watchdog; nil: the machine's
	// Floats lets modules with floating point in, float policy `canonical`: their
	// NaNs are made canonical and they may have 4 MiB. Go guests need it. Without it,
	// policy `none`, they are refused.
	Floats   bool
	Parallel int        // calls and compilations at the same time; 0: as many as Go runs threads. Others wait, before their wall time begins
	Code     *CodeCache // native code of earlier processes; nil: each worker compiles
	// HashMemory puts the digest of the guest's memory into every Outcome, which
	// takes as long as hashing it; for comparing engines.
	HashMemory bool
}

// Host loads modules. It is safe for concurrent use.
type Host struct {
	cfg Config
	run chan struct{} // a place for each guest that may run

	mu  sync.Mutex
	box *worker.Sandbox // as the last worker reported it
}

// New makes a host. It starts no process: each instance gets a worker of its own,
// which takes some milliseconds to start and is never used again, because a guest
// that broke out of its engine could wait in it for the secrets of the next job.
func New(cfg Config) (*Host, error) {
	l := &cfg.Limits
	if cfg.Parallel < 0 || l.ModuleBytes < 0 || l.OpenTime < 0 || l.CallTime < 0 {
		return nil, fmt.Errorf("guest host: limits %+v: want no negative ones", *l)
	}
	if l.ModuleBytes > maxModule || l.InputBytes > 1<<30 || l.OutputBytes > 1<<30 || l.Fuel > maxFuel {
		return nil, fmt.Errorf("guest host: limits %+v: want modules up to %d bytes, streams up to 1 GiB and fuel below 2^63", *l, maxModule)
	}
	setDefault(&l.InputBytes, defaultStream)
	setDefault(&l.OutputBytes, defaultStream)
	setDefault(&l.OpenTime, defaultOpenTime)
	setDefault(&l.WorkerBytes, defaultWorker+2*(worker.InputStreams*l.InputBytes+2*l.OutputBytes))
	if cfg.Launcher == nil {
		cfg.Launcher = selfLauncher{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = systemClock{}
	}
	setDefault(&cfg.Parallel, runtime.GOMAXPROCS(0))
	return &Host{cfg: cfg, run: make(chan struct{}, cfg.Parallel)}, nil
}

// turn waits for a place among the guests that run; done gives it back.
func (h *Host) turn(ctx context.Context) (done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case h.run <- struct{}{}:
		return func() { <-h.run }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Sandbox is what is in force around a worker.
type Sandbox = worker.Sandbox

// SandboxLevel reports what is in force around workers, as the last one said; it
// starts one to ask if there was none yet.
func (h *Host) SandboxLevel(ctx context.Context) (Sandbox, error) {
	h.mu.Lock()
	box := h.box
	h.mu.Unlock()
	if box != nil {
		return *box, nil
	}
	p, err := h.start(ctx, "")
	if err != nil {
		return Sandbox{}, err
	}
	defer p.end()
	ready, err := p.hello(ctx, &worker.Hello{Limits: worker.Limits{DataBytes: h.cfg.Limits.WorkerBytes}})
	if err != nil {
		return Sandbox{}, err
	}
	return ready.Sandbox, nil
}

func (h *Host) setSandbox(box worker.Sandbox) {
	h.mu.Lock()
	h.box = &box
	h.mu.Unlock()
}
