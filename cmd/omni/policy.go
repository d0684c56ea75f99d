package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
)

func (o *program) policyVerb() *cobra.Command {
	return o.Group("policy", "Policy documents and their rules", o.policyShow(), o.policyDiff(), o.policySimulate())
}

// loadPolicy reads a policy file, or takes the document of this build that the name is of
// (default, lineage); a bad document has code 50.
func (o *program) loadPolicy(arg, path string) (*aicf.Policy, digest.Digest, error) {
	b, known := aicf.NamedPolicy(path)
	if !known {
		var err error
		if b, err = o.ReadInput(arg, path, aicf.MaxPolicyBytes, cli.BadConfig); err != nil {
			return nil, digest.Digest{}, err
		}
	}
	p, err := aicf.Load(b)
	if err != nil {
		return nil, digest.Digest{}, cli.Errorf(cli.BadConfig, arg, "%s: %w", path, err).Named("PolicyInvalid").WithHint("correct the key that the message names")
	}
	h, err := p.Hash()
	if err != nil {
		return nil, h, cli.Errorf(cli.BadConfig, arg, "%s: %w", path, err).Named("PolicyInvalid")
	}
	return p, h, nil
}

type shownPolicy struct {
	Hash            digest.Digest `json:"hash"`
	ActivationEpoch uint64        `json:"activation_epoch"`
	Policy          *aicf.Policy  `json:"policy"`
}

func (o *program) policyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show FILE", Short: "Check a policy document and print its hash and content",
		Long: `Check a policy document and print its hash, the epoch of its activation and what
it says. The hash covers the meaning: comments and the order of keys play no
part. A document that is refused exits 50.`,
		Example: "  omni aicf policy show policy.yaml --json",
		Args:    cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, h, err := o.loadPolicy("FILE", args[0])
			if err != nil {
				return err
			}
			return o.Print(shownPolicy{h, p.Activation.Epoch, p}, func(w io.Writer) {
				fmt.Fprintf(w, "%s\nhash %s\nactive from epoch %d\n", p.Name, h, p.Activation.Epoch)
				enc := json.NewEncoder(w)
				enc.SetIndent("", "  ")
				_ = enc.Encode(p) // to a buffer
			})
		},
	}
}

type policyDiff struct {
	From    digest.Digest `json:"from"`
	To      digest.Digest `json:"to"`
	Equal   bool          `json:"equal"`
	Changes []aicf.Change `json:"changes"`
}

func (o *program) policyDiff() *cobra.Command {
	return &cobra.Command{
		Use: "diff OLD NEW", Short: "List what differs between two policy documents",
		Example: "  omni aicf policy diff old.yaml new.yaml",
		Args:    cli.Args("OLD", "NEW"),
		RunE: func(_ *cobra.Command, args []string) error {
			a, from, err := o.loadPolicy("OLD", args[0])
			if err != nil {
				return err
			}
			b, to, err := o.loadPolicy("NEW", args[1])
			if err != nil {
				return err
			}
			d := policyDiff{from, to, from == to, aicf.Diff(a, b)}
			return o.Print(d, func(w io.Writer) {
				for _, c := range d.Changes {
					fmt.Fprintf(w, "%s: %q -> %q\n", c.Path, c.From, c.To)
				}
			})
		},
	}
}
