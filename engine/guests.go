package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Guests is the modules of one job, each in a worker process of its own.
type Guests struct {
	Compiler Compiler
	Traps    TrapLibrary
	Modules  transcript.ModuleSet // slots compiler and traps

	open []*host.Instance
}

// OpenGuests validates, loads and starts a compiler and a trap library. The
// module set holds the hashes of the bytes given.
func OpenGuests(ctx context.Context, h *host.Host, compiler, traps []byte) (*Guests, error) {
	g := &Guests{}
	c, err := g.start(ctx, h, "compiler", compiler, abi.KindCompiler)
	if err == nil {
		g.Compiler = abi.Compiler{Caller: c}
		if c, err = g.start(ctx, h, "traps", traps, abi.KindTraps); err == nil {
			g.Traps = abi.TrapLibrary{Caller: c}
		}
	}
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

func (g *Guests) start(ctx context.Context, h *host.Host, slot string, wasm []byte, kind abi.Kind) (*host.Instance, error) {
	m, err := h.Load(ctx, wasm, kind)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", slot, err)
	}
	i, err := m.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", slot, err)
	}
	g.open = append(g.open, i)
	about, err := abi.ReadManifest(ctx, i)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", slot, err)
	}
	if about.Kind != kind {
		return nil, fmt.Errorf("module %s: its manifest says that it is a %s", slot, about.Kind)
	}
	g.Modules = append(g.Modules, transcript.ModuleFrame{Slot: slot, Name: about.Name, Version: about.Version, ABI: about.ABI, Size: uint64(len(wasm)), SHA3: m.Hash()})
	return i, nil
}

// Close ends the workers.
func (g *Guests) Close() error {
	var errs []error
	for _, i := range g.open {
		errs = append(errs, i.Close())
	}
	g.open = nil
	return errors.Join(errs...)
}
