package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/modules/trust"
)

// optionalUint is a number flag that knows whether it was given.
type optionalUint struct{ to **uint64 }

func (o *optionalUint) String() string { return "" }
func (o *optionalUint) Type() string   { return "uint" }
func (o *optionalUint) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 63)
	*o.to = &n
	return err
}

// jobGuests starts the modules of a job: those of --module, else where a trust
// root is pinned those that governance lets run, else those of this build.
func (e *program) jobGuests(ctx context.Context, h *host.Host, f *runFlags, s *session) (*engine.Guests, error) {
	gov, err := e.governance(f.height, s.round)
	if err != nil {
		return nil, err
	}
	var g *engine.Guests
	if gov == nil {
		g, err = e.freeGuests(ctx, h, f, s)
	} else {
		g, err = e.governedGuests(ctx, h, gov, f, s)
	}
	if err != nil {
		return nil, err
	}
	e.weakSandbox(ctx, h)
	return g, nil
}

func (e *program) freeGuests(ctx context.Context, h *host.Host, f *runFlags, s *session) (*engine.Guests, error) {
	compiler, err := e.moduleBytes("compiler", f)
	if err != nil {
		return nil, err
	}
	traps, err := e.moduleBytes("traps", f)
	if err != nil {
		return nil, err
	}
	s.modules = map[digest.Digest][]byte{digest.Sum(compiler): compiler, digest.Sum(traps): traps}
	g, err := engine.OpenGuests(ctx, h, compiler, traps)
	if err != nil {
		return nil, runError(err)
	}
	return g, nil
}

// governance is what governs the modules of jobs; nil where no trust root is
// pinned. The height is the operator's word, else the job's round or the greatest
// height that this node has seen.
func (e *program) governance(height *uint64, round uint64) (*engine.Governance, error) {
	data, err := e.data()
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(data, "modules", "mark.json")); os.IsNotExist(err) {
		if height != nil {
			return nil, cli.Errorf(cli.BadConfig, "--height", "no trust root is pinned").Named("NoRoot").WithHint("engine module pin ROOT, or leave --height out")
		}
		return nil, nil
	}
	g, err := e.governed()
	if err != nil {
		return nil, err
	}
	now, err := g.mark.Now(height, round)
	if err != nil {
		return nil, trustError("--height", err)
	}
	c, err := g.chain()
	if err != nil {
		return nil, err
	}
	return &engine.Governance{Chain: c, Policy: g.policy, Height: now, Blob: g.store.Get}, nil
}

func (e *program) governedGuests(ctx context.Context, h *host.Host, gov *engine.Governance, f *runFlags, s *session) (*engine.Guests, error) {
	authority, err := gov.Authority()
	if err != nil {
		return nil, trustError("--height", err)
	}
	var c, t *trust.Artifact
	var errC, errT error
	var wg sync.WaitGroup
	wg.Go(func() { c, errC = e.admitSlot(ctx, h, gov, f, "compiler", abi.KindCompiler) })
	wg.Go(func() { t, errT = e.admitSlot(ctx, h, gov, f, "traps", abi.KindTraps) })
	wg.Wait()
	if err := cmp.Or(trustError("modules.compiler", errC), trustError("modules.traps", errT)); err != nil {
		return nil, err
	}
	s.governed = &authority
	s.modules = map[digest.Digest][]byte{c.Record.SHA3: c.Bytes(), t.Record.SHA3: t.Bytes()}
	g, err := engine.OpenGoverned(ctx, h, c, t)
	if err != nil {
		return nil, trustError("modules", err)
	}
	return g, nil
}

// admitSlot admits the file of --module, else the module of the slot's usual
// name, or of --traps.
func (e *program) admitSlot(ctx context.Context, h *host.Host, gov *engine.Governance, f *runFlags, slot string, kind abi.Kind) (*trust.Artifact, error) {
	if path, ok := f.modules[slot]; ok {
		b, err := e.readModule("--module", path)
		if err != nil {
			return nil, err
		}
		return gov.Admit(ctx, h, kind, b)
	}
	name := shipped[slot]
	if slot == "traps" && f.traps != "" {
		name = f.traps
	}
	return gov.Choose(ctx, h, kind, name)
}

// writeGovernance is one line of an answer in words.
func writeGovernance(w io.Writer, a *engine.Authority) {
	if a != nil {
		fmt.Fprintf(w, "governance  chain %d, epoch %d at height %d, set %s\n", a.ChainID, a.Epoch, a.Height, a.Set)
	}
}
