package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
)

// maxAnswerFile bounds a saved answer, proof or piece of the log.
const maxAnswerFile = 4 << 20

// step is one check of an offline verification.
type step struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Skipped bool   `json:"skipped,omitempty"` // its input was not given
	Detail  string `json:"detail,omitempty"`

	code cli.Code // exit code when it fails
}

// steps are the checks of one verification in their order.
type steps []step

func (s *steps) add(name string, code cli.Code, err error, detail string) {
	if err != nil {
		detail = err.Error()
	}
	*s = append(*s, step{Name: name, OK: err == nil, Detail: detail, code: code})
}

func (s *steps) skip(name, why string) {
	*s = append(*s, step{Name: name, OK: true, Skipped: true, Detail: why})
}

// judge is the first failure; a check that --require names may not be skipped.
func (s steps) judge(require string) (*cli.Error, error) {
	needed := map[string]bool{}
	for _, name := range strings.Split(require, ",") {
		if name != "" {
			needed[name] = true
		}
	}
	for i := range s {
		if c := &s[i]; needed[c.Name] {
			if delete(needed, c.Name); c.Skipped {
				c.OK, c.code = false, cli.ProofInvalid
			}
		}
	}
	for name := range needed {
		return nil, cli.Errorf(cli.Usage, "--require", "no check is named %.40q", name)
	}
	for i := range s {
		if !s[i].OK {
			return cli.Errorf(s[i].code, s[i].Name, "%s", s[i].Detail).Named("ClaimInvalid"), nil
		}
	}
	return nil, nil
}

func (s steps) print(w io.Writer) {
	for _, c := range s {
		word := "ok"
		switch {
		case !c.OK:
			word = "FAIL"
		case c.Skipped:
			word = "skipped"
		}
		fmt.Fprintf(w, "%-8s %-10s %s\n", word, c.Name, c.Detail)
	}
}

// serviceKey reads --service-key.
func serviceKey(text string) ([]byte, error) {
	alg, public, err := keys.ParsePublic(text)
	if err == nil && alg != keys.Ed25519 {
		err = fmt.Errorf("the key is %s, a service's is %s", alg, keys.Ed25519)
	}
	if err != nil {
		return nil, cli.Errorf(cli.Usage, "--service-key", "%w", err).WithHint("ed25519:HEX, as omni aicf status prints it")
	}
	return public, nil
}

func (o *program) claimVerbs() *cobra.Command {
	return o.Group("claim", "The pay of one proof under its epoch's root", o.claimFetch(), o.claimVerify())
}

func (o *program) claimFetch() *cobra.Command {
	var epoch uint64
	var out string
	c := &cobra.Command{
		Use: "fetch CLAIM", Short: "Fetch the inclusion proof of a claim", Args: cli.Args("CLAIM"),
		Long: `Fetch the inclusion proof of a claim from the service: the claim line, its path to
the root of the epoch that settled it, and the service's signature. CLAIM is the
claim that statement and explain show, 64 hex digits.`,
		Example: "  omni aicf claim fetch CLAIM --epoch 12 --out claim.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("epoch") {
				return cli.Errorf(cli.Usage, "--epoch", "is needed: settled_epoch of the statement line")
			}
			id, err := parseID("CLAIM", args[0])
			if err != nil {
				return err
			}
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			p, err := c.Inclusion(cmd.Context(), epoch, id)
			if err != nil {
				return o.refused(err)
			}
			if out != "" {
				raw, err := json.MarshalIndent(p, "", "  ")
				if err == nil {
					err = os.WriteFile(out, append(raw, '\n'), 0o644)
				}
				if err != nil {
					return cli.Errorf(cli.Usage, "--out", "%w", err)
				}
			}
			return o.Print(p, func(w io.Writer) {
				fmt.Fprintf(w, "claim  %s\nepoch  %d, line %d of %d\nroot   %s\n", p.Claim, p.Epoch, p.Index+1, p.Size, p.Root)
			})
		},
	}
	c.Flags().Uint64Var(&epoch, "epoch", 0, "epoch `N` that settled the claim")
	c.Flags().StringVar(&out, "out", "", "`FILE` to write as well")
	return c
}

type verifiedClaim struct {
	Valid  bool              `json:"valid"`
	Claim  digest.Digest     `json:"claim"`
	Root   digest.Digest     `json:"root"`
	Line   *settle.ClaimLine `json:"line,omitempty"`
	Checks steps             `json:"checks"`
	Error  *cli.Body         `json:"error,omitempty"`
}

func (o *program) claimVerify() *cobra.Command {
	var key, proof, require string
	var root idFlag
	c := &cobra.Command{
		Use: "verify FILE", Short: "Check a claim against its epoch's root, offline", Args: cli.Args("FILE"),
		Long: `Check an inclusion proof (claim fetch, or GET /aicf/epochs/N/proof/CLAIM) offline:
the claim line lies under the root, the shares add up, and, with what is given,
the root is --root, the service signed the epoch, and the line is about --proof.

  line       the claim line, its shares and its path to the root   always
  root       the root is the one learned elsewhere                 --root
  signature  the service signed the epoch                          --service-key
  proof      provider, job, claim and nullifier of the envelope    --proof

A check without its input is skipped; --require forbids that. Exit 42 where the
claim does not hold, 41 where the signature does not.`,
		Example: "  omni aicf claim verify claim.json --service-key ed25519:HEX --proof proof.json --require signature",
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := o.ReadInput("FILE", args[0], maxAnswerFile, cli.ProofInvalid)
			if err != nil {
				return err
			}
			p := &aicf.InclusionProof{}
			if err := json.Unmarshal(raw, p); err != nil {
				return cli.Errorf(cli.ProofInvalid, "FILE", "is no inclusion proof: %w", err).Named("ClaimInvalid")
			}
			out := verifiedClaim{Claim: p.Claim, Root: p.Root}
			line, err := network.ReadInclusion(p)
			out.Line = line
			out.Checks.add("line", cli.ProofInvalid, err, fmt.Sprintf("line %d of %d in epoch %d", p.Index+1, p.Size, p.Epoch))
			if root.id.IsZero() {
				out.Checks.skip("root", "--root was not given")
			} else if err = nil; root.id != p.Root {
				err = fmt.Errorf("the root is %s, want %s", p.Root, root.id)
			}
			if !root.id.IsZero() {
				out.Checks.add("root", cli.ProofInvalid, err, "")
			}
			if key == "" {
				out.Checks.skip("signature", "--service-key was not given")
			} else {
				public, err := serviceKey(key)
				if err != nil {
					return err
				}
				out.Checks.add("signature", cli.AttestationError, network.VerifyBatch(p, public), "key "+keys.KeyID(public).String())
			}
			if proof == "" {
				out.Checks.skip("proof", "--proof was not given")
			} else {
				raw, err := o.ReadInput("--proof", proof, maxAnswerFile, cli.ProofInvalid)
				if err != nil {
					return err
				}
				out.Checks.add("proof", cli.ProofInvalid, sameProof(raw, line), "")
			}
			return o.verdict(&out, &out.Valid, &out.Error, out.Checks, require)
		},
	}
	f := c.Flags()
	f.StringVar(&key, "service-key", "", "public `KEY` of the service (ed25519:HEX)")
	f.Var(&root, "root", "root of the epoch as learned elsewhere")
	f.StringVar(&proof, "proof", "", "`FILE` with the proof that the claim pays")
	f.StringVar(&require, "require", "", "`NAMES` of checks that may not be skipped")
	return c
}

// sameProof checks that the line pays this envelope.
func sameProof(raw []byte, line *settle.ClaimLine) error {
	p, err := proofs.Decode(raw)
	if err != nil {
		return err
	}
	c, err := p.Claim()
	if err != nil {
		return err
	}
	if line == nil {
		return fmt.Errorf("there is no line to compare with")
	}
	for _, pair := range []struct {
		name      string
		have, got digest.Digest
	}{{"claim", c, line.Claim}, {"nullifier", p.Nullifier, line.Nullifier}, {"provider_id", p.Body.ProviderID, line.ProviderID}, {"job_id", p.Body.Binding.JobID, line.JobID}} {
		if pair.have != pair.got {
			return fmt.Errorf("the proof's %s is %s, the line's %s", pair.name, pair.have, pair.got)
		}
	}
	return nil
}

// verdict prints the checks and fails with the first that failed.
func (o *program) verdict(out any, valid *bool, body **cli.Body, checks steps, require string) error {
	failed, err := checks.judge(require)
	if err != nil {
		return err
	}
	if *valid = failed == nil; !*valid {
		*body, failed.Printed = failed.Body(), o.JSON
	}
	if err := o.Print(out, checks.print); err != nil || failed == nil {
		return err
	}
	return failed
}
