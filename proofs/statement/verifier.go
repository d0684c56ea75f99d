package statement

import (
	"context"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
)

// The causes for which a raw result is not judged.
var (
	ErrBatch   = errors.New("the batch is not what was signed")
	ErrRaw     = errors.New("the raw result does not hold")        // the provider's
	ErrOpening = errors.New("the opening does not give the batch") // the verifier's
	ErrVerdict = errors.New("judging again gives another verdict") // a verdict that was checked
)

// Batch is an opened quantum_batch_v1.
type Batch struct {
	*Statement
	Frame transcript.BatchFrame
}

// OpenBatch verifies the document of a batch.
func OpenBatch(doc []byte) (*Batch, error) {
	s, err := Open(doc, TypeBatch)
	if err != nil {
		return nil, err
	}
	f, err := transcript.ParseBatch(s.Frame)
	if err != nil {
		return nil, refuse("%w", err)
	}
	return &Batch{s, f}, nil
}

// Slots reads the bytes of the batch and holds them against the commitments.
func (b *Batch) Slots(data []byte) (*guest.Batch, error) {
	if got := digest.Sum(data); got != b.Frame.BatchSHA3 {
		return nil, fmt.Errorf("%w: its bytes hash to %s, not %s", ErrBatch, got, b.Frame.BatchSHA3)
	}
	slots, err := guest.ParseBatch(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBatch, err)
	}
	if uint64(slots.Skeleton.Width) != b.Frame.Width || uint64(slots.Rows.N) != b.Frame.Shots {
		return nil, fmt.Errorf("%w: %d slots of width %d, not %d of %d", ErrBatch, slots.Rows.N, slots.Skeleton.Width, b.Frame.Shots, b.Frame.Width)
	}
	if got := RowsRoot(slots.Rows); got != b.Frame.RowsRoot {
		return nil, fmt.Errorf("%w: its rows have root %s, not %s", ErrBatch, got, b.Frame.RowsRoot)
	}
	return slots, nil
}

// RowsRoot is the RFC 6962 root of rows.
func RowsRoot(r *guest.Rows) digest.Digest {
	var tree transcript.Tree
	for i := range r.N {
		tree.Append(r.Row(i))
	}
	return tree.Root()
}

// Raw is an opened quantum_raw_v1.
type Raw struct {
	*Statement
	Frame transcript.RawFrame
}

// OpenRaw verifies the document of a raw result: it is of this batch, by the provider
// that it names, and X follows from both.
func OpenRaw(doc []byte, b *Batch) (*Raw, error) {
	s, err := Open(doc, TypeRaw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRaw, err)
	}
	f, err := transcript.ParseRaw(s.Frame)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRaw, err)
	}
	bad := func(format string, args ...any) (*Raw, error) {
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrRaw}, args...)...)
	}
	switch {
	case f.Batch != b.Digest:
		return bad("it is of batch %s, not %s", f.Batch, b.Digest)
	case s.Authority == nil || s.Authority.ProviderID != f.ProviderID:
		return bad("no key statement of provider %s", f.ProviderID)
	case f.Flags&^proofs.FlagDev != 0:
		return bad("flags %#x", f.Flags)
	case f.FinishedUnixMS < f.StartedUnixMS:
		return bad("finished before it started")
	case f.Driver != nil && f.Driver.Slot != "driver":
		return bad("a module in slot %q is no driver", f.Driver.Slot)
	}
	x, err := transcript.BatchExec(b.Frame, f)
	if err != nil {
		return bad("%w", err)
	}
	if d, err := transcript.Sum(x); err != nil || d != f.ExecDigest {
		return bad("X is %s, batch and device give %s", f.ExecDigest, d)
	}
	return &Raw{s, f}, nil
}

// Opening is what the verifier kept: with it everyone derives the slots again.
type Opening struct {
	Nonce    digest.Digest
	Lease    []byte // the lease, or the bare job
	Circuit  []byte // canonical bytes
	Compiled []byte // the compiler's layered stream
	Policy   []byte // the trap policy document
}

// RawJudgement is what raw outcomes prove.
type RawJudgement struct {
	Module  transcript.ModuleFrame
	Verdict *guest.Verdict
	Report  []byte
	Hist    *transcript.Hist
	Result  transcript.ResultFrame
	R, N    digest.Digest
	Frame   transcript.VerdictFrame
}

// BatchLease is the lease that a batch is made under: a signed one as it is, a bare
// job with the seed of spec.seed and the nonce, as a service makes it.
func BatchLease(j *job.Job, l *job.Lease, policy, nonce digest.Digest) (*job.Lease, error) {
	if j.Spec.TrapMode != job.TrapModeVerifier {
		return nil, fmt.Errorf("spec.trap_mode is %s, want %s", j.Spec.TrapMode, job.TrapModeVerifier)
	}
	if l != nil && l.Signed() {
		if l.Nonce != nonce || l.PolicyHash != policy {
			return nil, errors.New("nonce or policy are not those of the lease")
		}
		return l, l.Verify()
	}
	l, err := job.Local(j, policy)
	if err != nil {
		return nil, err
	}
	l.Seed, err = transcript.LeaseSeed(j.Spec.Seed, nil, l.LeaseID, nonce)
	return l, err
}

// JudgeRaw derives the slots of a batch from its opening, holds them against the
// commitments, and judges raw outcomes natively.
func JudgeRaw(ctx context.Context, b *Batch, r *Raw, outcomes []byte, o Opening) (*RawJudgement, error) {
	opened := func(err error) (*RawJudgement, error) { return nil, fmt.Errorf("%w: %w", ErrOpening, err) }
	got, err := transcript.ParseOutcomes(outcomes)
	if err == nil {
		err = r.holds(got, b)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRaw, err)
	}
	in, err := b.open(o)
	if err != nil {
		return opened(err)
	}
	in.Outcomes, in.Judged = got, b.Frame.Shots
	out, err := proofs.NativeJudge{}.Rejudge(ctx, *in)
	if err != nil {
		return opened(err)
	}
	if out.PlanSHA3 != b.Frame.PlanSHA3 || out.RowsRoot != b.Frame.RowsRoot {
		return opened(fmt.Errorf("plan %s and rows %s, the batch commits to %s and %s", out.PlanSHA3, out.RowsRoot, b.Frame.PlanSHA3, b.Frame.RowsRoot))
	}
	j := &RawJudgement{Report: out.Report, Module: transcript.ModuleFrame{Slot: "traps", Name: in.ModuleName, Version: in.ModuleVersion, SHA3: in.ModuleHash}}
	return j, j.conclude(b, r, &out, o)
}

// holds compares outcomes with the commitment.
func (r *Raw) holds(o *transcript.Outcomes, b *Batch) error {
	root, err := o.Root()
	if err != nil {
		return err
	}
	if root != r.Frame.OutcomesRoot || o.Executed() != r.Frame.Executed {
		return fmt.Errorf("the outcomes have root %s with %d executed slots, the raw result says %s with %d", root, o.Executed(), r.Frame.OutcomesRoot, r.Frame.Executed)
	}
	if o.Slots != b.Frame.Shots || o.Width != b.Frame.Width {
		return fmt.Errorf("%d slots of width %d, the batch has %d of %d", o.Slots, o.Width, b.Frame.Shots, b.Frame.Width)
	}
	return nil
}

// open checks that J, and so the seed, is what the batch committed to, and gives the
// input of the trap library.
func (b *Batch) open(o Opening) (*proofs.JudgeInput, error) {
	h, err := transcript.LeaseNonceHash(o.Nonce)
	if err != nil || h != b.Frame.NonceHash {
		return nil, fmt.Errorf("the nonce hashes to %s, the batch commits to %s", h, b.Frame.NonceHash)
	}
	policy, err := job.ParseTrapPolicy(o.Policy)
	if err != nil {
		return nil, err
	}
	ph, err := policy.Hash()
	if err != nil {
		return nil, err
	}
	j, l, err := job.ParseAny(o.Lease)
	if err != nil {
		return nil, err
	}
	if l, err = BatchLease(j, l, ph, o.Nonce); err != nil {
		return nil, err
	}
	c, err := circuit.ParseCanonical(o.Circuit)
	if err != nil {
		return nil, err
	}
	frame, err := jobFrame(l, c)
	if err != nil {
		return nil, err
	}
	if d, err := transcript.Sum(frame); err != nil || d != b.Frame.JobDigest {
		return nil, fmt.Errorf("J is %s, the batch commits to %s", d, b.Frame.JobDigest)
	}
	if d, err := transcript.CompiledHash(o.Compiled); err != nil || d != b.Frame.CompiledCircuitHash {
		return nil, fmt.Errorf("the compiled circuit hashes to %s, the batch commits to %s", d, b.Frame.CompiledCircuitHash)
	}
	for _, m := range b.Frame.Modules {
		if m.Slot == "traps" {
			if !j.Spec.TakesTraps(m.Name, m.Version) {
				return nil, fmt.Errorf("the job is for the trap library %s, the batch was made by %s %s", j.Spec.TrapFamily, m.Name, m.Version)
			}
			root, err := seed.Root(m.SHA3, l.Seed, b.Frame.JobDigest)
			return &proofs.JudgeInput{ModuleName: m.Name, ModuleVersion: m.Version, ModuleHash: m.SHA3, Layered: o.Compiled, Shots: b.Frame.Shots,
				RatioPPM: j.Spec.TrapRatioPPM, Policy: policy.Record.Append(nil), Root: root}, err
		}
	}
	return nil, errors.New("the batch names no trap library")
}

// jobFrame is J of a lease and its circuit.
func jobFrame(l *job.Lease, c *circuit.Circuit) (transcript.JobFrame, error) {
	h, err := c.Hash()
	if err != nil {
		return transcript.JobFrame{}, err
	}
	params, err := l.Params(uint64(c.Width()), uint64(c.Depth())).Hash()
	return transcript.JobFrame{ChainID: l.ChainID, Round: l.Round, LeaseID: l.LeaseID, CircuitHash: h, Shots: l.Job.Spec.Shots, Seed: l.Seed, ParamsHash: params}, err
}

// conclude computes what the verdict says.
func (j *RawJudgement) conclude(b *Batch, r *Raw, out *proofs.JudgeOutput, o Opening) error {
	l, err := guest.ParseLayered(o.Compiled)
	if err != nil {
		return err
	}
	if j.Verdict, err = guest.ParseVerdict(out.Report); err != nil {
		return err
	}
	if j.Hist, err = transcript.HistOfRows(uint64(l.Clbits), out.TargetRows); err != nil {
		return err
	}
	g, err := j.Hist.Digest()
	if err != nil {
		return err
	}
	status := uint64(transcript.StatusCompleted)
	if j.Verdict.Decision != guest.DecisionPass {
		status = transcript.StatusFailed
	}
	report := digest.Sum(out.Report)
	j.Result = transcript.ResultFrame{ResultV1: transcript.ResultV1{ExecDigest: r.Frame.ExecDigest, HistDigest: g, TrapPass: j.Verdict.TrapPass, TrapFail: j.Verdict.TrapFail,
		StartedUnixMS: r.Frame.StartedUnixMS, FinishedUnixMS: r.Frame.FinishedUnixMS, Status: status}, OutcomesRoot: r.Frame.OutcomesRoot, TrapReportHash: report}
	if j.R, err = transcript.Sum(j.Result); err != nil {
		return err
	}
	if j.N, err = transcript.Nullifier(b.Frame.ChainID, b.Frame.JobID, r.Frame.ProviderID); err != nil {
		return err
	}
	j.Frame = transcript.VerdictFrame{Raw: r.Digest, Result: j.R, Decision: uint64(j.Verdict.Decision), TrapPass: j.Verdict.TrapPass, TrapFail: j.Verdict.TrapFail, Hist: g, TrapReport: report, Nonce: o.Nonce}
	return nil
}

// CheckVerdict demands that a signed verdict is what judging again gives.
func (j *RawJudgement) CheckVerdict(doc []byte) error {
	s, err := Open(doc, TypeVerdict)
	if err != nil {
		return err
	}
	v, err := transcript.ParseVerdict(s.Frame)
	if err != nil {
		return refuse("%w", err)
	}
	if v != j.Frame {
		return fmt.Errorf("%w: decision %d with %d certified shots and R %s, not %d with %d and %s", ErrVerdict,
			j.Frame.Decision, j.Frame.TrapPass, j.Frame.Result, v.Decision, v.TrapPass, v.Result)
	}
	return nil
}
