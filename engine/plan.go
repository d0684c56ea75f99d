package engine

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
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

	Width, Depth uint64 // the circuit's own

	CircuitHash, CompiledHash, RowsRoot, TrapPlanHash digest.Digest
	J, M, D, X                                        digest.Digest

	shotKey [16]byte
}

// Batch is the driver's view of the plan.
func (p *Plan) Batch() *backends.Batch {
	return &backends.Batch{Skeleton: p.Trap.Skeleton, Palette: p.Trap.Palette, Rows: p.Rows,
		Meta: backends.Meta{JobID: p.Task.Lease.JobID.String(), LeaseID: p.Task.Lease.LeaseID.String()}}
}

// Plan compiles, plans the traps, generates every slot, checks what the modules
// did, and logs J and X. Nothing has been executed when it returns.
func (e *Engine) Plan(ctx context.Context, t Task) (*Plan, error) {
	p := &Plan{Task: t, Modules: e.cfg.Modules}
	e.progress(StagePlan, 0, 1)
	caps, err := e.check(ctx, p)
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
	e.progress(StageTraps, 0, t.spec().Shots)
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
func (e *Engine) check(ctx context.Context, p *Plan) (backends.Capabilities, error) {
	t, name := p.Task, e.cfg.Backend.Name()
	caps, err := e.cfg.Backend.Capabilities(ctx)
	if err != nil {
		return caps, fmt.Errorf("backend %s: %w", name, err)
	}
	refuse := func(format string, args ...any) (backends.Capabilities, error) {
		return caps, fmt.Errorf("%w: "+format, append([]any{ErrRefused}, args...)...)
	}
	if err := t.Circuit.Validate(); err != nil {
		return refuse("circuit: %w", err)
	}
	if p.CircuitHash, err = t.Circuit.Hash(); err != nil {
		return refuse("circuit: %w", err)
	}
	s := t.spec()
	p.Width, p.Depth = uint64(t.Circuit.Width()), uint64(t.Circuit.Depth())
	if s.Width != 0 && s.Width != p.Width {
		return refuse("spec.width is %d, the circuit has %d qubits", s.Width, p.Width)
	}
	if s.Depth != 0 && s.Depth != p.Depth && !p.generated(s) {
		return refuse("spec.depth is %d, the circuit has depth %d", s.Depth, p.Depth)
	}
	if caps.MaxWidth > 0 && p.Width > uint64(caps.MaxWidth) {
		return refuse("spec.width is %d, backend %s runs up to %d qubits: %w", p.Width, name, caps.MaxWidth, backends.ErrUnsupported)
	}
	if caps.MaxShots > 0 && s.Shots > caps.MaxShots {
		return refuse("spec.shots is %d, backend %s runs up to %d: %w", s.Shots, name, caps.MaxShots, backends.ErrUnsupported)
	}
	if caps.CountsOnly && s.TrapRatioPPM > 0 {
		return refuse("spec.trap_ratio is %d ppm, backend %s gives counts only, which tell nothing of single slots; it takes jobs with trap_ratio 0: %w", s.TrapRatioPPM, name, backends.ErrUnsupported)
	}
	if s.Shots < 1 || s.Shots > guest.MaxShots || s.TrapRatioPPM > 1_000_000 {
		return refuse("spec.shots is %d, allowed are 1..%d; spec.trap_ratio is %d ppm", s.Shots, guest.MaxShots, s.TrapRatioPPM)
	}
	if m, _ := module(e.cfg.Modules, "traps"); !e.cfg.AnyTraps && !s.TakesTraps(m.Name, m.Version) {
		name, major := s.Traps()
		return refuse("spec.trap_family is %s@%s, the trap library at hand is %s %s: %w", name, major, m.Name, m.Version, backends.ErrUnsupported)
	}
	return caps, e.checkLease(p)
}

// generated reports that the job's generator makes this very circuit from the
// depth that the job declares. At widths 1 and 2 every other CZ layer of the
// trapset circuit is empty, so that the circuit is shallower than its layers; J and
// the proof take the circuit's own depth.
func (p *Plan) generated(s *job.Spec) bool {
	if s.CircuitID == "" || s.Depth > job.MaxDepth || p.Width > job.MaxWidth {
		return false
	}
	c, err := circuit.Generate(s.CircuitID, int(p.Width), int(s.Depth), s.Seed)
	if err != nil {
		return false
	}
	h, err := c.Hash()
	return err == nil && h == p.CircuitHash
}

// checkLease holds a lease against the job, the policy and this provider.
func (e *Engine) checkLease(p *Plan) error {
	l := p.Task.Lease
	h, err := p.Task.Policy.Hash()
	if err != nil {
		return err
	}
	if h != l.PolicyHash {
		return fmt.Errorf("%w: lease.policy_hash is %s, the policy at hand (%s) hashes to %s", ErrRefused, l.PolicyHash, p.Task.Policy.Name, h)
	}
	if !l.Signed() {
		return nil
	}
	if l.ProviderID != e.cfg.ProviderID {
		return fmt.Errorf("%w: lease.provider_id is %s, this provider is %s", ErrRefused, l.ProviderID, e.cfg.ProviderID)
	}
	if err := l.Verify(); err != nil {
		return fmt.Errorf("%w: lease: %w", ErrRefused, err)
	}
	if err := l.CheckJob(p.CircuitHash, p.Width, p.Depth); err != nil {
		return fmt.Errorf("%w: lease: %w", ErrRefused, err)
	}
	return nil
}

// fixJob computes J and logs it before any module runs.
func (e *Engine) fixJob(ctx context.Context, p *Plan) error {
	l := p.Task.Lease
	ph, err := l.Params(p.Width, p.Depth).Hash()
	if err != nil {
		return fmt.Errorf("params: %w", err)
	}
	frame := transcript.JobFrame{ChainID: l.ChainID, Round: l.Round, LeaseID: l.LeaseID, CircuitHash: p.CircuitHash, Shots: p.Task.spec().Shots, Seed: l.Seed, ParamsHash: ph}
	if p.J, err = e.log(ctx, RecordJob, p.Task, frame); err != nil {
		return err
	}
	p.shotKey, err = seed.ShotKey(p.J, l.Seed)
	return err
}

func (e *Engine) log(ctx context.Context, kind RecordKind, t Task, f transcript.Framed) (digest.Digest, error) {
	r, err := newRecord(kind, t.Lease.JobID, t.Lease.LeaseID, f)
	if err != nil {
		return digest.Digest{}, err
	}
	return r.Digest, e.cfg.Journal.Append(ctx, r)
}

func (e *Engine) compile(ctx context.Context, p *Plan, caps backends.Capabilities) error {
	low, err := p.Task.Circuit.Lower()
	if err != nil {
		return fmt.Errorf("%w: circuit: %w", ErrRefused, err)
	}
	if _, err := guest.AppendCircuit(nil, low); err != nil {
		return fmt.Errorf("%w: circuit: %w: %w", ErrRefused, err, backends.ErrUnsupported)
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
func (t Task) header() guest.Header {
	return guest.Header{Shots: t.spec().Shots, RatioPPM: t.spec().TrapRatioPPM}
}

// generate asks for the trap plan and for every slot, and hashes them.
func (e *Engine) generate(ctx context.Context, p *Plan) error {
	t, pol, shots := p.Task, p.Task.Policy.Record, p.Task.spec().Shots
	var err error
	if p.Trap, p.TrapBytes, err = e.cfg.Traps.Plan(ctx, p.CompiledBytes, t.header(), pol); err != nil {
		return fmt.Errorf("trap plan: %w", err)
	}
	traps, _ := module(p.Modules, "traps")
	root, err := seed.Root(traps.SHA3, t.Lease.Seed, p.J)
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	loc, w := p.Trap.Skeleton.Locations(), p.Trap.Skeleton.Width
	if row := uint64(loc * p.Trap.IndexSize()); row*shots > maxRowBytes {
		return fmt.Errorf("%w: spec.shots is %d: the slots of this circuit take %d bytes each; up to %d shots fit", ErrRefused, shots, row, maxRowBytes/row)
	}
	p.Rows = &guest.Rows{Locations: loc, ElemSize: p.Trap.IndexSize(), Data: make([]byte, 0, int(shots)*loc*p.Trap.IndexSize())}
	p.Hidden = &guest.Hidden{Width: w}
	var tree transcript.Tree
	for first := uint64(0); first < shots; first += guest.MaxGenerate {
		n := int(min(guest.MaxGenerate, shots-first))
		rows, hidden, err := e.cfg.Traps.Generate(ctx, p.CompiledBytes, p.TrapBytes, t.header(), pol, root, first, n)
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
		p.Hidden.Extend(hidden)
		e.progress(StageTraps, first+uint64(n), shots)
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
		DeviceHash: p.D, EngineVersion: e.cfg.Version, RunnerMeasurement: e.cfg.RunnerMeasurement, TrapPlanHash: p.TrapPlanHash}
	p.X, err = e.log(ctx, RecordExec, p.Task, frame)
	return err
}
