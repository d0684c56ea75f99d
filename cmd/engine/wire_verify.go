package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/proofs"
)

// wireVerifier adds what a verifier can do beyond package proofs: meter the modules
// again and compile the circuit again in the sandbox. Traps are judged by the native definition.
func (e *program) wireVerifier(in *proofs.Input) {
	if in.Bundle == nil {
		return
	}
	modules := map[digest.Digest][]byte{}
	for h, b := range in.Bundle.Modules {
		modules[h] = b
	}
	for _, m := range embedded.All() {
		modules[digest.Sum(m.Bytes)] = m.Bytes
	}
	in.Recompiler, in.Meter = recompiler{e, modules}, metering{}
}

// metering derives metered hashes as the host of this binary does.
type metering struct{}

// Version implements proofs.Meter.
func (metering) Version() string { return strconv.Itoa(meter.Version) }

// Metered implements proofs.Meter.
func (metering) Metered(slot string, wasm []byte) (digest.Digest, error) {
	kind := abi.KindCompiler
	if slot == "traps" {
		kind = abi.KindTraps
	}
	b, err := host.Metered(wasm, kind)
	return digest.Sum(b), err
}

// recompiler runs compiler modules by hash.
type recompiler struct {
	e       *program
	modules map[digest.Digest][]byte
}

// Recompile implements proofs.Recompiler.
func (r recompiler) Recompile(ctx context.Context, in proofs.RecompileInput) ([]byte, error) {
	if len(in.Modules) != 1 {
		return nil, fmt.Errorf("%d compiler modules: %w", len(in.Modules), proofs.ErrUnknownModule)
	}
	wasm, ok := r.modules[in.Modules[0].SHA3]
	if !ok {
		return nil, fmt.Errorf("module %s: %w", in.Modules[0].SHA3, proofs.ErrUnknownModule)
	}
	c, err := circuit.ParseCanonical(in.Circuit)
	if err != nil {
		return nil, err
	}
	low, err := c.Lower()
	if err != nil {
		return nil, err
	}
	h, err := r.e.guestHost()
	if err != nil {
		return nil, err
	}
	m, err := h.Load(ctx, wasm, abi.KindCompiler)
	if err != nil {
		return nil, err
	}
	i, err := m.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer i.Close()
	_, out, err := abi.Compiler{Caller: i}.Compile(ctx, low, guest.Target{})
	return out, err
}
