package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest"
)

type chainLink struct {
	Subject   string          `json:"subject"`
	Issuer    string          `json:"issuer"`
	SHA256    attest.HexBytes `json:"sha256"`
	NotBefore time.Time       `json:"not_before"`
	NotAfter  time.Time       `json:"not_after"`
}

type chainAnswer struct {
	Valid bool        `json:"valid"`
	Chain []chainLink `json:"chain"`
}

func (e *program) attestChain() *cobra.Command {
	var roots, at, vendor string
	c := &cobra.Command{
		Use: "chain PEM", Short: "Verify a certificate chain up to a trusted root",
		Long: `Verify that the first certificate of a file leads to a trusted root of the kind
at the time --at. The others, in any order, may stand between. Exit 0 or 41.
--kind qpu needs --vendor: a root vouches for one vendor only.`,
		Example: "  engine attest chain --kind sev vcek.pem --at 2026-01-01T00:00:00Z",
		Args:    cli.Args("PEM"),
	}
	kind := kindFlag(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		b, err := e.ReadInput("PEM", args[0], attest.MaxCerts, cli.AttestationError)
		if err != nil {
			return err
		}
		p, err := e.chainParams(kind, roots, at, vendor)
		if err != nil {
			return err
		}
		certs, err := attest.ParseCerts(b)
		if err != nil {
			return cli.Errorf(cli.AttestationError, "PEM", "AttestationError: chain invalid: %w", err)
		}
		chain, err := p.Roots.Verify(certs[0], certs[1:], p.At)
		if err != nil {
			return attestError(attest.AsRefusal(err))
		}
		return e.printChain(chain)
	}
	c.Flags().StringVar(&roots, "roots", "", "`DIR` of trusted roots, in place of the pinned ones and of DATA_DIR/roots")
	c.Flags().StringVar(&vendor, "vendor", "", "`NAME` of the vendor whose roots count, with --kind qpu")
	c.Flags().StringVar(&at, "at", "", "judge validity at this `TIME`: RFC 3339 or now")
	return c
}

// chainParams finds the roots of a kind, or of a vendor of quantum computers.
func (e *program) chainParams(kind *cli.Choice, roots, at, vendor string) (*attest.Params, error) {
	if kind.Value != string(attest.QPU) {
		v, err := attestVerifier(kind)
		if err != nil {
			return nil, err
		}
		return e.attestParams(v, roots, at)
	}
	if vendor == "" {
		return nil, cli.Errorf(cli.Usage, "--vendor", "is needed with --kind qpu")
	}
	when, err := attestTime(at)
	if err != nil {
		return nil, err
	}
	if err := checkRootsDir(roots); err != nil {
		return nil, err
	}
	t, err := e.vendorTrust(roots, vendor)
	if err != nil {
		return nil, err
	}
	return &attest.Params{At: when, Roots: t.Roots}, nil
}

func (e *program) printChain(chain attest.Chain) error {
	a := chainAnswer{Valid: true}
	for _, c := range chain {
		a.Chain = append(a.Chain, chainLink{c.Subject.CommonName, c.Issuer.CommonName, attest.Fingerprint(c), c.NotBefore.UTC(), c.NotAfter.UTC()})
	}
	return e.Print(a, func(w io.Writer) {
		for _, l := range a.Chain {
			fmt.Fprintf(w, "%s  %s, valid to %s\n", l.SHA256, l.Subject, l.NotAfter.Format(time.DateOnly))
		}
		fmt.Fprintln(w, "valid")
	})
}
