package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/stats"
)

type judgeAnswer struct {
	Module     string        `json:"module"`
	Version    string        `json:"version"`
	TrapReport trapReport    `json:"trap_report"`
	TrapPass   uint64        `json:"trap_pass"`
	TrapFail   uint64        `json:"trap_fail"`
	ReportHash digest.Digest `json:"trap_report_hash"`
	HistDigest digest.Digest `json:"hist_digest"`
	Matches    bool          `json:"matches"` // plan, rows, report and histogram are those of the proof
	Differs    []string      `json:"differs,omitempty"`
	Fraud      string        `json:"fraud,omitempty"` // file of the fraud proof
	Error      *cli.Body     `json:"error,omitempty"`
}

func (e *program) trapsJudge() *cobra.Command {
	fraud := ""
	c := &cobra.Command{
		Use: "judge BUNDLE", Short: "Judge the traps of a bundle again",
		Long: `Derive all slots of a bundle's job again from its opened seed, judge the raw
outcomes, and compare with what the proof says. Signatures are not checked here;
"engine proof verify --bundle" does all of it. Exit 40 where the verdict is not
pass or anything differs.

--fraud writes the fraud proof quantum_fraud_v1 where the committed outcomes give
another report or histogram than the provider signed, or where the exact left tail
of one kind of trap, or the chance of the windows' evidence, is 10^-6 or less.`,
		Example: "  engine traps judge qrun --json", Args: cli.Args("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := loadBundle("BUNDLE", args[0])
			if err != nil {
				return err
			}
			p, err := proofs.Decode(b.Proof)
			if err != nil {
				return proofError(err)
			}
			in, err := judgeInput(b, p)
			if err != nil {
				return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err).Named("BundleInvalid")
			}
			out, err := proofs.NativeJudge{}.Rejudge(cmd.Context(), *in)
			if err != nil {
				return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err)
			}
			a, err := judged(b, p, in, &out)
			if err != nil {
				return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err)
			}
			if err := e.accuse(cmd.Context(), p, a, &out, fraud); err != nil {
				return err
			}
			return e.printJudged(a)
		},
	}
	c.Flags().StringVar(&fraud, "fraud", "", "`FILE` for the fraud proof, if there is evidence")
	return c
}

// accuse writes a fraud proof where the judgement gives evidence.
func (e *program) accuse(ctx context.Context, p *proofs.Proof, a *judgeAnswer, out *proofs.JudgeOutput, path string) error {
	v, err := guest.ParseVerdict(out.Report)
	if err != nil {
		return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err)
	}
	reason, words := uint64(0), ""
	switch {
	case !a.Matches:
		reason, words = transcript.FraudRejudge, "judged again: other "+strings.Join(a.Differs, ", ")
	case tiny(v.TailA), tiny(v.TailB):
		reason, words = transcript.FraudTail, "exact left tail of the traps"
	case v.MaxGlobal >= stats.ThresholdGlobal(1000): // also of jobs that were stopped
		reason, words = transcript.FraudTail, "evidence of the windows"
	}
	if reason == 0 || path == "" {
		return nil
	}
	claim, err := p.Claim()
	if err != nil {
		return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err)
	}
	f := transcript.FraudFrame{Result: p.Body.Binding.Digests.R, Claim: claim, ProviderID: p.Body.ProviderID, Reason: reason, Evidence: a.ReportHash}
	b, err := transcript.Encode(f)
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	a.Fraud = path
	return e.writeStatement(ctx, path, typeFraud, keys.PurposeFraud, b, fraudBody(f, words))
}

// tiny reports a tail of 10^-6 or less; its mantissa has nine digits.
func tiny(t guest.Tail) bool {
	return t.Mant == 0 || t.Exp < -6 || t.Exp == -6 && t.Mant <= 100_000_000
}

// judgeInput is what the trap library of the proof was given.
func judgeInput(b *proofs.Bundle, p *proofs.Proof) (*proofs.JudgeInput, error) {
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

func judged(b *proofs.Bundle, p *proofs.Proof, in *proofs.JudgeInput, out *proofs.JudgeOutput) (*judgeAnswer, error) {
	v, err := guest.ParseVerdict(out.Report)
	if err != nil {
		return nil, err
	}
	l, err := guest.ParseLayered(in.Layered)
	if err != nil {
		return nil, err
	}
	h, err := transcript.HistOfRows(uint64(l.Clbits), out.TargetRows)
	if err != nil {
		return nil, err
	}
	a := &judgeAnswer{Module: in.ModuleName, Version: in.ModuleVersion, TrapReport: reportOf(v), TrapPass: v.TrapPass, TrapFail: v.TrapFail, ReportHash: digest.Sum(out.Report)}
	if a.HistDigest, err = h.Digest(); err != nil {
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
		{"trap_plan_hash", plan == bind.TrapPlanHash}, {"trap_report_hash", a.ReportHash == bind.TrapReportHash}, {"report.bin", bytes.Equal(out.Report, b.Report)},
		{"hist_digest", a.HistDigest == p.Body.HistDigest}, {"trap_pass", v.TrapPass == p.Body.TrapPass}, {"trap_fail", v.TrapFail == p.Body.TrapFail},
	} {
		if !c.same {
			a.Differs = append(a.Differs, c.name)
		}
	}
	a.Matches = len(a.Differs) == 0
	return a, nil
}

func (e *program) printJudged(a *judgeAnswer) error {
	var failed *cli.Error
	r := &a.TrapReport
	if !a.Matches {
		failed = cli.Errorf(cli.TrapMismatch, a.Differs[0], "judged again, the bundle differs from its proof: %v", a.Differs)
	} else if r.Verdict != "pass" {
		failed = cli.Errorf(cli.TrapMismatch, "", "the verdict is %s", r.Verdict)
	}
	if failed != nil {
		a.Error = failed.Body()
	}
	err := e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "module   %s %s\nverdict  %s; A %d/%d, B %d/%d, p-value %.3g, eps95 %s\ncertified %d of %d shots\nmatches  %v %v\n",
			a.Module, a.Version, r.Verdict, r.KA, r.NA, r.KB, r.NB, r.PValue, r.eps(), a.TrapPass, a.TrapPass+a.TrapFail, a.Matches, a.Differs)
	})
	if err != nil || failed == nil {
		return err
	}
	failed.Printed = e.JSON
	return failed
}
