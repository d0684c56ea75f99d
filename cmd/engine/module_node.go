package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/modules/store"
	"github.com/animicaorg/engine/modules/trust"
)

type governAnswer struct {
	Pin     digest.Digest  `json:"pin"`
	Epoch   uint64         `json:"epoch"` // highest accepted
	Head    digest.Digest  `json:"set_digest"`
	Root    uint64         `json:"root_version"`
	Modules []recordAnswer `json:"modules"`
}

func governedOf(c *trust.Chain, records []trust.Record) (*governAnswer, error) {
	m := c.Mark()
	r, _ := c.Root()
	a := &governAnswer{m.Pin, m.Epoch, m.Head, r.Version, []recordAnswer{}}
	for i := range records {
		x, err := recordOf(&records[i])
		if err != nil {
			return nil, err
		}
		a.Modules = append(a.Modules, x)
	}
	return a, nil
}

func (e *program) printGoverned(c *trust.Chain, records []trust.Record) error {
	a, err := governedOf(c, records)
	if err != nil {
		return err
	}
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "pin    %s\nroot   version %d\nepoch  %d %s\n", a.Pin, a.Root, a.Epoch, a.Head)
		for _, m := range a.Modules {
			fmt.Fprintf(w, "%-16s %-8s %-9s %-10s %s\n", m.Name, m.Version, m.Kind, m.Status, m.SHA3)
		}
	})
}

func (e *program) modulePin() *cobra.Command {
	p := struct{ only, remove []string }{}
	c := &cobra.Command{
		Use: "pin [ROOT]", Short: "Pin the trust root of this node, or remove modules by local policy",
		Long: `Pin version 1 of a trust root: governance starts there and follows its rotations.
Check its hash by another way than the file came. --only and --remove write the
local policy, which can only take modules away; given once, they replace it.`,
		Example: "  engine module pin root.json\n  engine module pin --remove HASH",
		Args:    cli.Args("[ROOT]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := e.governed()
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("only") || cmd.Flags().Changed("remove") {
				if err := e.writePolicy(g, p.only, p.remove); err != nil {
					return err
				}
			} else if len(args) == 0 {
				return cli.Errorf(cli.Usage, "ROOT", "argument is missing").WithHint("engine module pin ROOT, or --only, --remove")
			}
			if len(args) > 0 {
				return e.pin(g, args[0])
			}
			return e.Print(g.policy, func(w io.Writer) {
				fmt.Fprintf(w, "only %d modules, %d removed\n", len(g.policy.Only), len(g.policy.Remove))
			})
		},
	}
	c.Flags().StringSliceVar(&p.only, "only", nil, "hashes of the only modules to run; an empty one is all")
	c.Flags().StringSliceVar(&p.remove, "remove", nil, "hashes of modules not to run; an empty one is none")
	return c
}

func (e *program) pin(g *governed, path string) error {
	d, err := e.readSigned("ROOT", path)
	if err != nil {
		return err
	}
	if !g.mark.Pin.IsZero() && g.mark.Pin != d.Digest() {
		return cli.Errorf(cli.BadConfig, "ROOT", "root %s is pinned, this is %s", g.mark.Pin, d.Digest()).Named("Pinned").
			WithHint("remove %s to start anew", filepath.Join(g.dir, "mark.json"))
	}
	c, err := trust.NewChain(d.Digest(), d)
	if err != nil {
		return trustError("ROOT", err)
	}
	if g.mark.Pin.IsZero() {
		if err := g.store.Add(d); err != nil {
			return trustError("--data-dir", err)
		}
		if err := g.advance(e, c); err != nil {
			return err
		}
	}
	return e.printGoverned(c, nil)
}

func (e *program) writePolicy(g *governed, only, remove []string) error {
	g.policy = &trust.Policy{}
	for flag, x := range map[string]struct {
		text []string
		to   *[]digest.Digest
	}{"--only": {only, &g.policy.Only}, "--remove": {remove, &g.policy.Remove}} {
		for _, text := range x.text {
			if text == "" {
				continue
			}
			d, err := digest.Parse(text)
			if err != nil {
				return cli.Errorf(cli.Usage, flag, "%w", err)
			}
			*x.to = append(*x.to, d)
		}
	}
	b, err := g.policy.Encode()
	if err != nil {
		return err
	}
	return e.WriteOutput(filepath.Join(g.dir, "policy.json"), append(b, '\n'), 0o600)
}

func (e *program) modulePublish() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use: "publish FILE...", Short: "Accept signed documents and copy everything to a place others pull from",
		Long: `Check roots and sets against the chain of this node, keep them, and copy all
documents, modules and vectors to a directory (serve it with any web server) or a
registry, oci://HOST/NAME:TAG.`,
		Example: "  engine module publish root.json set1.json --to /srv/modules\n  engine module publish set2.json --to oci://registry.example.org/gov/modules:main",
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := e.governed()
			if err != nil {
				return err
			}
			if err := g.pinned(); err != nil {
				return err
			}
			if to == "" {
				return cli.Errorf(cli.Usage, "--to", "is missing")
			}
			var docs []*trust.Signed
			for _, path := range args {
				d, err := e.readSigned("FILE", path)
				if err != nil {
					return err
				}
				docs = append(docs, d)
			}
			t, err := place("--to", to)
			if err != nil {
				return err
			}
			target, ok := t.(store.Publisher)
			if !ok {
				return cli.Errorf(cli.Usage, "--to", "%s cannot be written to", to).WithHint("a directory or oci://HOST/NAME:TAG")
			}
			chain, err := g.store.Accept(g.mark, docs...)
			if err != nil {
				return trustError("FILE", err)
			}
			if err := g.advance(e, chain); err != nil {
				return err
			}
			p, err := g.store.Publication()
			if err == nil {
				err = target.Publish(cmd.Context(), p)
			}
			if err != nil {
				return trustError("--to", err)
			}
			return e.printGoverned(chain, nil)
		},
	}
	c.Flags().StringVar(&to, "to", "", "`PLACE`: a directory or oci://HOST/NAME:TAG")
	return c
}

func (e *program) modulePull() *cobra.Command {
	var from string
	var height uint64
	c := &cobra.Command{
		Use: "pull", Short: "Fetch documents and modules, check all of it and replay the self-tests",
		Long: `Fetch documents from a directory, https://HOST/PATH or oci://HOST/NAME:TAG, accept
them if the chain from the pinned root holds and its newest set is in force at
--height, then fetch its modules and replay their vectors in the sandbox. Nothing
is kept of a chain that is refused.`,
		Example: "  engine module pull --from https://modules.example.org --height 1234",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" || !cmd.Flags().Changed("height") {
				return cli.Errorf(cli.Usage, "--from", "--from and --height are needed").WithHint("the height of the newest block")
			}
			g, err := e.governed()
			if err != nil {
				return err
			}
			if err := g.pinned(); err != nil {
				return err
			}
			t, err := place("--from", from)
			if err != nil {
				return err
			}
			chain, records, err := g.store.Pull(cmd.Context(), t, g.mark, height, g.policy)
			if err != nil {
				return trustError("--from", err)
			}
			g.mark = g.mark.At(height)
			if err := g.advance(e, chain); err != nil {
				return err
			}
			for i := range records {
				if err := e.admit(cmd, g, chain, records[i].SHA3, height); err != nil {
					return err
				}
			}
			return e.printGoverned(chain, records)
		},
	}
	c.Flags().StringVar(&from, "from", "", "`PLACE`: a directory, https://HOST/PATH or oci://HOST/NAME:TAG")
	c.Flags().Uint64Var(&height, "height", 0, "block height that is now")
	return c
}

// admit reads a module of the store once, admits it and replays its vectors.
func (e *program) admit(cmd *cobra.Command, g *governed, c *trust.Chain, module digest.Digest, height uint64) error {
	b, err := g.store.Get(module, trust.MaxModule)
	if err != nil {
		return trustError("--data-dir", err)
	}
	return e.admitBytes(cmd, g, c, b, height)
}

func (e *program) admitBytes(cmd *cobra.Command, g *governed, c *trust.Chain, b []byte, height uint64) error {
	a, err := c.Admit(b, height, g.policy)
	if err != nil {
		return trustError("FILE", err)
	}
	return e.selfTest(cmd.Context(), g, a)
}

// verifyGoverned admits the bytes of a file by the pulled chain.
func (e *program) verifyGoverned(cmd *cobra.Command, b []byte, height uint64) error {
	g, err := e.governed()
	if err != nil {
		return err
	}
	c, err := g.chain()
	if err != nil {
		return err
	}
	return e.admitBytes(cmd, g, c, b, height)
}

// listGoverned lists what may run at a height.
func (e *program) listGoverned(height uint64) error {
	g, err := e.governed()
	if err != nil {
		return err
	}
	c, err := g.chain()
	if err != nil {
		return err
	}
	set, err := c.At(height)
	if err != nil {
		return trustError("--height", err)
	}
	var records []trust.Record
	for i := range set.Records {
		if _, err := c.Lookup(set.Records[i].SHA3, height, g.policy); err == nil {
			records = append(records, set.Records[i])
		}
	}
	return e.printGoverned(c, records)
}
