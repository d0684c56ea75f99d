package statement

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/stats"
)

// Fraud is why a fraud proof holds.
type Fraud struct {
	Frame  transcript.FraudFrame
	Reason string // in words
	Audit  *transcript.AuditFrame
}

// The causes for which a fraud proof is refused; each leads to another decision.
var (
	ErrFraudSyntax   = errors.New("malformed fraud proof")
	ErrFraudTarget   = errors.New("the fraud proof is against another claim")
	ErrFraudBundle   = errors.New("the bundle does not show what the provider signed")
	ErrFraudEvidence = errors.New("the evidence does not give fraud")
)

// ReasonWords names a reason of transcript.FraudFrame.
func ReasonWords(reason uint64) string {
	switch reason {
	case transcript.FraudAudit:
		return "target audit"
	case transcript.FraudRejudge:
		return "judged again, the committed outcomes give another result"
	case transcript.FraudTail:
		return "one honest job in a million or fewer has such traps"
	}
	return fmt.Sprintf("reason %d", reason)
}

// Judgement is what judging a bundle's raw outcomes again gives.
type Judgement struct {
	Input   *proofs.JudgeInput
	Output  *proofs.JudgeOutput
	Verdict *guest.Verdict
	Hist    *transcript.Hist
	G       digest.Digest
	Differs []string // members of the proof that come out otherwise
}

// JudgeBundle derives all slots of a bundle's job again from its opened seed and
// judges the raw outcomes. They must be those that the proof commits to.
func JudgeBundle(ctx context.Context, b *proofs.Bundle, p *proofs.Proof) (*Judgement, error) {
	in, err := JudgeInput(b, p)
	if err != nil {
		return nil, err
	}
	out, err := proofs.NativeJudge{}.Rejudge(ctx, *in)
	if err != nil {
		return nil, err
	}
	j := &Judgement{Input: in, Output: &out}
	if j.Verdict, err = guest.ParseVerdict(out.Report); err != nil {
		return nil, err
	}
	l, err := guest.ParseLayered(in.Layered)
	if err != nil {
		return nil, err
	}
	if j.Hist, err = transcript.HistOfRows(uint64(l.Clbits), out.TargetRows); err != nil {
		return nil, err
	}
	if j.G, err = j.Hist.Digest(); err != nil {
		return nil, err
	}
	plan, err := transcript.TrapPlanHash(out.PlanSHA3, out.RowsRoot)
	if err != nil {
		return nil, err
	}
	bind := &p.Body.Binding
	for _, c := range []struct {
		name string
		same bool
	}{
		{"trap_plan_hash", plan == bind.TrapPlanHash}, {"trap_report_hash", digest.Sum(out.Report) == bind.TrapReportHash}, {"report.bin", bytes.Equal(out.Report, b.Report)},
		{"hist_digest", j.G == p.Body.HistDigest}, {"trap_pass", j.Verdict.TrapPass == p.Body.TrapPass}, {"trap_fail", j.Verdict.TrapFail == p.Body.TrapFail},
	} {
		if !c.same {
			j.Differs = append(j.Differs, c.name)
		}
	}
	return j, nil
}

// JudgeInput is what the trap library of a proof was given.
func JudgeInput(b *proofs.Bundle, p *proofs.Proof) (*proofs.JudgeInput, error) {
	m, ok := p.Module("traps")
	if !ok || b.Compiled == nil || b.Outcomes == nil || b.Report == nil || b.Policy == nil {
		return nil, fmt.Errorf("compiled.bin, outcomes.bin, report.bin and policy.json are needed: %w", proofs.ErrBundle)
	}
	bind := &p.Body.Binding
	root, err := seed.Root(m.SHA3, bind.Seed, bind.Digests.J)
	if err != nil {
		return nil, err
	}
	policy, err := job.ParseTrapPolicy(b.Policy)
	if err != nil {
		return nil, err
	}
	if h, err := policy.Hash(); err != nil || h != bind.Params.PolicyHash {
		return nil, fmt.Errorf("policy.json is not the policy of the proof: %w", proofs.ErrBundle)
	}
	o, err := transcript.ParseOutcomes(b.Outcomes)
	if err != nil {
		return nil, err
	}
	v, err := guest.ParseVerdict(b.Report)
	if err != nil {
		return nil, err
	}
	return &proofs.JudgeInput{ModuleName: m.Name, ModuleVersion: m.Version, ModuleHash: m.SHA3, Layered: b.Compiled, Shots: p.Body.Shots,
		RatioPPM: p.Body.TrapRatioPPM, Policy: policy.Record.Append(nil), Root: root, Outcomes: o, Judged: v.Judged}, nil
}

// Accusation is the reason of transcript.FraudFrame that a judgement gives, 0 for
// none, and the words for it.
func (j *Judgement) Accusation() (reason uint64, words string) {
	switch v := j.Verdict; {
	case len(j.Differs) > 0:
		return transcript.FraudRejudge, "judged again: other " + strings.Join(j.Differs, ", ")
	case tiny(v.TailA), tiny(v.TailB):
		return transcript.FraudTail, "exact left tail of the traps"
	case v.MaxGlobal >= stats.ThresholdGlobal(1000): // also of jobs that were stopped
		return transcript.FraudTail, "evidence of the windows"
	}
	return 0, ""
}

// tiny reports a tail of 10^-6 or less; its mantissa has nine digits.
func tiny(t guest.Tail) bool {
	return t.Mant == 0 || t.Exp < -6 || t.Exp == -6 && t.Mant <= 100_000_000
}

// CheckFraud verifies a fraud proof as a third party does: with the bundle of the
// accused claim, and for a target audit the signed audit, nothing else. Whoever
// relies on an audit compares its beacon with the network's value.
func CheckFraud(ctx context.Context, doc []byte, b *proofs.Bundle, audit func() (*transcript.AuditFrame, []byte, error)) (*Fraud, error) {
	s, err := Open(doc, TypeFraud)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraudSyntax, err)
	}
	f := &Fraud{}
	if f.Frame, err = transcript.ParseFraud(s.Frame); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraudSyntax, err)
	}
	f.Reason = ReasonWords(f.Frame.Reason)
	p, err := f.accused(ctx, b)
	if err != nil {
		return nil, err
	}
	if b.Report == nil || digest.Sum(b.Report) != p.Body.Binding.TrapReportHash {
		return nil, fmt.Errorf("%w: report.bin is not the report that trap_report_hash names", ErrFraudBundle)
	}
	if f.Frame.Reason == transcript.FraudAudit {
		return f, f.audited(p, audit)
	}
	j, err := JudgeBundle(ctx, b, p)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraudBundle, err)
	}
	reason, words := j.Accusation()
	if reason != f.Frame.Reason {
		return nil, fmt.Errorf("%w: the accusation is %q, judging again gives %q", ErrFraudEvidence, f.Reason, ReasonWords(reason))
	}
	if got := digest.Sum(j.Output.Report); got != f.Frame.Evidence {
		return nil, fmt.Errorf("%w: the report judged again hashes to %s, the accusation names %s", ErrFraudEvidence, got, f.Frame.Evidence)
	}
	f.Reason = words
	return f, nil
}

// accused decodes the proof of a bundle, holds it against the accusation and makes
// sure that the provider signed it and the outcomes. A bundle that an accuser bent
// shows no fraud: every step that binds what the judgement reads must hold.
func (f *Fraud) accused(ctx context.Context, b *proofs.Bundle) (*proofs.Proof, error) {
	p, err := proofs.Decode(b.Proof)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraudBundle, err)
	}
	c, err := p.Claim()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraudBundle, err)
	}
	if f.Frame.Claim != c || f.Frame.Result != p.Body.Binding.Digests.R || f.Frame.ProviderID != p.Body.ProviderID {
		return nil, fmt.Errorf("%w: claim %s, result %s of provider %s; the bundle has %s, %s of %s", ErrFraudTarget,
			f.Frame.Claim, f.Frame.Result, f.Frame.ProviderID, c, p.Body.Binding.Digests.R, p.Body.ProviderID)
	}
	r, err := proofs.Verify(ctx, proofs.Input{Bundle: b})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFraudBundle, err)
	}
	for _, name := range []string{"syntax", "schema", "keys", "signatures", "job_hash", "lease_id", "seed", "job_digest", "module_set", "exec_digest", "result_digest", "compiled_circuit", "outcomes_root"} {
		s, ok := r.Check(name)
		if !ok || !s.OK || s.Skipped {
			return nil, fmt.Errorf("%w: step %s: %s", ErrFraudBundle, name, s.Detail)
		}
	}
	return p, nil
}

func (f *Fraud) audited(p *proofs.Proof, audit func() (*transcript.AuditFrame, []byte, error)) error {
	if audit == nil {
		return fmt.Errorf("%w: the accusation rests on a target audit, which is not at hand", ErrFraudEvidence)
	}
	a, frame, err := audit()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFraudEvidence, err)
	}
	if got := digest.Sum(frame); got != f.Frame.Evidence || a.Result != p.Body.Binding.Digests.R {
		return fmt.Errorf("%w: the audit is %s of result %s, the accusation names %s", ErrFraudEvidence, got, a.Result, f.Frame.Evidence)
	}
	if a.Verdict != uint64(guest.AuditFail) || a.Score >= a.FraudLimit {
		return fmt.Errorf("%w: the audit scores %d of a limit of %d ppb", ErrFraudEvidence, a.Score, a.FraudLimit)
	}
	f.Audit = a
	return nil
}
