package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
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
	f := &judgeFlags{}
	c := &cobra.Command{
		Use: "judge BUNDLE", Short: "Judge the traps of a bundle again, or raw outcomes as their verifier",
		Long: `Derive all slots of a bundle's job again from its opened seed, judge the raw
outcomes, and compare with what the proof says. Signatures are not checked here;
"engine proof verify --bundle" does all of it. Exit 40 where the verdict is not
pass or anything differs.

--fraud writes the fraud proof quantum_fraud_v1 where the committed outcomes give
another report or histogram than the provider signed, or where the exact left tail
of one kind of trap, or the chance of the windows' evidence, is 10^-6 or less.

With --plan, BUNDLE is the folder with raw.json and outcomes.bin that a provider made
of a verifier's batch (trap_mode verifier), and DIR the folder of engine traps plan:
the verdict is signed into verdict.json, with report.bin and counts.json. --check
holds a verdict that somebody else signed against the opened plan.`,
		Example: "  engine traps judge qrun --json\n  engine traps judge raw --plan plan\n  engine traps judge raw --plan plan --check raw/verdict.json", Args: cli.Args("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.plan != "" {
				return e.judgeRaw(cmd.Context(), args[0], f)
			}
			if f.out != "" || f.check != "" {
				return cli.Errorf(cli.Usage, "--plan", "--out and --check are for raw outcomes, which need --plan")
			}
			b, err := loadBundle("BUNDLE", args[0])
			if err != nil {
				return err
			}
			p, err := proofs.Decode(b.Proof)
			if err != nil {
				return proofError(err)
			}
			j, err := statement.JudgeBundle(cmd.Context(), b, p)
			if err != nil {
				return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err).Named("BundleInvalid")
			}
			a := judgedAnswer(j)
			if err := e.accuse(cmd.Context(), p, j, a, f.fraud); err != nil {
				return err
			}
			return e.printJudged(a)
		},
	}
	c.Flags().StringVar(&f.plan, "plan", "", "`DIR` of engine traps plan")
	c.Flags().StringVar(&f.out, "out", "", "`DIR` for the verdict (default BUNDLE)")
	c.Flags().StringVar(&f.check, "check", "", "`FILE`: a signed verdict to hold against the opened plan")
	c.Flags().StringVar(&f.fraud, "fraud", "", "`FILE` for the fraud proof, if there is evidence")
	return c
}

// accuse writes a fraud proof where the judgement gives evidence.
func (e *program) accuse(ctx context.Context, p *proofs.Proof, j *statement.Judgement, a *judgeAnswer, path string) error {
	reason, words := j.Accusation()
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
	return e.writeStatement(ctx, path, statement.TypeFraud, b, fraudBody(f, words))
}

func judgedAnswer(j *statement.Judgement) *judgeAnswer {
	v := j.Verdict
	return &judgeAnswer{Module: j.Input.ModuleName, Version: j.Input.ModuleVersion, TrapReport: reportOf(v), TrapPass: v.TrapPass, TrapFail: v.TrapFail,
		ReportHash: digest.Sum(j.Output.Report), HistDigest: j.G, Matches: len(j.Differs) == 0, Differs: j.Differs}
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
