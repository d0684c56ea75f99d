package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/modules/trust"
)

func (e *program) moduleDraft() *cobra.Command {
	return e.Group("draft", "Write an unsigned trust root or module set", e.draftRoot(), e.draftSet())
}

type draftAnswer struct {
	Domain string        `json:"domain"`
	SHA3   digest.Digest `json:"sha3_256"`
	File   string        `json:"file"`
}

func (e *program) draftRoot() *cobra.Command {
	r := trust.Root{}
	var members []string
	var previous, out string
	c := &cobra.Command{
		Use: "root", Short: "Write a trust root: the governance keys and how many must sign",
		Long: `Write version 1 of a trust root, or with --previous the next version, which
needs the signatures of the old threshold and of the new one.`,
		Example: "  engine module draft root --member m1.pub --member m2.pub --threshold 2 \\\n    --expiry 1000000 --out root.json",
		Args:    cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			r.Version, r.FirstEpoch = 1, max(r.FirstEpoch, 1)
			if previous != "" {
				d, err := e.readSigned("--previous", previous)
				if err != nil {
					return err
				}
				old, err := trust.ParseRoot(d.Frame)
				if err != nil {
					return trustError("--previous", err)
				}
				r.ChainID, r.Version, r.Previous = old.ChainID, old.Version+1, d.Digest()
			}
			for _, m := range members {
				public, err := e.readMember(m)
				if err != nil {
					return err
				}
				r.Keys = append(r.Keys, public)
			}
			r.Sort()
			d, err := trust.NewSigned(r)
			if err != nil {
				return trustError("", err)
			}
			return e.writeDraft(out, trust.DomainRoot, d)
		},
	}
	f := c.Flags()
	f.Uint64Var(&r.ChainID, "chain-id", 0, "number of the network; with --previous that of the old root")
	f.StringArrayVar(&members, "member", nil, "public key of a member: a `FILE` of engine module key, or ed25519:hex; repeat")
	f.Uint64Var(&r.Threshold, "threshold", 0, "members that must sign, from 1 on")
	f.Uint64Var(&r.FirstEpoch, "first-epoch", 1, "first epoch whose set this root signs")
	f.Uint64Var(&r.Expiry, "expiry", 0, "block height from which on nothing it signed is in force")
	f.StringVar(&previous, "previous", "", "`FILE` of the root before")
	f.StringVar(&out, "out", "", "`FILE` to write")
	return c
}

// readMember reads a public key, or a file with one.
func (e *program) readMember(text string) ([]byte, error) {
	if !strings.HasPrefix(text, keys.Ed25519+":") {
		b, err := e.ReadInput("--member", text, 4096, cli.BadConfig)
		if err != nil {
			return nil, err
		}
		text = strings.TrimSpace(string(b))
	}
	_, public, err := keys.ParsePublic(text)
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--member", "%w", err)
	}
	return public, nil
}

func (e *program) writeDraft(out, domain string, d *trust.Signed) error {
	if out == "" {
		return cli.Errorf(cli.Usage, "--out", "is missing").WithHint("--out FILE")
	}
	if err := e.writeSigned(out, d); err != nil {
		return err
	}
	a := draftAnswer{domain, d.Digest(), out}
	return e.Print(a, func(w io.Writer) { fmt.Fprintf(w, "%s %s\n", a.Domain, a.SHA3) })
}

func (e *program) draftSet() *cobra.Command {
	s := trust.Set{}
	var root, previous, out string
	var records []string
	var status map[string]string
	c := &cobra.Command{
		Use: "set", Short: "Write the module set of an epoch",
		Long: `Write the set of epoch 1, or with --previous of the next epoch. The records of the
set before are kept unless --record brings another of the same kind, name and
version; --status changes what governance says of a module.`,
		Example: "  engine module draft set --root root.json --record a.record --activation 100 --expiry 5000 \\\n    --out set1.json\n" +
			"  engine module draft set --root root.json --previous set1.json --status HASH=revoked \\\n    --activation 200 --expiry 9000 --out set2.json",
		Args: cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			d, err := e.readSigned("--root", root)
			if err != nil {
				return err
			}
			r, err := trust.ParseRoot(d.Frame)
			if err != nil {
				return trustError("--root", err)
			}
			s.ChainID, s.Root, s.Epoch = r.ChainID, d.Digest(), 1
			if previous != "" {
				if err := e.follow(&s, previous); err != nil {
					return err
				}
			}
			if err := e.listRecords(&s, records, status); err != nil {
				return err
			}
			set, err := trust.NewSigned(s)
			if err != nil {
				return trustError("", err)
			}
			return e.writeDraft(out, trust.DomainSet, set)
		},
	}
	f := c.Flags()
	f.StringVar(&root, "root", "", "`FILE` of the root that signs this epoch")
	f.StringVar(&previous, "previous", "", "`FILE` of the set before")
	f.StringArrayVar(&records, "record", nil, "`FILE` of engine module pack; repeat")
	f.StringToStringVar(&status, "status", nil, "HASH=STATUS: candidate, active, deprecated, revoked or revoked-hard")
	f.Uint64Var(&s.Activation, "activation", 0, "block height from which on the set is in force")
	f.Uint64Var(&s.Expiry, "expiry", 0, "block height from which on it is not")
	f.StringVar(&out, "out", "", "`FILE` to write")
	return c
}

// follow makes s the set after the one in a file.
func (e *program) follow(s *trust.Set, previous string) error {
	d, err := e.readSigned("--previous", previous)
	if err != nil {
		return err
	}
	old, err := trust.ParseSet(d.Frame)
	if err != nil {
		return trustError("--previous", err)
	}
	s.Epoch, s.Previous, s.Records = old.Epoch+1, d.Digest(), old.Records
	return nil
}

// listRecords adds or replaces records and changes statuses.
func (e *program) listRecords(s *trust.Set, files []string, status map[string]string) error {
	for _, path := range files {
		b, err := e.ReadInput("--record", path, trust.MaxRecord, cli.ChecksumMismatch)
		if err != nil {
			return err
		}
		r, err := trust.ParseRecord(b)
		if err != nil {
			return trustError(path, err)
		}
		kept := s.Records[:0]
		for _, x := range s.Records {
			if x.Kind != r.Kind || x.Name != r.Name || x.Version != r.Version {
				kept = append(kept, x)
			}
		}
		s.Records = append(kept, *r)
	}
	for hash, to := range status {
		d, err := digest.Parse(hash)
		if err != nil {
			return cli.Errorf(cli.Usage, "--status", "%w", err)
		}
		r, ok := s.Find(d)
		if !ok {
			return cli.Errorf(cli.Usage, "--status", "module %s is not in the set", d)
		}
		r.Status = trust.Status(to)
	}
	s.Sort()
	return nil
}
