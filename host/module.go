package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/animicaorg/engine/host/worker"
)

// Module is a module that passed the validator. It holds no process.
type Module struct {
	host    *Host
	kind    abi.Kind
	hash    digest.Digest
	wasm    []byte // without custom sections
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

// Load validates a module for a kind and hashes it. The bytes are copied. A
// refusal is an *Error of class LOAD_REJECTED with the rule. Whether the engine
// accepts the module too shows when it is opened.
func (h *Host) Load(ctx context.Context, wasm []byte, kind abi.Kind) (*Module, error) {
	p, err := h.profile(kind)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(wasm) > p.Limits.ModuleBytes {
		wasm = wasm[:p.Limits.ModuleBytes+1] // refused below by its size, without hashing all of it
	}
	b := bytes.Clone(wasm)
	m := &Module{host: h, kind: kind, hash: digest.Sum(b), profile: p}
	decoded, err := wasmbin.Read(b, &p)
	var rej *wasmbin.Rejected
	if errors.As(err, &rej) {
		e := &Error{Class: abi.LoadRejected, Rule: rej.Rule, Err: err}
		if rej.Rule != wasmbin.RuleModuleSize {
			e.Module = m.hash.String()
		}
		return nil, e
	}
	m.wasm = decoded.Strip()
	return m, nil
}

// Hash is SHA3-256 of the bytes as they were given to Load, custom sections
// included.
func (m *Module) Hash() digest.Digest { return m.hash }

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
	ready, err := p.hello(ctx, m.wasm, m.limits())
	if err == nil && ready.Status == worker.ReadyRejected {
		err = &Error{Class: abi.LoadRejected, Rule: RuleEngine, Module: p.module, Message: ready.Message}
	}
	if err != nil {
		p.end()
		return nil, err
	}
	return &Instance{module: m, proc: p}, nil
}
