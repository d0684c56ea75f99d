package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Status of an execution, as R hashes it.
const (
	StatusCompleted = 0 // every slot executed, verdict pass
	StatusAborted   = 1 // stopped early: traps failed
	StatusFailed    = 2 // every slot executed, verdict fail or insufficient
)

// Outcome is what an execution gave.
type Outcome struct {
	Status            uint64
	Started, Finished time.Time // cut to milliseconds
	Outcomes          *transcript.Outcomes
	OutcomesRoot      digest.Digest
	Verdict           *guest.Verdict
	Report            []byte // the judge's stream 16
	ReportHash        digest.Digest
	Hist              *transcript.Hist // un-padded target slots, by clbit
	TargetShots       uint64
	Result            transcript.ResultFrame
	G, R, N           digest.Digest
	Execute, Judge    time.Duration
}

// judgements is how often a run is judged before its end (at window bounds).
const judgements = 8

// errStop ends a backend's run when the traps have failed.
var errStop = errors.New("traps failed")

// Run executes a plan. A failing verdict is not an error: it is in the outcome.
func (e *Engine) Run(ctx context.Context, p *Plan) (*Outcome, error) {
	w := p.Trap.Skeleton.Width
	c := &collector{e: e, ctx: ctx, p: p, rb: guest.RowBytes(w), every: (len(p.Trap.WindowTraps) + judgements - 1) / judgements}
	c.out = &transcript.Outcomes{Width: uint64(w), Slots: p.Trap.Shots, Rows: make([]byte, int(p.Trap.Shots)*c.rb), Presence: make([]byte, (p.Trap.Shots+7)/8)}
	b := p.Batch()
	b.Key, b.Threads, b.MemoryBytes = p.shotKey, e.cfg.Threads, e.cfg.MemoryBytes
	o := &Outcome{Started: e.now(), Outcomes: c.out}
	e.progress(StageExecute, 0, p.Trap.Shots)
	err := e.cfg.Backend.Run(ctx, b, c.take)
	o.Finished = e.now()
	o.Judge = c.spent
	o.Execute = o.Finished.Sub(o.Started) - c.spent
	switch {
	case errors.Is(err, errStop):
		o.Status = StatusAborted
		o.Verdict, o.Report = c.verdict, c.report
	case err != nil:
		return nil, fmt.Errorf("backend %s: %w", e.cfg.Backend.Name(), err)
	case c.next != p.Trap.Shots:
		return nil, fmt.Errorf("backend %s returned %d of %d slots", e.cfg.Backend.Name(), c.next, p.Trap.Shots)
	default:
		e.progress(StageJudge, 0, 1)
		if o.Verdict, o.Report, err = c.judge(p.Trap.Shots); err != nil {
			return nil, err
		}
		if o.Verdict.Decision != guest.DecisionPass {
			o.Status = StatusFailed
		}
		o.Judge = c.spent
	}
	if err := e.finish(ctx, p, o); err != nil {
		return nil, err
	}
	e.progress(StageJudge, 1, 1)
	return o, nil
}

func (e *Engine) now() time.Time { return e.cfg.Now().Truncate(time.Millisecond) }

// collector takes outcomes in slot order and judges at window bounds.
type collector struct {
	e       *Engine
	ctx     context.Context
	p       *Plan
	rb      int
	every   int // windows between judgements
	out     *transcript.Outcomes
	next    uint64 // slots taken
	window  int    // first window that has not been judged
	verdict *guest.Verdict
	report  []byte
	spent   time.Duration
}

// take implements backends.Emit.
func (c *collector) take(o *guest.Outcomes) error {
	if err := keepOutcomes(c.out, o, c.next, c.rb); err != nil {
		return err
	}
	c.next += uint64(o.N)
	c.e.progress(StageExecute, c.next, c.out.Slots)
	return c.failFast()
}

// keepOutcomes copies what a backend emits, which must follow on slot next.
func keepOutcomes(to *transcript.Outcomes, o *guest.Outcomes, next uint64, rb int) error {
	if o.First != next || uint64(o.N) > to.Slots-next || o.Width != int(to.Width) || len(o.Rows) != o.N*rb || len(o.Present) != (o.N+7)/8 {
		return fmt.Errorf("outcomes of %d slots from %d, expected from %d: %w", o.N, o.First, next, ErrViolation)
	}
	copy(to.Rows[int(next)*rb:], o.Rows)
	for i := range o.N {
		if o.Has(i) {
			s := next + uint64(i)
			to.Presence[s>>3] |= 1 << (s & 7)
		}
	}
	return nil
}

// failFast judges what is complete whenever enough windows have come in.
func (c *collector) failFast() error {
	last := c.window
	for last < len(c.p.Trap.WindowTraps) && c.p.Trap.WindowStart(last+1) <= c.next {
		last++
	}
	if last-c.window < c.every || c.next == c.out.Slots || c.p.Trap.Insufficient() {
		return nil
	}
	c.window = last
	var err error
	if c.verdict, c.report, err = c.judge(c.p.Trap.WindowStart(last)); err != nil {
		return err
	}
	if c.verdict.Decision == guest.DecisionFail {
		return errStop
	}
	return nil
}

// judge asks the module about slots 0..n-1 and checks that the answer is about them.
func (c *collector) judge(n uint64) (*guest.Verdict, []byte, error) {
	began := c.e.cfg.Now()
	defer func() { c.spent += c.e.cfg.Now().Sub(began) }()
	v, report, err := c.e.cfg.Traps.Judge(c.ctx, c.p.TrapBytes, c.p.Hidden.Prefix(int(n)), guest.Prefix(int(c.out.Width), c.out.Rows, c.out.Presence, int(n)))
	if err != nil {
		return nil, nil, fmt.Errorf("judge: %w", err)
	}
	t := c.p.Trap
	if v.Shots != t.Shots || v.Judged != n || v.Traps != t.Traps || (v.Decision == guest.DecisionPending) != (n < t.Shots && v.FirstBad == guest.NoWindow && !t.Insufficient()) {
		return nil, nil, fmt.Errorf("judge: the report is about %d of %d slots with %d traps, decision %d: %w", v.Judged, v.Shots, v.Traps, v.Decision, ErrViolation)
	}
	return v, report, nil
}

// finish computes the digests that depend on outcomes and logs R.
func (e *Engine) finish(ctx context.Context, p *Plan, o *Outcome) error {
	var err error
	if o.OutcomesRoot, err = o.Outcomes.Root(); err != nil {
		return fmt.Errorf("outcomes: %w", err)
	}
	o.ReportHash = digest.Sum(o.Report)
	rows := p.Hidden.Unpad(p.Compiled, o.Outcomes.Rows, o.Outcomes.Presence)
	cb := guest.RowBytes(p.Compiled.Clbits)
	o.TargetShots = uint64(len(rows) / cb)
	if o.Hist, err = transcript.HistOfRows(uint64(p.Compiled.Clbits), rows); err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	if o.G, err = o.Hist.Digest(); err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	o.Result = transcript.ResultFrame{ResultV1: transcript.ResultV1{ExecDigest: p.X, HistDigest: o.G, TrapPass: o.Verdict.TrapPass, TrapFail: o.Verdict.TrapFail,
		StartedUnixMS: uint64(o.Started.UnixMilli()), FinishedUnixMS: uint64(o.Finished.UnixMilli()), Status: o.Status}, OutcomesRoot: o.OutcomesRoot, TrapReportHash: o.ReportHash}
	if o.N, err = transcript.Nullifier(p.Task.Lease.ChainID, p.Task.Lease.JobID, e.cfg.ProviderID); err != nil {
		return fmt.Errorf("nullifier: %w", err)
	}
	o.R, err = e.log(ctx, RecordResult, p.Task, o.Result)
	return err
}
