package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
)

func (e *program) proofVerb() *cobra.Command {
	return e.Group("proof", "Build, verify and convert QuantumProofs", e.proofBuild(), e.proofVerify(), e.proofConvert(), e.proofLineage())
}

// maxProofBytes bounds a proof file.
const maxProofBytes = 16 << 20

type verifyFlags struct {
	bundle, policy, at string
	require            []string
	attest             trustFlags
	sets               setsFlags
}

type verifyAnswer struct {
	*proofs.Report
	Claim       *digest.Digest `json:"claim,omitempty"`
	FailedCheck string         `json:"failed_check,omitempty"`
	NetworkCode int            `json:"network_code,omitempty"` // of the first failure, 6000..6003
	Error       *cli.Body      `json:"error,omitempty"`
}

func (e *program) proofVerify() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use: "verify FILE", Short: "Verify a proof offline",
		Long: `Verify a proof without network, keys or the provider's word. FILE is the proof
as JSON or CBOR. With --bundle the circuit, the raw outcomes and the traps are
checked too: the traps are judged again from the opened seed. All checks run and
are listed; a check without its input is listed as skipped.

Attestation evidence is judged at --at, else at the time that the proof names.
Roots are those pinned in this build and those in DATA_DIR/roots, or with --roots
those below DIR. A quote of a TEE counts only where --attest-policy lists its
measurement. Levels: docs/attestation.md.

A proof may name the module set under which it ran. It is judged by the sets that
this node pulled (engine module pull), or by those in --sets.

Exit 0 when every check that ran holds. Otherwise the first failure decides: 40
traps, 41 signatures and attestation, 42 anything else.`,
		Example: `  engine proof verify qrun/proof.json --bundle qrun
  engine proof verify proof.cbor --policy policy.json --require attestation,traps`,
		Args: cli.Args("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := e.verifyInput(args[0], &f)
			if err != nil {
				return err
			}
			r, err := proofs.Verify(cmd.Context(), *in)
			var coded *cli.Error
			if errors.As(err, &coded) {
				return coded
			} else if err != nil {
				return cli.Errorf(cli.Usage, "--require", "%w", err)
			}
			return e.printVerified(r)
		},
	}
	p := c.Flags()
	p.StringVar(&f.bundle, "bundle", "", "`DIR` or .tar that the proof came with")
	p.StringVar(&f.policy, "policy", "", "JSON `FILE` with allowed_modules, service_keys, denied_keys, require_lease, refuse_dev, min_level, require, witnesses, key_chains")
	p.StringVar(&f.at, "at", "", "judge freshness and evidence at this `TIME`: RFC 3339 or now (default: the time that the proof itself names)")
	f.attest.add(p)
	f.sets.add(p)
	p.StringSliceVar(&f.require, "require", nil, "`CHECKS` that must not be skipped, separated by commas")
	return c
}

func (e *program) verifyInput(path string, f *verifyFlags) (*proofs.Input, error) {
	b, err := e.ReadInput("FILE", path, maxProofBytes, cli.ProofInvalid)
	if err != nil {
		return nil, err
	}
	in := &proofs.Input{Proof: b, Require: f.require}
	if in.TrapPolicies, err = knownPolicies(); err != nil {
		return nil, err
	}
	if f.bundle != "" {
		if in.Bundle, err = loadBundle("--bundle", f.bundle); err != nil {
			return nil, err
		}
	}
	if f.policy != "" {
		doc, err := e.ReadInput("--policy", f.policy, maxDocument, cli.BadConfig)
		if err != nil {
			return nil, err
		}
		p, err := proofs.ParsePolicy(doc)
		if err != nil {
			bad := jsonError(err)
			bad.Code = cli.BadConfig
			return nil, bad
		}
		in.Policy = *p
	}
	if in.AtMS, err = parseTime("--at", f.at); err != nil {
		return nil, err
	}
	attester, err := e.attester(&f.attest)
	if err != nil {
		return nil, err
	}
	in.Attester = attester
	if in.Sets, err = e.verifierSets(&f.sets); err != nil {
		return nil, err
	}
	e.wireVerifier(in)
	return in, nil
}

// knownPolicies are the embedded trap policies by hash.
func knownPolicies() (map[digest.Digest][]byte, error) {
	out := map[digest.Digest][]byte{}
	for _, name := range policyNames {
		p, err := job.NamedTrapPolicy(name)
		if err != nil {
			return nil, cli.Errorf(cli.Internal, "", "%w", err)
		}
		h, err := p.Hash()
		if err != nil {
			return nil, cli.Errorf(cli.Internal, "", "%w", err)
		}
		out[h] = p.Record.Append(nil)
	}
	return out, nil
}

func loadBundle(field, path string) (*proofs.Bundle, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, cli.Errorf(cli.Usage, field, "%w", err)
	}
	b, err := proofs.Load(path)
	if err != nil {
		return nil, cli.Errorf(cli.ProofInvalid, field, "%w", err).Named("BundleInvalid")
	}
	return b, nil
}

// parseTime reads a point in time into Unix milliseconds; empty is 0.
func parseTime(field, s string) (uint64, error) {
	switch s {
	case "":
		return 0, nil
	case "now":
		return uint64(time.Now().UnixMilli()), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UnixMilli() <= 0 {
		return 0, cli.Errorf(cli.Usage, field, "%.60q is no time after 1970", s).WithHint("such as 2026-11-25T12:00:00Z, or now")
	}
	return uint64(t.UnixMilli()), nil
}

// printVerified prints the report, with the first failure as the error.
func (e *program) printVerified(r *proofs.Report) error {
	a := verifyAnswer{Report: r}
	if !r.Claim.IsZero() {
		a.Claim = &r.Claim
	}
	var failed *cli.Error
	if f := r.Failure; f != nil {
		message := f.Message
		if f.Name == attest.ErrRefused.Error() {
			message = f.Error() // as attest verify words it
		}
		failed = cli.Errorf(cli.Code(f.Exit), f.Check, "%s", message).Named(f.Name).WithHint("all failed checks are listed; the first one decides")
		a.FailedCheck, a.NetworkCode, a.Error = f.Check, f.Code, failed.Body()
	}
	err := e.Print(a, func(w io.Writer) {
		for _, c := range r.Checks {
			state := "ok     "
			if !c.OK {
				state = "FAILED "
			} else if c.Skipped {
				state = "skipped"
			}
			fmt.Fprintf(w, "%s  %-16s %s\n", state, c.Name, c.Detail)
		}
		for _, v := range r.Evidence {
			fmt.Fprintf(w, "evidence %s %s: accepted %v, valid to %s\n", v.Member, v.Kind, v.Accepted, orDash(v.NotAfter))
		}
		fmt.Fprintf(w, "valid %v, level %s\n", r.Valid, r.Level)
	})
	if err != nil || failed == nil {
		return err
	}
	failed.Printed = e.JSON
	return failed
}

func (e *program) proofConvert() *cobra.Command {
	var out string
	to := cli.Choice{Value: "json", Allowed: []string{"json", "cbor", "lineage-cbor"}}
	c := &cobra.Command{
		Use: "convert FILE", Short: "Convert a proof between JSON and CBOR, or to the lineage's CBOR",
		Long: `Convert a proof between its two forms; nothing that is signed changes. FILE may
have either form; "-" is stdin. lineage-cbor is the lineage's envelope of type 3:
a summary with another nullifier, which cannot be converted back.`,
		Example: "  engine proof convert qrun/proof.json --to cbor --out proof.cbor",
		Args:    cli.Args("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("to") {
				return cli.Errorf(cli.Usage, "--to", "is needed").WithHint("--to json, cbor or lineage-cbor")
			}
			b, err := e.ReadInput("FILE", args[0], maxProofBytes, cli.ProofInvalid)
			if err != nil {
				return err
			}
			p, err := proofs.Decode(b)
			if err != nil {
				return proofError(err)
			}
			converted, err := encodeProof(p, to.Value)
			if err != nil {
				return proofError(err)
			}
			return e.writeConverted(out, converted, to.Value)
		},
	}
	c.Flags().Var(&to, "to", "the form to write")
	c.Flags().StringVar(&out, "out", "-", "`FILE` to write; - is stdout")
	return c
}

func encodeProof(p *proofs.Proof, to string) ([]byte, error) {
	switch to {
	case "cbor":
		return p.MarshalCBOR()
	case "lineage-cbor":
		return lineageCBOR(p)
	}
	b, err := p.MarshalJSON()
	return append(b, '\n'), err
}

// proofError is a refusal to decode a proof: code 42.
func proofError(err error) *cli.Error {
	out := jsonError(err)
	out.Code, out.Name = cli.ProofInvalid, "SchemaError"
	var coded *cli.Error
	if errors.As(err, &coded) {
		return coded
	}
	return out
}
