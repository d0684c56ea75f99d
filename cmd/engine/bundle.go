package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
)

func (e *program) bundleVerb() *cobra.Command {
	return e.Group("bundle", "The provider bundle that registers a provider", e.bundleMake(), e.bundleVerify())
}

type bundleFlags struct {
	out, email, tee, qpu string
	algorithms, regions  []string
}

func (e *program) bundleMake() *cobra.Command {
	var f bundleFlags
	c := &cobra.Command{
		Use: "make", Short: "Write and sign the provider bundle",
		Long: `Write the provider bundle: the signed self-description, attestation evidence,
algorithms, regions and key statements, signed as a whole by the root key. In an
empty data directory the keys are made first.`,
		Example: "  engine bundle make --email ops@provider.io --region eu-west-1 --out provider_bundle.json",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := e.makeBundle(cmd, &f)
			if err != nil {
				return err
			}
			return e.writeDocument(f.out, b)
		},
	}
	c.Flags().StringVar(&f.out, "out", "-", "`FILE` to write; - is stdout only")
	c.Flags().StringVar(&f.email, "email", "", "contact `ADDRESS`; default that of DATA_DIR/identity.json")
	c.Flags().StringVar(&f.tee, "tee", "", "JSON `FILE` with TEE evidence, kept as it is")
	c.Flags().StringVar(&f.qpu, "qpu", "", "JSON `FILE` with the QPU vendor certificate, kept as it is")
	c.Flags().StringSliceVar(&f.algorithms, "algorithm", nil, "`ID` of a circuit family; repeat or separate by commas (default all that this build generates)")
	c.Flags().StringSliceVar(&f.regions, "region", nil, "`NAME` of a region; repeat or separate by commas")
	return c
}

func (e *program) makeBundle(cmd *cobra.Command, f *bundleFlags) (*keys.Bundle, error) {
	root, _, err := e.rootKey()
	if err != nil {
		return nil, err
	}
	statements, err := e.statements()
	if err != nil {
		return nil, err
	}
	id, err := e.bundleIdentity(cmd, f, root)
	if err != nil {
		return nil, err
	}
	b := &keys.Bundle{Identity: id, Algorithms: f.algorithms, Regions: f.regions, Keys: statements}
	if len(b.Algorithms) == 0 {
		for _, g := range circuit.Generators() {
			b.Algorithms = append(b.Algorithms, g.ID)
		}
	}
	for _, ev := range []struct{ kind, path string }{{"qpu", f.qpu}, {"tee", f.tee}} {
		if ev.path == "" {
			continue
		}
		raw, err := e.ReadInput("--"+ev.kind, ev.path, maxDocument, cli.AttestationError)
		if err != nil {
			return nil, err
		}
		b.Evidence = append(b.Evidence, keys.Evidence{Kind: ev.kind, Raw: raw})
	}
	if err := b.Sign(cmd.Context(), root, uint64(time.Now().Unix())); err != nil {
		return nil, documentError(err)
	}
	return b, nil
}

// bundleIdentity is the stored self-description of this root key, or a new one.
func (e *program) bundleIdentity(cmd *cobra.Command, f *bundleFlags, root keys.Signer) (*keys.Identity, error) {
	if path, err := e.identityPath(); err == nil && f.email == "" {
		if _, err := os.Stat(path); err == nil {
			id, err := e.readIdentity(path)
			if err != nil {
				return nil, err
			}
			chain, err := e.rotations()
			if err != nil {
				return nil, err
			}
			if keys.KeyID(id.RootPublic) == root.KeyID() && (!chain.Rotated() || id.Chain.Extends(chain)) {
				return id, nil
			}
			e.Warn("%s is of another root key, or of before a rotation, and not used", path)
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
		}
	}
	return e.signIdentity(cmd.Context(), root, f.email)
}

type bundleAnswer struct {
	Valid      bool          `json:"valid"`
	ProviderID digest.Digest `json:"provider_id"`
	Algorithms []string      `json:"algorithms"`
	Regions    []string      `json:"regions"`
	Evidence   []string      `json:"evidence"`
	Keys       []bundleKey   `json:"keys"`
	Timestamp  uint64        `json:"timestamp"`
	// Judged says what the evidence reaches; only with --at.
	Judged []proofs.EvidenceVerdict `json:"judged,omitempty"`
}

type bundleKey struct {
	Role  keys.Role     `json:"role"`
	KeyID digest.Digest `json:"key_id"`
}

func (e *program) bundleVerify() *cobra.Command {
	var f trustFlags
	c := &cobra.Command{
		Use: "verify FILE", Short: "Check the signatures and key rules of a provider bundle",
		Long: `Check the signatures and key rules of a provider bundle. Attestation evidence is
bound by the signature; with --at it is judged too, as at registration: roots are
those pinned, those in DATA_DIR/roots, or those of --roots. Exit 41 where something
is refused.`,
		Example: "  engine bundle verify provider_bundle.json --json\n  engine bundle verify provider_bundle.json --at now --roots roots", Args: cli.Args("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := e.ReadInput("FILE", args[0], maxDocument, cli.AttestationError)
			if err != nil {
				return err
			}
			b, err := keys.ParseBundle(raw)
			if err != nil {
				return documentError(err)
			}
			a := bundleAnswer{Valid: true, ProviderID: b.Identity.ProviderID, Algorithms: b.Algorithms, Regions: b.Regions, Evidence: []string{}, Timestamp: b.Timestamp}
			for _, ev := range b.Evidence {
				a.Evidence = append(a.Evidence, ev.Kind)
			}
			for _, k := range b.Keys {
				a.Keys = append(a.Keys, bundleKey{k.Role, k.KeyID()})
			}
			judged := "bound, not judged"
			if f.at != "" {
				judged = "accepted"
				if a.Judged, err = e.judgeBundle(cmd.Context(), b, &f); err != nil {
					return err
				}
			}
			return e.Print(a, func(w io.Writer) {
				fmt.Fprintf(w, "valid\nprovider_id  %s\nalgorithms   %v\nregions      %v\nevidence     %v (%s)\n", a.ProviderID, a.Algorithms, a.Regions, a.Evidence, judged)
				for _, k := range a.Keys {
					fmt.Fprintf(w, "%-12s %s\n", k.Role, k.KeyID)
				}
			})
		},
	}
	f.add(c.Flags())
	c.Flags().StringVar(&f.at, "at", "", "judge the evidence at this `TIME`: RFC 3339 or now")
	addTestKeys(c.Flags(), &f.attestFlags)
	return c
}

// judgeBundle judges the evidence of a bundle; the first that is refused is the
// error.
func (e *program) judgeBundle(ctx context.Context, b *keys.Bundle, f *trustFlags) ([]proofs.EvidenceVerdict, error) {
	at, err := attestTime(f.at)
	if err != nil {
		return nil, err
	}
	a, err := e.attester(f)
	if err != nil {
		return nil, err
	}
	list, err := a.Registration(ctx, b, at, f.testKeys)
	if err != nil {
		var coded *cli.Error
		if errors.As(err, &coded) {
			return nil, coded
		}
		return nil, cli.Errorf(cli.BadConfig, "--roots", "%w", err)
	}
	for _, v := range list {
		if !v.Accepted {
			return nil, cli.Errorf(cli.AttestationError, "attestations."+v.Member, "AttestationError: %s", v.Reasons[0].Message)
		}
	}
	return list, nil
}
