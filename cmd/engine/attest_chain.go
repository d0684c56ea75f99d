package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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
	var roots, at string
	c := &cobra.Command{
		Use: "chain PEM", Short: "Verify a certificate chain up to a trusted root",
		Long: `Verify that the first certificate of a file leads to a trusted root of the kind
at the time --at. The others, in any order, may stand between. Exit 0 or 41.`,
		Example: "  engine attest chain --kind sev vcek.pem --at 2026-01-01T00:00:00Z",
		Args:    cli.Args("PEM"),
	}
	kind := kindFlag(c)
	c.RunE = func(_ *cobra.Command, args []string) error {
		v, err := attestVerifier(kind)
		if err != nil {
			return err
		}
		b, err := e.ReadInput("PEM", args[0], attest.MaxCerts, cli.AttestationError)
		if err != nil {
			return err
		}
		p, err := attestParams(v, roots, at)
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
	c.Flags().StringVar(&roots, "roots", "", "`DIR` of trusted roots, in place of the pinned ones")
	c.Flags().StringVar(&at, "at", "", "judge validity at this `TIME`: RFC 3339 or now")
	return c
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

// maxRootFiles bounds the PEM files of one folder.
const maxRootFiles = 64

// loadRoots reads DIR/KIND/*.pem and DIR/VENDOR/*.pem. Folders that are absent
// are named in the refusal of a chain.
func loadRoots(dir string, k attest.Kind) (*attest.Roots, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, cli.Errorf(cli.Usage, "--roots", "%w", err)
	}
	folders := []string{filepath.Join(dir, string(k)), filepath.Join(dir, k.Vendor())}
	out := &attest.Roots{Where: strings.Join(folders, " and ")}
	for _, folder := range folders {
		list, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, cli.Errorf(cli.Usage, "--roots", "%w", err)
		}
		files := 0
		for _, f := range list {
			if filepath.Ext(f.Name()) != ".pem" {
				continue
			}
			if files++; files > maxRootFiles {
				return nil, cli.Errorf(cli.BadConfig, "--roots", "%s holds more than %d files", folder, maxRootFiles)
			}
			if err := addRoots(out, filepath.Join(folder, f.Name())); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func addRoots(to *attest.Roots, path string) error {
	b, err := os.ReadFile(path)
	if err == nil && len(b) > attest.MaxCerts {
		err = fmt.Errorf("%s has more than %d bytes", path, attest.MaxCerts)
	}
	if err != nil {
		return cli.Errorf(cli.BadConfig, "--roots", "%w", err)
	}
	r, err := attest.ParseRoots(path, b)
	if err != nil {
		return cli.Errorf(cli.BadConfig, "--roots", "%s: %w", path, err)
	}
	to.Certs, to.Between = append(to.Certs, r.Certs...), append(to.Between, r.Between...)
	return nil
}
