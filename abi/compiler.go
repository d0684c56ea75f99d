package abi

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// Compiler calls a compiler guest.
type Compiler struct{ Caller Caller }

// Compile sends a lowered circuit (gates u3, cz, measure, barrier, no conditions)
// and returns the layered circuit, valid, on the target's edges and with the
// circuit's measured clbits, and the bytes that the guest wrote. A circuit that
// has no layered form is refused before the call; the error then carries no class.
// Whether the layered circuit does what the circuit does is not checked.
func (c Compiler) Compile(ctx context.Context, lowered *circuit.Circuit, t guest.Target) (*circuit.Layered, []byte, error) {
	in, err := guest.AppendCircuit(nil, lowered)
	if err != nil {
		return nil, nil, err
	}
	return c.CompileBytes(ctx, in, t)
}

// CompileBytes is Compile of a circuit message.
func (c Compiler) CompileBytes(ctx context.Context, in []byte, t guest.Target) (*circuit.Layered, []byte, error) {
	source, err := guest.ParseCircuit(in)
	if err != nil {
		return nil, nil, err
	}
	out, err := run(ctx, c.Caller, ExportCompile, nil, map[int][]byte{StreamCircuit: in, StreamTarget: guest.AppendTarget(nil, t)}, StreamResult)
	if err != nil {
		return nil, nil, err
	}
	l, err := guest.ParseLayered(out[StreamResult])
	if err != nil {
		return nil, nil, violation(ExportCompile, fmt.Errorf("layered circuit: %w", err))
	}
	for _, err := range []error{onTarget(l, source, t), sameClbits(l, source)} {
		if err != nil {
			return nil, nil, violation(ExportCompile, err)
		}
	}
	return l, out[StreamResult], nil
}

// onTarget checks width and coupling.
func onTarget(l *circuit.Layered, source *circuit.Circuit, t guest.Target) error {
	want := t.Width
	if want == 0 {
		want = source.Qubits
	}
	if l.Width != want {
		return fmt.Errorf("layered circuit of width %d, want %d", l.Width, want)
	}
	if len(t.Edges) == 0 {
		return nil
	}
	coupled := make(map[circuit.Pair]bool, len(t.Edges))
	for _, e := range t.Edges {
		coupled[e] = true
	}
	for j, layer := range l.Layers {
		for _, p := range layer {
			if !coupled[p] {
				return fmt.Errorf("layer %d couples %d and %d, which the target does not", j, p.A, p.B)
			}
		}
	}
	return nil
}

// sameClbits checks that exactly the circuit's clbits are measured; a circuit
// without any measurement means qubit i into clbit i.
func sameClbits(l *circuit.Layered, source *circuit.Circuit) error {
	want, measured := make([]bool, max(source.Clbits, source.Qubits)), false
	for _, op := range source.Ops {
		if op.Gate == circuit.Measure && int(op.Clbit) < len(want) {
			want[op.Clbit], measured = true, true
		}
	}
	clbits := source.Clbits
	if !measured {
		clbits = len(want)
		for i := range source.Qubits {
			want[i] = true
		}
	}
	if l.Clbits != clbits {
		return fmt.Errorf("layered circuit of %d clbits, want %d", l.Clbits, clbits)
	}
	got := make([]bool, len(want))
	for _, c := range l.Measure {
		if c != circuit.NoClbit {
			got[c] = true
		}
	}
	for c := range want {
		if got[c] != want[c] {
			return fmt.Errorf("clbit %d: measured in the layered circuit %t, in the circuit %t", c, got[c], want[c])
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
