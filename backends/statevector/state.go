package statevector

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector/internal/exec"
	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// Options of a run. None of them but Precision changes a result.
type Options struct {
	Precision   Precision
	Threads     int    // goroutines; 0 means one per CPU
	MemoryBytes uint64 // most that the state may hold; 0 means no bound
	// Kernel is one of Kernels, or "" for the first of them. Trajectories have the
	// generic one only and use it whatever is named here.
	Kernel string
	// Progress is called from the calling goroutine after each pass over the state.
	Progress func(done, total int)
	// Reuse gives up an earlier state, whose memory the new one takes over where
	// it fits. The old state must not be used again.
	Reuse *State
}

// Kernels names the arithmetic kernels that this machine can run, the fastest
// first: of avx512, avx2, neon and generic. All give the same bits.
func Kernels() []string {
	var names []string
	for _, k := range kernel.All() {
		names = append(names, k.Name())
	}
	return names
}

// KernelOf names the kernel that Simulate takes where one of Kernels, or "", is
// asked for.
func KernelOf(name string, p Precision) string {
	k, err := kernel.Find(name)
	if err != nil {
		return ""
	}
	if p == Complex128 {
		return kernel.DoubleOf(k).Name()
	}
	return k.Name()
}

// TrajectoryKernel is the only kernel of Trajectories.
const TrajectoryKernel = "generic"

// CheckKernel refuses a name that is neither "" nor one of Kernels with
// ErrUnsupported.
func CheckKernel(name string) error {
	_, err := findKernel(name)
	return err
}

func findKernel(name string) (kernel.Kernel, error) {
	k, err := kernel.Find(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, backends.ErrUnsupported)
	}
	return k, nil
}

// State is the outcome of a run. Its methods but Close may be called from many
// goroutines at once. Close gives its memory back at once; without it the
// garbage collector does so some time after the last use.
type State struct {
	p       *Program
	prc     Precision
	plan    *plan.Plan
	fast    *exec.State // set for Complex64
	cleanup runtime.Cleanup
	mu      sync.Mutex // of fast.Sample and draws
	draws   draws
	wide    *exec.Double // set for Complex128, with plan
}

// Simulate runs a program. It returns ctx's error within 50 ms of cancellation,
// ErrTooLarge where memory does not suffice and ErrUnsupported for a kernel that
// this machine has not.
func Simulate(ctx context.Context, p *Program, o Options) (*State, error) {
	k, err := findKernel(o.Kernel)
	if err != nil {
		return nil, err
	}
	if err := Admit(p.Width(), o.Precision, o.MemoryBytes); err != nil {
		return nil, err
	}
	old := o.Reuse.giveUp(o.Precision)
	switch o.Precision {
	case Complex64:
		return runFast(ctx, p, k, o, old)
	case Complex128:
		return runDouble(ctx, p, k, o, old)
	}
	return nil, fmt.Errorf("precision %d: %w", o.Precision, backends.ErrUnsupported)
}

// remains is what one run leaves to the next.
type remains struct {
	plan  *plan.Plan
	fast  *exec.State
	wide  *exec.Double
	draws draws
}

// giveUp takes the memory out of s, which may be nil, and closes what a state of
// the given precision has no use for.
func (s *State) giveUp(next Precision) remains {
	if s == nil {
		return remains{}
	}
	r := remains{s.plan, s.fast, s.wide, s.draws}
	s.cleanup.Stop()
	s.draws = draws{}
	s.plan, s.fast, s.wide = nil, nil, nil
	if next != Complex64 && r.fast != nil {
		r.fast.Close()
		r.fast = nil
	}
	if next != Complex128 && r.wide != nil {
		r.wide.Close()
		r.wide = nil
	}
	return r
}

// Close gives the memory back. The state must not be used again, nor be in use.
func (s *State) Close() {
	if r := s.giveUp(Complex128); r.wide != nil {
		r.wide.Close()
	}
}

func runFast(ctx context.Context, p *Program, k kernel.Kernel, o Options, old remains) (*State, error) {
	order, err := p.order(ctx, old.plan)
	if err != nil {
		if old.fast != nil {
			old.fast.Close()
		}
		return nil, err
	}
	s := &State{p: p, prc: Complex64, plan: order, draws: old.draws}
	s.fast, err = exec.Run(ctx, p.phases, s.plan, exec.Options{Kernel: k, Threads: o.Threads, Progress: o.Progress, Reuse: old.fast})
	if err != nil {
		return nil, err
	}
	if s.fast.Mapped() { // the collector does not know of it
		s.cleanup = runtime.AddCleanup(s, (*exec.State).Close, s.fast)
	}
	return s, nil
}

func runDouble(ctx context.Context, p *Program, k kernel.Kernel, o Options, old remains) (*State, error) {
	order, err := p.order(ctx, old.plan)
	if err != nil {
		if old.wide != nil {
			old.wide.Close()
		}
		return nil, err
	}
	s := &State{p: p, prc: Complex128, plan: order}
	s.wide, err = exec.RunDouble(ctx, p.phases, s.plan, exec.Options{Kernel: k, Threads: o.Threads, Progress: o.Progress}, old.wide)
	if err != nil {
		return nil, err
	}
	s.cleanup = runtime.AddCleanup(s, (*exec.Double).Close, s.wide)
	return s, nil
}

// Width is the number of qubits.
func (s *State) Width() int { return s.p.Width() }

// Precision is the amplitude type.
func (s *State) Precision() Precision { return s.prc }

// Numeric names the arithmetic that made the state.
func (s *State) Numeric() string { return s.p.Numeric(s.prc) }
