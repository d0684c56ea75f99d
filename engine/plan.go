package engine

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
)

// Plan is everything that is fixed before the first shot.
type Plan struct {
	Task    Task
	Modules transcript.ModuleSet
	Device  transcript.DeviceFrame

	Compiled      *circuit.Layered
	CompiledBytes []byte // the compiler's stream 16
	Trap          *guest.Plan
	TrapBytes     []byte // the trap library's stream 16
	Rows          *guest.Rows
	Hidden        *guest.Hidden // never leaves the engine

	CircuitHash, CompiledHash, RowsRoot, TrapPlanHash digest.Digest
	J, M, D, X                                        digest.Digest

	shotKey [16]byte
}

// Batch is the driver's view of the plan.
func (p *Plan) Batch() *backends.Batch {
	return &backends.Batch{Skeleton: p.Trap.Skeleton, Palette: p.Trap.Palette, Rows: p.Rows,
		Meta: backends.Meta{JobID: p.Task.JobID.String(), LeaseID: p.Task.LeaseID.String()}}
}

// Plan compiles, plans the traps, generates every slot, checks what the modules
// did, and logs J and X. Nothing has been executed when it returns.
func (e *Engine) Plan(ctx context.Context, t Task) (*Plan, error) {
	p := &Plan{Task: t, Modules: e.cfg.Modules}
	e.progress(StagePlan, 0, 1)
	caps, err := e.check(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := e.fixJob(ctx, p); err != nil {
		return nil, err
	}
	e.progress(StageCompile, 0, 1)
	if err := e.compile(ctx, p, caps); err != nil {
		return nil, err
	}
	e.progress(StageTraps, 0, t.Shots)
	if err := e.generate(ctx, p); err != nil {
		return nil, err
	}
	if err := p.checkSlots(); err != nil {
		return nil, err
	}
	if err := e.fixExec(ctx, p, caps); err != nil {
		return nil, err
	}
	e.progress(StagePlan, 1, 1)
	return p, nil
}

// check refuses what could never run, with the number that would.
func (e *Engine) check(ctx context.Context, t Task) (backends.Capabilities, error) {
	caps, err := e.cfg.Backend.Capabilities(ctx)
	if err != nil {
		return caps, fmt.Errorf("backend %s: %w", e.cfg.Backend.Name(), err)
	}
	if err := t.Circuit.Validate(); err != nil {
		return caps, fmt.Errorf("%w: circuit: %w", ErrRefused, err)
	}
	if w := uint64(t.Circuit.Width()); w != t.Width {
		return caps, fmt.Errorf("%w: spec.width is %d, the circuit has %d qubits", ErrRefused, t.Width, w)
	}
	if d := uint64(t.Circuit.Depth()); d != t.Depth {
		return caps, fmt.Errorf("%w: spec.depth is %d, the circuit has depth %d", ErrRefused, t.Depth, d)
	}
	if caps.MaxWidth > 0 && t.Width > uint64(caps.MaxWidth) {
		return caps, fmt.Errorf("%w: spec.width is %d, backend %s runs up to %d qubits: %w", ErrRefused, t.Width, e.cfg.Backend.Name(), caps.MaxWidth, backends.ErrUnsupported)
	}
	if caps.MaxShots > 0 && t.Shots > caps.MaxShots {
		return caps, fmt.Errorf("%w: spec.shots is %d, backend %s runs up to %d: %w", ErrRefused, t.Shots, e.cfg.Backend.Name(), caps.MaxShots, backends.ErrUnsupported)
	}
	if t.Shots < 1 || t.Shots > guest.MaxShots || t.RatioPPM > 1_000_000 {
		return caps, fmt.Errorf("%w: spec.shots is %d, allowed are 1..%d; trap ratio %d ppm", ErrRefused, t.Shots, guest.MaxShots, t.RatioPPM)
	}
	return caps, nil
}

// fixJob computes J and logs it before any module runs.
func (e *Engine) fixJob(ctx context.Context, p *Plan) error {
	t := p.Task
	params := transcript.JobParams{JobID: t.JobID, CircuitID: t.CircuitID, Width: t.Width, Depth: t.Depth, TrapRatioPPM: t.RatioPPM, TrapMode: t.TrapMode, PolicyHash: t.PolicyHash}
	ph, err := params.Hash()
	if err != nil {
		return fmt.Errorf("params: %w", err)
	}
	if p.CircuitHash, err = t.Circuit.Hash(); err != nil {
		return fmt.Errorf("%w: circuit: %w", ErrRefused, err)
	}
	frame := transcript.JobFrame{ChainID: t.ChainID, Round: t.Round, LeaseID: t.LeaseID, CircuitHash: p.CircuitHash, Shots: t.Shots, Seed: t.Seed, ParamsHash: ph}
	p.J, err = e.log(ctx, RecordJob, t, frame)
	if err != nil {
		return err
	}
	p.shotKey, err = seed.ShotKey(p.J, t.Seed)
	return err
}

func (e *Engine) log(ctx context.Context, kind RecordKind, t Task, f transcript.Framed) (digest.Digest, error) {
	b, err := transcript.Encode(f)
	if err != nil {
		return digest.Digest{}, fmt.Errorf("digest %s: %w", kind, err)
	}
	r := Record{Kind: kind, JobID: t.JobID, LeaseID: t.LeaseID, Digest: digest.Sum(b), Frame: hex.EncodeToString(b)}
	return r.Digest, e.cfg.Journal.Append(ctx, r)
}

func (e *Engine) compile(ctx context.Context, p *Plan, caps backends.Capabilities) error {
	low, err := p.Task.Circuit.Lower()
	if err != nil {
		return fmt.Errorf("%w: circuit: %w", ErrRefused, err)
	}
	target := guest.Target{Edges: caps.Edges}
	if len(caps.Edges) > 0 {
		target.Width = caps.MaxWidth
	}
	if p.Compiled, p.CompiledBytes, err = e.cfg.Compiler.Compile(ctx, low, target); err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	p.CompiledHash, err = transcript.CompiledHash(p.CompiledBytes)
	return err
}

// maxRowBytes bounds the rows of one job, which are held in memory.
const maxRowBytes = 4 << 30

// header is stream 0 of the trap calls.
func (t Task) header() guest.Header { return guest.Header{Shots: t.Shots, RatioPPM: t.RatioPPM} }

// generate asks for the trap plan and for every slot, and hashes them.
func (e *Engine) generate(ctx context.Context, p *Plan) error {
	t := p.Task
	var err error
	if p.Trap, p.TrapBytes, err = e.cfg.Traps.Plan(ctx, p.CompiledBytes, t.header(), t.Policy); err != nil {
		return fmt.Errorf("trap plan: %w", err)
	}
	traps, _ := module(p.Modules, "traps")
	root, err := seed.Root(traps.SHA3, t.Seed, p.J)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	loc, w := p.Trap.Skeleton.Locations(), p.Trap.Skeleton.Width
	if row := uint64(loc * p.Trap.IndexSize()); row*t.Shots > maxRowBytes {
		return fmt.Errorf("%w: spec.shots is %d: the slots of this circuit take %d bytes each; up to %d shots fit", ErrRefused, t.Shots, row, maxRowBytes/row)
	}
	p.Rows = &guest.Rows{Locations: loc, ElemSize: p.Trap.IndexSize(), Data: make([]byte, 0, int(t.Shots)*loc*p.Trap.IndexSize())}
	p.Hidden = &guest.Hidden{Width: w}
	var tree transcript.Tree
	for first := uint64(0); first < t.Shots; first += guest.MaxGenerate {
		n := int(min(guest.MaxGenerate, t.Shots-first))
		rows, hidden, err := e.cfg.Traps.Generate(ctx, p.CompiledBytes, p.TrapBytes, t.header(), t.Policy, root, first, n)
		if err != nil {
			return fmt.Errorf("slots %d..%d: %w", first, first+uint64(n)-1, err)
		}
		if rows.First != first || rows.N != n || hidden.First != first || hidden.N != n || rows.Locations != loc || rows.ElemSize != p.Rows.ElemSize || hidden.Width != w {
			return fmt.Errorf("slots %d..%d: module answered for others: %w", first, first+uint64(n)-1, ErrViolation)
		}
		for _, h := range leafHashes(rows) {
			tree.AppendHash(h)
		}
		p.Rows.Data, p.Rows.N = append(p.Rows.Data, rows.Data...), p.Rows.N+n
		p.Hidden.Kind, p.Hidden.Window = append(p.Hidden.Kind, hidden.Kind...), append(p.Hidden.Window, hidden.Window...)
		p.Hidden.Pad, p.Hidden.Mask = append(p.Hidden.Pad, hidden.Pad...), append(p.Hidden.Mask, hidden.Mask...)
		p.Hidden.Parity, p.Hidden.N = append(p.Hidden.Parity, hidden.Parity...), p.Hidden.N+n
		e.progress(StageTraps, first+uint64(n), t.Shots)
	}
	p.RowsRoot = tree.Root()
	p.TrapPlanHash, err = transcript.TrapPlanHash(digest.Sum(p.TrapBytes), p.RowsRoot)
	return err
}

// fixExec computes M, D and X and logs X: from here on nothing can be chosen.
func (e *Engine) fixExec(ctx context.Context, p *Plan, caps backends.Capabilities) error {
	var err error
	if p.M, err = transcript.Sum(p.Modules); err != nil {
		return fmt.Errorf("module set: %w", err)
	}
	p.Device = caps.Device
	if p.D, err = transcript.Sum(p.Device); err != nil {
		return fmt.Errorf("device: %w", err)
	}
	frame := transcript.ExecFrame{JobDigest: p.J, ProviderID: e.cfg.ProviderID, CompiledCircuitHash: p.CompiledHash, ModuleSetHash: p.M,
		DeviceHash: p.D, EngineVersion: e.cfg.Version, TrapPlanHash: p.TrapPlanHash}
	p.X, err = e.log(ctx, RecordExec, p.Task, frame)
	return err
}
