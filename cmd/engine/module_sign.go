package main

import (
	"crypto/rand"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/modules/trust"
)

func (e *program) moduleKey() *cobra.Command {
	var create bool
	var out string
	c := &cobra.Command{
		Use: "key", Short: "Show, or with --init make, the governance key of this member",
		Long: `Show the public half of the Ed25519 key with which this member signs trust roots
and module sets. It lies below DATA_DIR/keys, mode 0600, apart from a provider's
keys.`,
		Example: "  engine module key --init --out member1.pub",
		Args:    cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			s, err := e.keyStore()
			if err != nil {
				return err
			}
			defer s.Close()
			var k keys.RoleSigner
			if create {
				k, err = s.Create(keys.Governance, rand.Reader)
			} else {
				k, err = s.Key(keys.Governance)
			}
			if err != nil {
				return keyError(err).WithHint("engine module key --init makes one; it is never replaced")
			}
			public := keys.PublicText(k.Alg(), k.Public())
			if out != "" {
				if err := e.WriteOutput(out, []byte(public+"\n"), 0o644); err != nil {
					return err
				}
			}
			return e.Print(map[string]any{"key_id": k.KeyID(), "public": public, "role": keys.Governance}, func(w io.Writer) { fmt.Fprintln(w, public) })
		},
	}
	c.Flags().BoolVar(&create, "init", false, "make the key")
	c.Flags().StringVar(&out, "out", "", "`FILE` for the public key")
	return c
}

type signAnswer struct {
	Domain     string          `json:"domain"`
	SHA3       digest.Digest   `json:"sha3_256"`
	Signatures []digest.Digest `json:"signatures"` // key ids
}

func (e *program) moduleSign() *cobra.Command {
	var out string
	var merge []string
	c := &cobra.Command{
		Use: "sign FILE", Short: "Sign a trust root or module set as this member",
		Long: `Add this member's signature to a root or set, in place unless --out is given.
Members sign in turn, or each a copy of their own: --merge takes the signatures of
such copies instead of signing.`,
		Example: "  engine module sign set1.json\n  engine module sign set1.json --merge copy2.json --merge copy3.json",
		Args:    cli.Args("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := e.readSigned("FILE", args[0])
			if err != nil {
				return err
			}
			for _, path := range merge {
				if err := e.mergeSigned(d, path); err != nil {
					return err
				}
			}
			if len(merge) == 0 {
				s, err := e.keyStore()
				if err != nil {
					return err
				}
				defer s.Close()
				k, err := s.Key(keys.Governance)
				if err != nil {
					return keyError(err).WithHint("engine module key --init makes one")
				}
				if err := d.Sign(cmd.Context(), k); err != nil {
					return trustError("FILE", err)
				}
			}
			if out == "" {
				out = args[0]
			}
			if err := e.writeSigned(out, d); err != nil {
				return err
			}
			return e.printSigned(d)
		},
	}
	c.Flags().StringVar(&out, "out", "", "`FILE` for the signed document (default FILE itself)")
	c.Flags().StringArrayVar(&merge, "merge", nil, "`FILE` whose signatures to take; repeat")
	return c
}

// mergeSigned takes the signatures of a copy that d does not have.
func (e *program) mergeSigned(d *trust.Signed, path string) error {
	other, err := e.readSigned("--merge", path)
	if err != nil {
		return err
	}
	if other.Digest() != d.Digest() {
		return cli.Errorf(cli.ChecksumMismatch, "--merge", "%s is another document: %s, want %s", path, other.Digest(), d.Digest())
	}
	have := map[string]bool{}
	for _, s := range d.Signatures {
		have[string(s.Public)] = true
	}
	for _, s := range other.Signatures {
		if have[string(s.Public)] {
			continue
		}
		if err := d.Add(s); err != nil {
			return trustError(path, err)
		}
	}
	return nil
}

func (e *program) printSigned(d *trust.Signed) error {
	domain, err := d.Domain()
	if err != nil {
		return trustError("FILE", err)
	}
	a := signAnswer{Domain: domain, SHA3: d.Digest()}
	for _, s := range d.Signatures {
		a.Signatures = append(a.Signatures, keys.KeyID(s.Public))
	}
	return e.Print(a, func(w io.Writer) { fmt.Fprintf(w, "%s %s, %d signatures\n", a.Domain, a.SHA3, len(a.Signatures)) })
}
