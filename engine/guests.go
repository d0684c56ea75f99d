package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Guests is the modules of one job, each in a worker process of its own.
type Guests struct {
	Compiler Compiler
	Traps    TrapLibrary
	Modules  transcript.ModuleSet // slots compiler and traps

	open []openGuest
}

type openGuest struct {
	slot     string
	instance *host.Instance
}

// GuestUse is what a module is and has cost beyond what M says of it.
type GuestUse struct {
	Slot    string
	Metered digest.Digest // SHA3-256 of its metered form
	Load    uint64        // fuel of making the instance
	Calls   []host.Usage  // by export
}

// Use lists the modules in the order of Modules. Close does not change it.
func (g *Guests) Use() []GuestUse {
	var list []GuestUse
	for _, o := range g.open {
		m := o.instance.Module()
		list = append(list, GuestUse{o.slot, m.MeteredHash(), m.LoadFuel(), o.instance.Usage()})
	}
	return list
}

// ModuleError is why the module of a slot cannot be used.
type ModuleError struct {
	Slot string
	Err  error
}

// Error implements error.
func (e *ModuleError) Error() string { return "module " + e.Slot + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ModuleError) Unwrap() error { return e.Err }

// OpenGuests validates, loads and starts a compiler and a trap library, both at
// once. The module set holds the hashes of the bytes given.
func OpenGuests(ctx context.Context, h *host.Host, compiler, traps []byte) (*Guests, error) {
	var c, t guestModule
	var wg sync.WaitGroup
	wg.Go(func() { c = start(ctx, h, "compiler", compiler, abi.KindCompiler) })
	wg.Go(func() { t = start(ctx, h, "traps", traps, abi.KindTraps) })
	wg.Wait()
	g := &Guests{Compiler: abi.Compiler{Caller: c.instance}, Traps: abi.TrapLibrary{Caller: t.instance}, Modules: transcript.ModuleSet{c.frame, t.frame}}
	for _, m := range []guestModule{c, t} {
		if m.instance != nil {
			g.open = append(g.open, openGuest{m.frame.Slot, m.instance})
		}
	}
	if err := cmp.Or(c.err, t.err); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// guestModule is one started module, or why it did not start.
type guestModule struct {
	instance *host.Instance
	frame    transcript.ModuleFrame
	err      error
}

func start(ctx context.Context, h *host.Host, slot string, wasm []byte, kind abi.Kind) (g guestModule) {
	g.frame.Slot = slot
	fail := func(err error) guestModule {
		g.err = &ModuleError{slot, err}
		return g
	}
	m, err := h.Load(ctx, wasm, kind)
	if err != nil {
		return fail(err)
	}
	if g.instance, err = m.Open(ctx); err != nil {
		g.instance = nil
		return fail(err)
	}
	about, err := abi.ReadManifest(ctx, g.instance)
	if err != nil {
		return fail(err)
	}
	if about.Kind != kind {
		return fail(fmt.Errorf("its manifest says that it is a %s", about.Kind))
	}
	g.frame = transcript.ModuleFrame{Slot: slot, Name: about.Name, Version: about.Version, ABI: about.ABI, Size: uint64(len(wasm)), SHA3: m.Hash()}
	return g
}

// Close ends the workers.
func (g *Guests) Close() error {
	var errs []error
	for _, o := range g.open {
		errs = append(errs, o.instance.Close())
	}
	return errors.Join(errs...)
}
