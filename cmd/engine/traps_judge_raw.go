package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
)

// verdictAnswer is the JSON answer of "engine traps judge RAW --plan DIR".
type verdictAnswer struct {
	Module     string        `json:"module"`
	Version    string        `json:"version"`
	TrapTier   string        `json:"trap_tier"`
	TrapReport trapReport    `json:"trap_report"`
	TrapPass   uint64        `json:"trap_pass"`
	TrapFail   uint64        `json:"trap_fail"`
	ProviderID digest.Digest `json:"provider_id"`
	Batch      digest.Digest `json:"batch"`
	RawResult  digest.Digest `json:"raw_result"`
	X          digest.Digest `json:"X"`
	R          digest.Digest `json:"R"`
	Nullifier  digest.Digest `json:"nullifier"`
	HistDigest digest.Digest `json:"hist_digest"`
	ReportHash digest.Digest `json:"trap_report_hash"`
	Shots      uint64        `json:"target_shots"`
	Dev        bool          `json:"dev"`
	Matches    *bool         `json:"matches,omitempty"` // with --check
	Out        []string      `json:"written,omitempty"`
	Error      *cli.Body     `json:"error,omitempty"`
}

// judgeFlags are those of "engine traps judge".
type judgeFlags struct{ fraud, plan, out, check string }

// judgeRaw judges raw outcomes with what the verifier kept.
func (e *program) judgeRaw(ctx context.Context, dir string, f *judgeFlags) error {
	batchBytes, err := e.ReadInput("--plan", filepath.Join(f.plan, batchDoc), statement.MaxBytes, cli.ProofInvalid)
	if err != nil {
		return err
	}
	batch, err := statement.OpenBatch(batchBytes)
	if err != nil {
		return rawError(err)
	}
	opening, err := e.readOpening(f.plan)
	if err != nil {
		return err
	}
	doc, err := e.ReadInput("RAW", filepath.Join(dir, rawDoc), statement.MaxBytes, cli.ProofInvalid)
	if err != nil {
		return err
	}
	raw, err := statement.OpenRaw(doc, batch)
	if err != nil {
		return rawError(err)
	}
	outcomes, err := e.ReadInput("RAW", filepath.Join(dir, rawData), maxSlotBytes, cli.ProofInvalid)
	if err != nil {
		return err
	}
	j, err := statement.JudgeRaw(ctx, batch, raw, outcomes, opening)
	if err != nil {
		return rawError(err)
	}
	a := verdictAnswerOf(batch, raw, j)
	if f.check != "" {
		given, err := e.ReadInput("--check", f.check, statement.MaxBytes, cli.ProofInvalid)
		if err != nil {
			return err
		}
		if err := j.CheckVerdict(given); err != nil {
			return rawError(err)
		}
		yes := true
		a.Matches = &yes
	} else if err := e.writeVerdict(ctx, j, a, f, dir); err != nil {
		return err
	}
	return e.printRawVerdict(a)
}

func verdictAnswerOf(b *statement.Batch, r *statement.Raw, j *statement.RawJudgement) *verdictAnswer {
	shots, _ := j.Hist.Shots() // bounded by the slots
	return &verdictAnswer{Module: j.Module.Name, Version: j.Module.Version, TrapTier: "verifier", TrapReport: reportOf(j.Verdict), TrapPass: j.Verdict.TrapPass, TrapFail: j.Verdict.TrapFail,
		ProviderID: r.Frame.ProviderID, Batch: b.Digest, RawResult: r.Digest, X: r.Frame.ExecDigest, R: j.R, Nullifier: j.N, HistDigest: j.Frame.Hist, ReportHash: j.Frame.TrapReport,
		Shots: shots, Dev: r.Frame.Flags&proofs.FlagDev != 0}
}

// writeVerdict signs the verdict and writes it with report and counts.
func (e *program) writeVerdict(ctx context.Context, j *statement.RawJudgement, a *verdictAnswer, f *judgeFlags, dir string) error {
	if f.out == "" {
		f.out = dir
	}
	frame, err := transcript.Encode(j.Frame)
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	held, done, err := e.signer()
	if err != nil {
		return err
	}
	defer done()
	doc, err := statement.Sign(ctx, statement.TypeVerdict, frame, *a, held, true, uint64(time.Now().Unix()))
	if err != nil {
		return keyError(err)
	}
	files := map[string][]byte{verdictDoc: doc, "report.bin": j.Report}
	if len(j.Hist.Bins) <= proofs.MaxCounts {
		if files["counts.json"], err = proofs.CountsJSON(j.Hist); err != nil {
			return cli.Errorf(cli.Internal, "", "%w", err)
		}
	}
	for name, b := range files {
		if err := e.WriteOutput(filepath.Join(f.out, name), b, 0o644); err != nil {
			return err
		}
	}
	a.Out = []string{filepath.Join(f.out, verdictDoc)}
	return nil
}

func (e *program) printRawVerdict(a *verdictAnswer) error {
	r := &a.TrapReport
	var failed *cli.Error
	if r.Verdict != "pass" {
		failed = cli.Errorf(cli.TrapMismatch, "", "the verdict is %s", r.Verdict)
		a.Error = failed.Body()
	}
	err := e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "module    %s %s\nverdict   %s; A %d/%d, B %d/%d, p-value %.3g, eps95 %s\ncertified %d of %d shots\nprovider  %s\nX         %s\nR         %s\n",
			a.Module, a.Version, r.Verdict, r.KA, r.NA, r.KB, r.NB, r.PValue, r.eps(), a.TrapPass, a.TrapPass+a.TrapFail, a.ProviderID, a.X, a.R)
		for _, p := range a.Out {
			fmt.Fprintf(w, "wrote     %s\n", p)
		}
	})
	if err != nil || failed == nil {
		return err
	}
	failed.Printed = e.JSON
	return failed
}

func rawError(err error) error {
	switch {
	case errors.Is(err, statement.ErrRaw):
		return cli.Errorf(cli.ProofInvalid, "RAW", "%w", err).Named("RawInvalid")
	case errors.Is(err, statement.ErrOpening):
		return cli.Errorf(cli.ProofInvalid, "--plan", "%w", err).Named("OpeningInvalid").WithHint("--plan is the folder that engine traps plan wrote")
	case errors.Is(err, statement.ErrVerdict):
		return cli.Errorf(cli.ProofInvalid, "--check", "%w", err).Named("VerdictMismatch")
	}
	return cli.Errorf(cli.ProofInvalid, "--plan", "%w", err).Named("StatementInvalid")
}
