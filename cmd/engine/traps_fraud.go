package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
)

// fraudAnswer is the JSON answer of "engine traps fraud".
type fraudAnswer struct {
	Valid      bool          `json:"valid"`
	Reason     string        `json:"reason"`
	Code       uint64        `json:"reason_code"` // of the frame qprov/v1/fraud
	ProviderID digest.Digest `json:"provider_id"`
	Result     digest.Digest `json:"result"`
	Claim      digest.Digest `json:"claim"`
	Evidence   digest.Digest `json:"evidence"`
	Round      uint64        `json:"beacon_round,omitempty"`
	Beacon     string        `json:"beacon,omitempty"`
}

func (e *program) trapsFraud() *cobra.Command {
	check, audit := "", ""
	c := &cobra.Command{
		Use: "fraud BUNDLE", Short: "Verify a fraud proof against the bundle of the accused claim",
		Long: `Verify a fraud proof quantum_fraud_v1, which engine traps judge or audit wrote,
offline, as a third party: the accuser's signature, that the bundle is the one that
the provider signed (claim, result, outcomes), and that judging it again gives the
reason and the evidence that the accusation names. An accusation that rests on a
target audit needs the signed audit too; compare the beacon that is printed with
the network's value of that round.

Exit 42, with the name FraudInvalid (the document), FraudMismatch (another claim),
BundleInvalid (not what the provider signed) or FraudUnfounded (no such evidence).`,
		Example: `  engine traps fraud qrun --check fraud.json
  engine traps fraud qrun --check fraud.json --audit audit.json --json`,
		Args: cli.Args("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.checkFraud(cmd.Context(), args[0], check, audit)
		},
	}
	c.Flags().StringVar(&check, "check", "", "`FILE`: the fraud proof")
	c.Flags().StringVar(&audit, "audit", "", "`FILE`: the signed audit that it rests on")
	return c
}

func (e *program) checkFraud(ctx context.Context, path, check, audit string) error {
	if check == "" {
		return cli.Errorf(cli.Usage, "--check", "a fraud proof is needed").WithHint("engine traps judge BUNDLE --fraud FILE writes one where there is evidence")
	}
	doc, err := e.ReadInput("--check", check, statement.MaxBytes, cli.ProofInvalid)
	if err != nil {
		return err
	}
	b, err := loadBundle("BUNDLE", path)
	if err != nil {
		return err
	}
	var again func() (*transcript.AuditFrame, []byte, error)
	if audit != "" {
		again = func() (*transcript.AuditFrame, []byte, error) { return e.auditAgain(audit, b) }
	}
	f, err := statement.CheckFraud(ctx, doc, b, again)
	if err != nil {
		return fraudError(err)
	}
	a := &fraudAnswer{Valid: true, Reason: f.Reason, Code: f.Frame.Reason, ProviderID: f.Frame.ProviderID, Result: f.Frame.Result, Claim: f.Frame.Claim, Evidence: f.Frame.Evidence}
	if f.Audit != nil {
		a.Round, a.Beacon = f.Audit.Round, f.Audit.Beacon.String()
	}
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "fraud     proved: %s\nprovider  %s\nclaim     %s\nevidence  %s\n", a.Reason, a.ProviderID, a.Claim, a.Evidence)
		if f.Audit != nil {
			fmt.Fprintf(w, "beacon    round %d, %s: compare it with the network's\n", a.Round, a.Beacon)
		}
	})
}

// auditAgain opens a signed audit and recomputes it from the bundle.
func (e *program) auditAgain(path string, b *proofs.Bundle) (*transcript.AuditFrame, []byte, error) {
	doc, err := e.ReadInput("--audit", path, statement.MaxBytes, cli.ProofInvalid)
	if err != nil {
		return nil, nil, err
	}
	a, frame, err := statement.OpenAudit(doc)
	if err != nil {
		return nil, nil, err
	}
	p, err := proofs.Decode(b.Proof)
	if err != nil {
		return nil, nil, err
	}
	return a, frame, statement.AuditAgain(b, p, a, frame)
}

func fraudError(err error) error {
	out := cli.Errorf(cli.ProofInvalid, "--check", "%w", err)
	switch {
	case errors.Is(err, statement.ErrFraudTarget):
		out.Named("FraudMismatch").WithHint("the bundle must be that of the accused claim")
	case errors.Is(err, statement.ErrFraudBundle):
		out.Field = "BUNDLE"
		out.Named("BundleInvalid").WithHint("take the bundle from where the provider submitted it")
	case errors.Is(err, statement.ErrFraudEvidence):
		out.Named("FraudUnfounded")
	default:
		out.Named("FraudInvalid")
	}
	return out
}
