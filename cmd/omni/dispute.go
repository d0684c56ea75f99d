package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/internal/cli"
)

type slashesAnswer struct {
	Slashes []aicf.Slash `json:"slashes"`
}

func (o *program) slashes() *cobra.Command {
	var provider idFlag
	var status string
	c := &cobra.Command{
		Use: "slashes", Short: "List slash proposals, all pages", Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			all := slashesAnswer{Slashes: []aicf.Slash{}}
			for cursor := ""; ; {
				page, err := c.Slashes(cmd.Context(), aicf.SlashFilter{Provider: provider.id, State: aicf.SlashState(status), Limit: 500}, cursor)
				if err != nil {
					return o.refused(err)
				}
				all.Slashes = append(all.Slashes, page.Items...)
				if cursor = page.Next; cursor == "" {
					break
				}
			}
			return o.Print(all, func(w io.Writer) {
				for _, s := range all.Slashes {
					fmt.Fprintf(w, "%s  %-9s %-16s %d of %s, appeal until round %d\n", s.ID, s.State, s.Reason, s.Amount, s.ProviderID, s.AppealTill)
				}
				fmt.Fprintf(w, "%d proposals\n", len(all.Slashes))
			})
		},
	}
	c.Flags().Var(&provider, "provider", "only of this provider_id")
	c.Flags().StringVar(&status, "status", "", "held, appealed, executed or reversed")
	return c
}

func (o *program) dispute() *cobra.Command {
	var slash, bundle idFlag
	var fraud, audit, note string
	c := &cobra.Command{
		Use: "dispute", Short: "Appeal a slash, or accuse a provider by a fraud document",
		Long: `Appeal a slash of this provider with counter-evidence, a bundle that lies with the
service and whose transcript the device or TEE signed; or accuse a provider by a
quantum_fraud_v1 document (engine traps judge --fraud), which the service holds
against the bundle that the provider handed in. An accusation that rests on a target
audit (engine traps audit --out --fraud) brings the audit too; its beacon must be of
a round of the network that began after the outcomes were handed in. Evidence that
does not verify changes nothing and exits 42.`,
		Example: "  omni aicf dispute --slash ID --bundle SHA3\n  omni aicf dispute --fraud fraud.json --audit audit.json",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := aicf.Dispute{SlashID: slash.id, Bundle: bundle.id, Note: note}
			if fraud != "" {
				raw, err := o.ReadInput("--fraud", fraud, maxJobFile, cli.JobInvalid)
				if err != nil {
					return err
				}
				d.Fraud = json.RawMessage(raw)
			}
			if audit != "" && fraud == "" {
				return cli.Errorf(cli.Usage, "--audit", "an audit belongs to --fraud")
			}
			if audit != "" {
				raw, err := o.ReadInput("--audit", audit, maxJobFile, cli.JobInvalid)
				if err != nil {
					return err
				}
				d.Audit = json.RawMessage(raw)
			}
			if (fraud == "") == slash.id.IsZero() {
				return cli.Errorf(cli.Usage, "--slash", "exactly one of --slash and --fraud is needed")
			}
			c, _, err := o.asProvider(cmd.Context())
			if err != nil {
				return err
			}
			out, err := c.Dispute(cmd.Context(), "", d)
			if err != nil {
				return o.refused(err)
			}
			shown := struct {
				*aicf.DisputeOutcome
				Error *cli.Body `json:"error,omitempty"`
			}{DisputeOutcome: out}
			refused := cli.Errorf(cli.ProofInvalid, "", "the evidence was not accepted: %s", out.Reason).Named("EvidenceRefused")
			if !out.Accepted {
				shown.Error, refused.Printed = refused.Body(), o.JSON
			}
			if err := o.Print(shown, func(w io.Writer) {
				fmt.Fprintf(w, "accepted %v: %s\nslash %s %s\n", out.Accepted, out.Reason, out.Slash.ID, out.Slash.State)
			}); err != nil || out.Accepted {
				return err
			}
			return refused
		},
	}
	f := c.Flags()
	f.Var(&slash, "slash", "slash_id to appeal")
	f.Var(&bundle, "bundle", "SHA3-256 of the counter-evidence, stored before")
	f.StringVar(&fraud, "fraud", "", "`FILE` with a quantum_fraud_v1 document")
	f.StringVar(&audit, "audit", "", "`FILE` with the quantum_audit_v1 document that the accusation rests on")
	f.StringVar(&note, "note", "", "words for the record, at most 1000 bytes")
	return c
}
