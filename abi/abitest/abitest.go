// Package abitest is the conformance suite of ABI qx1: what every compiler and
// every trap library must do whoever wrote it, in whatever language.
//
// It promises that a guest that passes describes itself, depends on nothing but
// its inputs, answers hostile inputs with an error record instead of a trap, and
// keeps the meaning of the circuits that it is given. It does not promise that a
// trap library detects anything, nor that its statistics are right. The suite
// knows no WebAssembly engine: it is handed a function that opens an instance.
package abitest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/wasmbin"
)

// Guest is what is under test.
type Guest struct {
	Kind abi.Kind
	Wasm []byte // the artifact
	// Open makes a fresh instance and says how to end it.
	Open func(ctx context.Context) (abi.Caller, func() error, error)
}

// OnHost is a guest in the sandbox of a host.
func OnHost(h *host.Host, wasm []byte, kind abi.Kind) Guest {
	return Guest{Kind: kind, Wasm: wasm, Open: func(ctx context.Context) (abi.Caller, func() error, error) {
		m, err := h.Load(ctx, wasm, kind)
		if err != nil {
			return nil, nil, err
		}
		i, err := m.Open(ctx)
		if err != nil {
			return nil, nil, err
		}
		return i, i.Close, nil
	}}
}

// ErrSkip is wrapped by a check about what the guest does not offer and need not.
var ErrSkip = errors.New("not offered")

// Check is one demand of the suite.
type Check struct {
	Name string
	Run  func(ctx context.Context, g Guest) error
}

// Checks returns the demands on a kind of guest.
func Checks(k abi.Kind) []Check {
	list := []Check{{"marker", marker}, {"describe", describe}}
	switch k {
	case abi.KindTraps:
		list = append(list, trapChecks...)
	case abi.KindCompiler:
		list = append(list, compilerChecks...)
	}
	return list
}

// Run runs all checks as subtests.
func Run(t *testing.T, g Guest) {
	for _, c := range Checks(g.Kind) {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Run(t.Context(), g); err != nil && !errors.Is(err, ErrSkip) {
				t.Error(err)
			}
		})
	}
}

// with opens an instance for the length of a function.
func (g Guest) with(ctx context.Context, f func(abi.Caller) error) error {
	c, end, err := g.Open(ctx)
	if err != nil {
		return fmt.Errorf("opening the guest: %w", err)
	}
	return errors.Join(f(c), end())
}

// marker: the artifact is a module of profile L1 that exports the ABI of its kind.
func marker(_ context.Context, g Guest) error {
	p := wasmbin.TrapLibrary()
	if g.Kind == abi.KindCompiler {
		p = wasmbin.Compiler()
	}
	m, err := wasmbin.ReadWithFloats(g.Wasm, &p)
	if err != nil {
		return err
	}
	if e, ok := m.Export(abi.ExportMarker); !ok || e.Kind != wasmbin.ExportFunc {
		return fmt.Errorf("%s is not exported", abi.ExportMarker)
	}
	return nil
}

// describe: the manifest parses, names the kind, and is the same every time.
func describe(ctx context.Context, g Guest) error {
	var first []byte
	for range 2 {
		err := g.with(ctx, func(c abi.Caller) error {
			for range 2 {
				b, err := abi.Describe(ctx, c)
				if err != nil {
					return err
				}
				m, err := abi.ParseManifest(b)
				if err != nil {
					return err
				}
				if m.Kind != g.Kind {
					return fmt.Errorf("the manifest says %v, loaded as %v", m.Kind, g.Kind)
				}
				if first != nil && !bytes.Equal(first, b) {
					return fmt.Errorf("the manifest changed from %q to %q", first, b)
				}
				first = b
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
