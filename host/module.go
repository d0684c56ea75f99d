package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/animicaorg/engine/host/worker"
)

// Module is a module that passed the validator. It holds no process.
type Module struct {
	host    *Host
	kind    abi.Kind
	hash    digest.Digest
	metered []byte        // what engines see
	sum     digest.Digest // of metered
	load    uint64        // fuel of making an instance
	profile wasmbin.Profile
}

// profile returns the structural rules of a kind, tightened by the limits.
func (h *Host) profile(kind abi.Kind) (wasmbin.Profile, error) {
	var p wasmbin.Profile
	switch kind {
	case abi.KindTraps:
		p = wasmbin.TrapLibrary()
	case abi.KindCompiler:
		p = wasmbin.Compiler()
	default:
		return p, fmt.Errorf("guest host: %v is no kind of guest", kind)
	}
	if n := h.cfg.Limits.ModuleBytes; n != 0 {
		p.Limits.ModuleBytes = min(n, p.Limits.ModuleBytes)
	}
	if n := h.cfg.Limits.MemoryPages; n != 0 {
		p.Limits.MemoryPages = min(n, p.Limits.MemoryPages)
	}
	return p, nil
}

// Load validates a module for a kind, hashes and meters it. The bytes are copied. A
// refusal is an *Error of class LOAD_REJECTED with the rule, or OUT_OF_FUEL where
// Limits.LoadFuel does not pay for the module's size. Whether the engine accepts the
// module too shows when it is opened.
func (h *Host) Load(ctx context.Context, wasm []byte, kind abi.Kind) (*Module, error) {
	p, err := h.profile(kind)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	largest, read := p.Limits.ModuleBytes, wasmbin.Read
	if h.cfg.Floats {
		largest, read = p.Canonical().Limits.ModuleBytes, wasmbin.ReadWithFloats
	}
	if len(wasm) > largest {
		wasm = wasm[:largest+1] // refused below by its size, without hashing all of it
	}
	b := bytes.Clone(wasm)
	m := &Module{host: h, kind: kind, hash: digest.Sum(b), profile: p}
	decoded, err := read(b, &p)
	if err == nil {
		m.profile = p
		for _, f := range p.Offers { // what it offers may be called
			if _, ok := decoded.Export(f.Name); ok {
				m.profile.Exports = append(slices.Clip(m.profile.Exports), f)
			}
		}
		m.metered, err = meter.Rewrite(decoded, meter.Limits{MemoryPages: p.Limits.MemoryPages, Floats: p.Floats})
	}
	var rej *wasmbin.Rejected
	if errors.As(err, &rej) {
		e := &Error{Class: abi.LoadRejected, Rule: rej.Rule, Err: err}
		if rej.Rule != wasmbin.RuleModuleSize {
			e.Module = m.hash.String()
		}
		return nil, e
	}
	if err := m.admit(decoded); err != nil {
		return nil, err
	}
	return m, nil
}

// Metered returns the metered form of a module, as Load makes it under the default
// limits, floats allowed. A refusal is that of Load.
func Metered(wasm []byte, kind abi.Kind) ([]byte, error) {
	m, err := (&Host{cfg: Config{Floats: true}}).Load(context.Background(), wasm, kind)
	if err != nil {
		return nil, err
	}
	return m.metered, nil
}

// admit bounds and prices the metered form.
func (m *Module) admit(decoded *wasmbin.Module) error {
	if len(m.metered) > worker.MaxModule {
		return &Error{Class: abi.LoadRejected, Rule: RuleMeteredSize, Module: m.hash.String(), Message: fmt.Sprintf("%d bytes after metering, the limit is %d", len(m.metered), worker.MaxModule)}
	}
	m.sum = digest.Sum(m.metered)
	m.load = uint64(meter.LoadFuel(len(decoded.Strip()), decoded.Memory.Min))
	if l := m.host.cfg.Limits.LoadFuel; l != 0 && m.load > l {
		return &Error{Class: abi.OutOfFuel, Module: m.hash.String(), Message: fmt.Sprintf("making an instance costs %d units of fuel, the limit is %d", m.load, l)}
	}
	return nil
}

// Hash is SHA3-256 of the bytes as they were given to Load, custom sections
// included.
func (m *Module) Hash() digest.Digest { return m.hash }

// MeteredHash is SHA3-256 of the metered form, which is what engines see: a
// function of the module, the meter's version and the memory limit.
func (m *Module) MeteredHash() digest.Digest { return m.sum }

// Floats says that the module was loaded under float policy `canonical`.
func (m *Module) Floats() bool { return m.profile.Floats }

// LoadFuel is the price of making an instance, which no call pays.
func (m *Module) LoadFuel() uint64 { return m.load }

// Kind is the kind that the module was loaded as.
func (m *Module) Kind() abi.Kind { return m.kind }

func (m *Module) limits() worker.Limits {
	l := &m.host.cfg.Limits
	return worker.Limits{MemoryPages: m.profile.Limits.MemoryPages, InputBytes: l.InputBytes, OutputBytes: l.OutputBytes, DataBytes: l.WorkerBytes}
}

// signature returns the type of an export that may be called.
func (m *Module) signature(export string) (wasmbin.FuncType, bool) {
	for _, f := range m.profile.Exports {
		if f.Name == export && export != abi.ExportMarker {
			return f.Type, true
		}
	}
	return wasmbin.FuncType{}, false
}

// Open starts a worker, compiles the module in it and makes the one instance.
// A job opens one instance and calls it as often as it needs; instances of one
// module run in parallel. The caller closes it.
func (m *Module) Open(ctx context.Context) (*Instance, error) {
	p, err := m.host.start(ctx, m.hash.String())
	if err != nil {
		return nil, err
	}
	hello := &worker.Hello{Module: m.metered, Limits: m.limits()}
	id, keep := m.codeID()
	if keep {
		hello.KeepCode, hello.Code = true, m.host.cfg.Code.load(id)
	}
	ready, err := p.hello(ctx, hello)
	if err == nil && ready.Status == worker.ReadyRejected {
		err = &Error{Class: abi.LoadRejected, Rule: RuleEngine, Module: p.module, Message: ready.Message}
	}
	if err != nil {
		p.end()
		return nil, err
	}
	if keep && len(ready.Code) > 0 {
		if err := m.host.cfg.Code.store(id, ready.Code); err != nil {
			m.host.cfg.Logger.Warn("native code was not kept", "module_hash", p.module, "error", err)
		}
	}
	return &Instance{module: m, proc: p, usage: map[string]*Usage{}}, nil
}
