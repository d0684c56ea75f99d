package proofs

import (
	"context"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/traps"
)

// ErrUnknownModule is returned by a Judge or Recompiler that has no definition
// of the module; the step is then listed as skipped.
var ErrUnknownModule = errors.New("no definition of this module at hand")

// Judge re-judges a job from the opened seed and the raw outcomes.
type Judge interface {
	Rejudge(ctx context.Context, in JudgeInput) (JudgeOutput, error)
}

// JudgeInput is what a trap library was given.
type JudgeInput struct {
	ModuleName    string
	ModuleVersion string
	ModuleHash    digest.Digest
	Layered       []byte // the compiler's layered stream
	Shots         uint64
	RatioPPM      uint64
	Policy        []byte   // the 64-byte policy record
	Root          [32]byte // root of all trap draws
	Outcomes      *transcript.Outcomes
	Judged        uint64 // slots that the report is about; fewer than Shots after an abort
}

// JudgeOutput is what it must have answered.
type JudgeOutput struct {
	PlanSHA3   digest.Digest
	RowsRoot   digest.Digest
	Report     []byte
	TargetRows []byte // un-padded, executed target slots: rows of the circuit's clbits, little-endian
}

// NativeJudge judges with package traps, which the shipped trap modules equal
// byte for byte.
type NativeJudge struct{}

// Rejudge implements Judge.
func (NativeJudge) Rejudge(ctx context.Context, in JudgeInput) (JudgeOutput, error) {
	mix, err := traps.MixOf(in.ModuleName, in.ModuleVersion)
	if errors.Is(err, traps.ErrUnknownFamily) {
		return JudgeOutput{}, fmt.Errorf("%w: %w", ErrUnknownModule, err)
	} else if err != nil {
		return JudgeOutput{}, err
	}
	policy, err := guest.ParsePolicy(in.Policy)
	if err != nil {
		return JudgeOutput{}, err
	}
	if err := ctx.Err(); err != nil {
		return JudgeOutput{}, err
	}
	r, err := traps.Rejudge(mix, in.Layered, guest.Header{Shots: in.Shots, RatioPPM: in.RatioPPM}, policy, in.Root, in.Outcomes, in.Judged)
	if err != nil {
		return JudgeOutput{}, err
	}
	return JudgeOutput{PlanSHA3: r.PlanSHA3, RowsRoot: r.RowsRoot, Report: r.Report, TargetRows: r.TargetRows}, nil
}

// Recompiler compiles a circuit again with the modules of a proof.
type Recompiler interface {
	Recompile(ctx context.Context, in RecompileInput) (layered []byte, err error)
}

// RecompileInput is what the compiler modules were given.
type RecompileInput struct {
	Modules []Module // slots compiler, compiler.1, … in order
	Circuit []byte   // canonical bytes of the circuit as received
	Device  transcript.DeviceFrame
}

// Meter derives the metered form of modules, as an executor's host does.
type Meter interface {
	// Version is N of the meter/N of engine_version that it speaks.
	Version() string
	// Metered returns SHA3-256 of the metered form of the module of a slot.
	Metered(slot string, wasm []byte) (digest.Digest, error)
}

// NullifierStore knows the claims seen so far.
type NullifierStore interface {
	// Lookup returns the claim C that used the nullifier, if any.
	Lookup(ctx context.Context, nullifier digest.Digest) (claim digest.Digest, found bool, err error)
}

// TrapCounts is what a judge's report says of the traps: passes and traps of both kinds,
// with the policy's pass rates in ppb.
type TrapCounts struct {
	KA, NA, PA   uint64
	KB, NB, PB   uint64
	Insufficient bool // too few traps for a verdict
}

// CountsOf reads a judge's report; ok is false for bytes that are none.
func CountsOf(report []byte) (c TrapCounts, ok bool) {
	v, err := guest.ParseVerdict(report)
	if err != nil {
		return c, false
	}
	return TrapCounts{v.KA, v.NA, v.PA, v.KB, v.NB, v.PB, v.Decision == guest.DecisionInsufficient}, true
}
