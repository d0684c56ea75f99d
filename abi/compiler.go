package abi

import (
	"context"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// Compiler calls a compiler guest.
type Compiler struct{ Caller Caller }

// Compile sends a lowered circuit (gates u3, cz, measure, barrier, no conditions)
// and returns the layered circuit, valid and on the target's edges, with the bytes
// that the guest wrote. A circuit that has no layered form is refused before the
// call; the error then carries no class.
func (c Compiler) Compile(ctx context.Context, lowered *circuit.Circuit, t guest.Target) (*circuit.Layered, []byte, error) {
	in, err := guest.AppendCircuit(nil, lowered)
	if err != nil {
		return nil, nil, err
	}
	return c.CompileBytes(ctx, in, t)
}

// CompileBytes is Compile of a circuit message.
func (c Compiler) CompileBytes(ctx context.Context, in []byte, t guest.Target) (*circuit.Layered, []byte, error) {
	out, err := run(ctx, c.Caller, ExportCompile, nil, map[int][]byte{StreamCircuit: in, StreamTarget: guest.AppendTarget(nil, t)}, StreamResult)
	if err != nil {
		return nil, nil, err
	}
	l, err := guest.ParseLayered(out[StreamResult])
	if err != nil {
		return nil, nil, violation(ExportCompile, fmt.Errorf("layered circuit: %w", err))
	}
	if err := onTarget(l, t); err != nil {
		return nil, nil, violation(ExportCompile, err)
	}
	return l, out[StreamResult], nil
}

// onTarget checks width and coupling.
func onTarget(l *circuit.Layered, t guest.Target) error {
	if t.Width != 0 && l.Width != t.Width {
		return fmt.Errorf("layered circuit of width %d for a target of %d qubits", l.Width, t.Width)
	}
	if len(t.Edges) == 0 {
		return nil
	}
	for j, layer := range l.Layers {
		for _, p := range layer {
			if !slices.Contains(t.Edges, p) {
				return fmt.Errorf("layer %d couples %d and %d, which the target does not", j, p.A, p.B)
			}
		}
	}
	return nil
}

// Describe calls qx_describe and returns the manifest's bytes.
func Describe(ctx context.Context, c Caller) ([]byte, error) {
	out, err := run(ctx, c, ExportDescribe, nil, nil, StreamResult)
	if err != nil {
		return nil, err
	}
	return out[StreamResult], nil
}
