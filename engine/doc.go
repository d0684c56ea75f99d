// Package engine runs the main job: Plan fixes everything that will happen
// (compiler, traps, every slot) and logs its digests before the first shot; Run
// executes the slots on a backend and lets the trap library judge them.
//
// It promises that Plan is a pure function of its inputs: the same task, modules,
// policy and device give the same bytes on every machine. It promises that the
// verdict is the module's, computed outside the backend, and that the backend
// saw neither seed nor role nor pad. It does not sign, does not read keys and
// does not choose policy: the caller passes those in. The only clock is Config.Now.
package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Compiler is a loaded compiler module.
type Compiler interface {
	// Compile returns the layered circuit and its bytes as the module wrote them.
	Compile(ctx context.Context, lowered *circuit.Circuit, t guest.Target) (*circuit.Layered, []byte, error)
}

// TrapLibrary is a loaded trap library. All byte slices are messages of ABI qx1.
type TrapLibrary interface {
	Plan(ctx context.Context, layered []byte, h guest.Header, p guest.Policy) (*guest.Plan, []byte, error)
	Generate(ctx context.Context, layered, plan []byte, h guest.Header, p guest.Policy, root [32]byte, first uint64, n int) (*guest.Rows, *guest.Hidden, error)
	// Judge is given hidden data and outcomes of slots 0..n-1 and answers with
	// the report and its bytes.
	Judge(ctx context.Context, plan []byte, h *guest.Hidden, o *guest.Outcomes) (*guest.Verdict, []byte, error)
}

// Sentinels; each leads to another decision of the caller.
var (
	// ErrRefused: the task can never run as it is (width, policy, device); the
	// message names the field and what would do.
	ErrRefused = errors.New("job refused")
	// ErrViolation: a module broke the contract; its output must not be used.
	ErrViolation = errors.New("ABI_VIOLATION")
)

// Task is one execution: a lease (job.Local makes one of a bare job), the
// circuit that its job names, and the policy document that its policy_hash names.
type Task struct {
	Lease   *job.Lease
	Circuit *circuit.Circuit
	Policy  *job.TrapPolicy
}

func (t Task) spec() *job.Spec { return &t.Lease.Job.Spec }

// Config is what the tasks of one provider share.
type Config struct {
	Compiler   Compiler
	Traps      TrapLibrary
	Modules    transcript.ModuleSet // with the slots compiler and traps, and driver where there is one
	Backend    backends.Backend
	ProviderID digest.Digest
	Version    string // engine_version of X: "engine/<semver> numeric/<n> meter/<n>", no commit, no path
	// RunnerMeasurement names the environment that this engine runs in, as a quote of
	// it does; X binds it. Empty outside a TEE.
	RunnerMeasurement []byte
	Journal           Journal
	// Now is the provider's clock, for started and finished only.
	Now func() time.Time
	// AnyTraps lets a trap library run that is not the one the job names; for
	// development.
	AnyTraps bool
	// Threads and MemoryBytes bound the backend; zero means its defaults. They
	// never change a result.
	Threads     int
	MemoryBytes uint64
	// Progress, if set, is told of each stage and of executed slots.
	Progress func(stage Stage, done, total uint64)
}

// Stage names a part of the work, in order.
type Stage string

// Stages.
const (
	StagePlan    Stage = "plan"
	StageCompile Stage = "compile"
	StageTraps   Stage = "traps"
	StageExecute Stage = "execute"
	StageJudge   Stage = "judge"
)

// Engine executes tasks, one at a time.
type Engine struct{ cfg Config }

// New checks that nothing is missing.
func New(cfg Config) (*Engine, error) {
	switch {
	case cfg.Compiler == nil || cfg.Traps == nil:
		return nil, errors.New("engine: a compiler and a trap library are needed")
	case cfg.Backend == nil:
		return nil, errors.New("engine: a backend is needed")
	case cfg.Journal == nil:
		return nil, errors.New("engine: a journal is needed: digests are logged before they are used")
	case cfg.Now == nil:
		return nil, errors.New("engine: a clock is needed")
	case cfg.ProviderID.IsZero():
		return nil, errors.New("engine: provider id is missing")
	case cfg.Version == "":
		return nil, errors.New("engine: version is missing")
	}
	for _, slot := range []string{"compiler", "traps"} {
		if _, ok := module(cfg.Modules, slot); !ok {
			return nil, fmt.Errorf("engine: module set has no slot %q", slot)
		}
	}
	return &Engine{cfg}, nil
}

func module(set transcript.ModuleSet, slot string) (transcript.ModuleFrame, bool) {
	for _, m := range set {
		if m.Slot == slot {
			return m, true
		}
	}
	return transcript.ModuleFrame{}, false
}

func (e *Engine) progress(s Stage, done, total uint64) {
	if e.cfg.Progress != nil {
		e.cfg.Progress(s, done, total)
	}
}
