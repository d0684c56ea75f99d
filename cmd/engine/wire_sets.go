package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/modules/store"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/proofs"
)

// setsFlags say against which chain of module sets a proof is judged.
type setsFlags struct {
	dir, root string
	height    *uint64
}

func (f *setsFlags) add(p *pflag.FlagSet) {
	p.StringVar(&f.dir, "sets", "", "`DIR` with the module sets to judge governance_set by (default those that this node pulled)")
	p.StringVar(&f.root, "sets-root", "", "`HASH` of the trust root of --sets (default the one that is pinned)")
	p.Var(&optionalUint{&f.height}, "height", "block height `N` at which modules may be revoked (default the greatest seen)")
}

// verifierSets is the chain that a verifier holds; nil where it holds none, and
// the step is skipped.
func (e *program) verifierSets(f *setsFlags) (*proofs.Sets, error) {
	mark, err := e.pinnedMark()
	if err != nil {
		return nil, err
	}
	out := &proofs.Sets{Height: mark.Height}
	if f.height != nil {
		out.Height = *f.height
	}
	if f.dir == "" {
		switch {
		case f.root != "":
			return nil, cli.Errorf(cli.Usage, "--sets-root", "is of no use without --sets")
		case mark.Pin.IsZero() && f.height != nil:
			return nil, cli.Errorf(cli.Usage, "--height", "is of no use without module sets").WithHint("--sets DIR, or engine module pin ROOT")
		case mark.Pin.IsZero():
			return nil, nil
		}
		g, err := e.governed()
		if err != nil {
			return nil, err
		}
		out.Chain, err = g.chain()
		return out, err
	}
	pin := mark.Pin
	if f.root != "" {
		if pin, err = digest.Parse(f.root); err != nil {
			return nil, cli.Errorf(cli.Usage, "--sets-root", "%w", err)
		}
	}
	if pin.IsZero() {
		return nil, cli.Errorf(cli.Usage, "--sets-root", "is needed: no trust root is pinned").WithHint("the SHA3-256 of the root that you trust, or engine module pin ROOT")
	}
	if _, err := os.Stat(filepath.Join(f.dir, "index.json")); err != nil {
		return nil, cli.Errorf(cli.Usage, "--sets", "%w", err).WithHint("a folder that engine module publish wrote")
	}
	s, err := store.Open(f.dir)
	if err != nil {
		return nil, cli.Errorf(cli.Usage, "--sets", "%w", err)
	}
	out.Chain, err = s.Chain(trust.Mark{Pin: pin})
	return out, trustError("--sets", err)
}

// pinnedMark is the mark of this node, zero before a root is pinned. It makes no
// folder.
func (e *program) pinnedMark() (trust.Mark, error) {
	data, err := e.data()
	if err != nil {
		return trust.Mark{}, err
	}
	if _, err := os.Lstat(filepath.Join(data, "modules", "mark.json")); os.IsNotExist(err) {
		return trust.Mark{}, nil
	}
	g, err := e.governed()
	if err != nil {
		return trust.Mark{}, err
	}
	return g.mark, nil
}

// mayFinish looks at the sets that this node holds now, before a job is signed
// that started some time ago: another process may have pulled in between.
func (e *program) mayFinish(s *session) error {
	if s.governed == nil {
		return nil
	}
	g, err := e.governed()
	if err != nil {
		return err
	}
	c, err := g.chain()
	if err != nil {
		return err
	}
	height := max(s.governed.Height, g.mark.Height)
	for _, m := range s.guests.Modules {
		if err := c.MayFinish(m.SHA3, s.governed.Epoch, height); err != nil {
			return trustError("modules", fmt.Errorf("the job is not signed: %w", err))
		}
	}
	return nil
}
