package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
)

type auditFlags struct {
	beacon string
	round  uint64
	leaves uint64
	out    string
	fraud  string
	check  string
	module bool // the proof's own trap library scores too
}

// auditAnswer is the JSON answer of "engine traps audit".
type auditAnswer struct {
	Result     digest.Digest `json:"result"`
	Verdict    string        `json:"verdict"`
	Statistic  string        `json:"statistic"` // linear or bounded
	Shots      uint64        `json:"shots"`     // target shots scored
	Leaves     int           `json:"leaves"`    // opened, of 64 slots each
	F0         float64       `json:"f0"`
	Score      float64       `json:"score"`
	Limit      float64       `json:"limit"` // a score below it fails: one honest job in a thousand
	FraudLimit float64       `json:"fraud_limit"`
	Openings   digest.Digest `json:"openings_root"`
	Round      uint64        `json:"beacon_round"`
	Digest     digest.Digest `json:"audit"` // of the frame qprov/v1/audit
	Fraud      bool          `json:"fraud"`
	Written    []string      `json:"written,omitempty"`
	Error      *cli.Body     `json:"error,omitempty"`
}

func (e *program) trapsAudit() *cobra.Command {
	f := &auditFlags{}
	c := &cobra.Command{
		Use: "audit BUNDLE", Short: "Score the target shots of a bundle against the ideal circuit",
		Long: `Compute the ideal distribution of a bundle's circuit (up to 24 qubits), open the
leaves of raw outcomes that a beacon draws, un-pad their target shots and test
whether they come from that circuit. This is the only check that finds a device
which runs the traps and invents the targets.

The beacon must be of a round after the lease's, and drawn after the outcomes were
committed; whoever relies on the audit compares --beacon with the network's value.
A score below limit fails (one honest job in a thousand does), below fraud_limit
it is evidence of fraud (one in a million).

--out writes the signed document qprov/v1/audit, --fraud the fraud proof
quantum_fraud_v1 where there is evidence; --check holds a document against the
bundle. Exit 40 where the audit fails.`,
		Example: `  engine traps audit qrun --round 7 --beacon 5f…e1 --out audit.json
  engine traps audit qrun --check audit.json`,
		Args: cli.Args("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error { return e.runAudit(cmd.Context(), args[0], f) },
	}
	p := c.Flags()
	p.StringVar(&f.beacon, "beacon", "", "`HEX`: 32 bytes, the beacon value of --round")
	p.Uint64Var(&f.round, "round", 0, "`N`: beacon round, later than the lease's")
	p.Uint64Var(&f.leaves, "leaves", 0, "`N` leaves of 64 slots to open; 0 is all")
	p.StringVar(&f.out, "out", "", "`FILE` for the signed audit")
	p.StringVar(&f.fraud, "fraud", "", "`FILE` for the fraud proof, if there is evidence")
	p.BoolVar(&f.module, "sandbox", false, "let the proof's trap library score too, where it can (xeb_small)")
	p.StringVar(&f.check, "check", "", "`FILE`: a signed audit; round, beacon and leaves are taken from it")
	return c
}

func (e *program) runAudit(ctx context.Context, path string, f *auditFlags) error {
	b, err := loadBundle("BUNDLE", path)
	if err != nil {
		return err
	}
	p, err := proofs.Decode(b.Proof)
	if err != nil {
		return proofError(err)
	}
	var given []byte
	if f.check != "" {
		if given, err = e.checkDocument(f); err != nil {
			return err
		}
	}
	in, err := auditInput(b, p, f)
	if err != nil {
		return err
	}
	r, err := traps.RunAudit(*in)
	if err != nil {
		return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err)
	}
	if f.module {
		if err := e.sandboxAudit(ctx, b, p, in, r); err != nil {
			return err
		}
	}
	frame, err := transcript.Encode(r.Frame(in))
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	if given != nil && string(given) != string(frame) {
		return cli.Errorf(cli.ProofInvalid, "--check", "the bundle gives another audit: %s", r).Named("AuditMismatch")
	}
	a := auditAnswerOf(in, r, frame)
	if err := e.writeAudit(ctx, p, a, frame, f); err != nil {
		return err
	}
	return e.printAudit(a)
}

// auditInput checks the outcomes against the proof's commitment and the beacon
// against the lease.
func auditInput(b *proofs.Bundle, p *proofs.Proof, f *auditFlags) (*traps.AuditInput, error) {
	invalid := func(err error) error {
		return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err).Named("BundleInvalid")
	}
	value, err := hex.DecodeString(f.beacon)
	if err != nil || len(value) != 32 {
		return nil, cli.Errorf(cli.Usage, "--beacon", "%.70q is not 32 bytes in hexadecimal", f.beacon)
	}
	in, err := statement.AuditInput(b, p, f.round, digest.Digest(value), f.leaves)
	switch {
	case errors.Is(err, statement.ErrAuditDraw):
		return nil, cli.Errorf(cli.Usage, "--round", "%d is not after the lease's round %d", f.round, p.Body.Binding.Round).WithHint("a beacon that was known before the outcomes were committed chooses nothing")
	case err != nil:
		return nil, invalid(err)
	}
	return in, nil
}

func auditAnswerOf(in *traps.AuditInput, r *traps.Audit, frame []byte) *auditAnswer {
	part := func(v uint64) float64 { return float64(v) / stats.Ppb }
	a := &auditAnswer{Result: in.Result, Verdict: r.Verdict.String(), Statistic: "linear", Shots: r.Shots, Leaves: len(r.Leaves), F0: part(r.F0), Score: part(r.Score),
		Limit: part(r.Limit), FraudLimit: part(r.FraudLimit), Openings: r.Openings, Round: in.Round, Digest: digest.Sum(frame), Fraud: r.Fraud}
	if r.Statistic == guest.StatBounded {
		a.Statistic = "bounded"
	}
	if r.Verdict == guest.AuditFail {
		a.Error = cli.Errorf(cli.TrapMismatch, "", "the target shots are not of this circuit: score %.6f below %.6f", a.Score, a.Limit).Body()
	}
	return a
}

// writeAudit signs and writes what was asked for.
func (e *program) writeAudit(ctx context.Context, p *proofs.Proof, a *auditAnswer, frame []byte, f *auditFlags) error {
	if f.out != "" {
		body := *a
		body.Written, body.Error = nil, nil
		if err := e.writeStatement(ctx, f.out, statement.TypeAudit, frame, body); err != nil {
			return err
		}
		a.Written = append(a.Written, f.out)
	}
	if f.fraud == "" || !a.Fraud {
		return nil
	}
	claim, err := p.Claim()
	if err != nil {
		return cli.Errorf(cli.ProofInvalid, "BUNDLE", "%w", err)
	}
	fraud := transcript.FraudFrame{Result: a.Result, Claim: claim, ProviderID: p.Body.ProviderID, Reason: transcript.FraudAudit, Evidence: a.Digest}
	b, err := transcript.Encode(fraud)
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	if err := e.writeStatement(ctx, f.fraud, statement.TypeFraud, b, fraudBody(fraud, "target audit")); err != nil {
		return err
	}
	a.Written = append(a.Written, f.fraud)
	return nil
}

func fraudBody(f transcript.FraudFrame, reason string) any {
	return map[string]any{"result": f.Result, "claim": f.Claim, "provider_id": f.ProviderID, "reason": reason, "evidence": f.Evidence}
}

// writeStatement signs a document with the operational key of the data directory.
func (e *program) writeStatement(ctx context.Context, path, typeID string, frame []byte, body any) error {
	held, done, err := e.signer()
	if err != nil {
		return err
	}
	defer done()
	b, err := statement.Sign(ctx, typeID, frame, body, held, false, uint64(time.Now().Unix()))
	if err != nil {
		return keyError(err)
	}
	return e.WriteOutput(path, b, 0o644)
}

// signer opens the keys of the data directory, making development keys where there
// are none; done closes the store.
func (e *program) signer() (held *keys.Held, done func(), err error) {
	store, err := e.keyStore()
	if err != nil {
		return nil, nil, err
	}
	if held, _, err = store.Ensure(rand.Reader, uint64(time.Now().Unix())); err != nil {
		store.Close()
		return nil, nil, keyError(err)
	}
	return held, func() { store.Close() }, nil
}

func (e *program) printAudit(a *auditAnswer) error {
	err := e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "audit      %s; score %.6f, limit %.6f, an honest device has %.6f or more\nscored     %d target shots in %d leaves, statistic %s, beacon round %d\ndocument   %s\n",
			a.Verdict, a.Score, a.Limit, a.F0, a.Shots, a.Leaves, a.Statistic, a.Round, a.Digest)
		if a.Fraud {
			fmt.Fprintf(w, "fraud      the score is below %.6f: not one honest job in a million\n", a.FraudLimit)
		}
		for _, f := range a.Written {
			fmt.Fprintf(w, "wrote      %s\n", f)
		}
	})
	if err != nil || a.Error == nil {
		return err
	}
	out := cli.Errorf(cli.TrapMismatch, "", "%s", a.Error.Message)
	out.Printed = e.JSON
	return out
}
