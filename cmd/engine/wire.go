package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/cheat"
	"github.com/animicaorg/engine/backends/fleet"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host"
	_ "github.com/animicaorg/engine/host/wazerort" // the WebAssembly runtime of workers
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
)

// backendNames is what --backend takes.
var backendNames = sim.Name + ", " + fleet.Name + " (workers at --nats), a driver (engine driver list), or for demonstrations " + cheat.Prefix + "NAME with NAME one of " + strings.Join(cheat.Names(), ", ")

// shipped names the module of each slot unless --module says otherwise.
var shipped = map[string]string{"compiler": "layered", "traps": "accredit"}

// wireBackend opens the backend of a session.
func (e *program) wireBackend(ctx context.Context, cfg *engine.Config, f *runFlags, s *session) error {
	b, dev, err := e.openBackend(ctx, f, s)
	if err != nil {
		return err
	}
	s.close = append(s.close, b.Close)
	cfg.Backend, s.backend, s.dev = b, b.Name(), dev
	caps, err := b.Capabilities(ctx)
	if err != nil {
		return runError(err)
	}
	if caps.Simulator {
		s.numeric = fmt.Sprintf("numeric/%d", caps.NumericVersion)
	}
	return nil
}

// wire opens the backend and the modules of a session.
func (e *program) wire(ctx context.Context, cfg *engine.Config, f *runFlags, s *session) error {
	if err := e.wireBackend(ctx, cfg, f, s); err != nil {
		return err
	}
	for _, slot := range slices.Sorted(maps.Keys(f.modules)) {
		if shipped[slot] == "" {
			return cli.Errorf(cli.Usage, "--module", "there is no slot %q", slot).WithHint("compiler or traps")
		}
		s.dev = true
		cfg.AnyTraps = cfg.AnyTraps || slot == "traps"
		e.Warn("--module %s: the proof will be marked as a development proof", slot)
	}
	h, err := e.guestHost()
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	g, err := e.jobGuests(ctx, h, f, s)
	if err != nil {
		return err
	}
	s.close = append(s.close, g.Close)
	cfg.Compiler, cfg.Traps, cfg.Modules, s.guests = g.Compiler, g.Traps, append(g.Modules, s.driver...), g
	return nil
}

// openBackend finds a backend by name; dev tells that its proofs are for
// development only.
func (e *program) openBackend(ctx context.Context, f *runFlags, s *session) (b backends.Backend, dev bool, err error) {
	name := f.backend
	strategy, lies := strings.CutPrefix(name, cheat.Prefix)
	switch {
	case name == sim.Name:
		return sim.New(), false, nil
	case name == fleet.Name:
		b, err := e.openFleet(f, s)
		return b, false, err
	case lies:
		c, err := cheat.New(strategy, sim.New())
		if err != nil {
			return nil, true, cli.Errorf(cli.Usage, "--backend", "%w", err).WithHint("%s", backendNames)
		}
		return c, true, nil
	case e.knownDriver(name):
		b, r, m, err := e.openQPU(ctx, name)
		if err != nil {
			return nil, false, err
		}
		s.close = append(s.close, r.Close)
		s.driver = append(s.driver, m)
		if r.cert != nil {
			s.device = &deviceWitness{backend: b, signed: vendorcert.Signed{Document: *r.cert}}
		}
		return b, r.dev, nil
	}
	return nil, false, cli.Errorf(cli.Usage, "--backend", "%.60q is not known", name).WithHint("%s", backendNames)
}

// moduleBytes is the file of --module, else the shipped module of the slot.
func (e *program) moduleBytes(slot string, f *runFlags) ([]byte, error) {
	if path, ok := f.modules[slot]; ok {
		return e.readModule("--module", path)
	}
	name := shipped[slot]
	if slot == "traps" && f.traps != "" {
		m, err := shippedTraps("spec.trap_family", f.traps, cli.Unsupported)
		return m.Bytes, err
	}
	m, ok := embedded.Lookup(name)
	if !ok {
		return nil, cli.Errorf(cli.Internal, "", "the module %s is not in this build", name)
	}
	return m.Bytes, nil
}

// shippedTraps finds a shipped trap library.
func shippedTraps(field, name string, code cli.Code) (embedded.Module, error) {
	m, ok := embedded.Lookup(name)
	if !ok || m.Kind != "traps" {
		return m, cli.Errorf(code, field, "%.40q is not a shipped trap library", name).WithHint("%s", strings.Join(trapLibraries(), ", "))
	}
	return m, nil
}

// trapLibraries names the shipped trap libraries.
func trapLibraries() (out []string) {
	for _, m := range embedded.All() {
		if m.Kind == "traps" {
			out = append(out, m.Name)
		}
	}
	return out
}

// weakSandbox says when the walls of workers are thin.
func (e *program) weakSandbox(ctx context.Context, h *host.Host) {
	if box, err := h.SandboxLevel(ctx); err == nil && box.Landlock == 0 {
		e.Warn("the sandbox of modules is weak here: %s; engine doctor says more", box)
	}
}

// guestError gives failures of modules their exit code, with the class as the
// name: 52 refused at load, 12 compiler, 30 trap library. It reports whether err
// is one.
func guestError(err error, out *cli.Error) bool {
	var classed interface{ OutcomeClass() abi.Class }
	if !errors.As(err, &classed) {
		return false
	}
	class := classed.OutcomeClass()
	out.Name = class.String()
	var call *abi.Error
	var module *engine.ModuleError
	compiler := errors.As(err, &call) && call.Export == abi.ExportCompile || errors.As(err, &module) && module.Slot == "compiler"
	switch {
	case class == abi.LoadRejected:
		out.Code = cli.ModuleRefused
		out.WithHint("engine module inspect FILE says which rule")
	case class == abi.Infra:
		out.WithHint("a worker process failed, which says nothing about the module: try again, then engine doctor")
	case compiler:
		out.Code = cli.CompileFailed
	}
	if class == abi.OutOfFuel || class == abi.Depth {
		out.WithHint("the module loops, or does more than abi/SPEC.md gives a job of this size; every provider ends it at the same place")
	}
	return true
}

// checkSandbox starts a worker and asks what is in force around it.
func (e *program) checkSandbox(ctx context.Context) finding {
	const name = "sandbox"
	h, err := host.New(host.Config{Logger: e.Log}) // without the cache: looking makes nothing
	if err != nil {
		return bad(name, cli.Internal, "report this", "%v", err)
	}
	m, ok := embedded.Lookup(shipped["traps"])
	if !ok {
		return bad(name, cli.Internal, "install the release again", "the module %s is not in this build", shipped["traps"])
	}
	loaded, err := h.Load(ctx, m.Bytes, abi.KindTraps)
	if err != nil {
		return bad(name, cli.ModuleRefused, "install the release again", "%v", err)
	}
	i, err := loaded.Open(ctx)
	if err != nil {
		return bad(name, cli.ExecutionFailed, "allow this user to start processes; on Linux /proc must be mounted", "%v", err)
	}
	defer i.Close()
	about, err := abi.ReadManifest(ctx, i)
	if err != nil {
		return bad(name, cli.ExecutionFailed, "report this", "%v", err)
	}
	box, err := h.SandboxLevel(ctx)
	if err != nil {
		return bad(name, cli.ExecutionFailed, "report this", "%v", err)
	}
	f := good(name, "%s %s answers in a worker; %s", about.Name, about.Version, box)
	if box.Landlock == 0 {
		f.Fix = "optional: a Linux kernel from 5.13 on with landlock keeps modules away from all files"
	}
	return f
}
