package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/internal/cli"
)

// outline plans a circuit for the state vector.
func (e *program) outline(ctx context.Context, c *circuit.Circuit, path, precision string) (*statevector.Outline, error) {
	prec := statevector.Complex64
	if precision == "64" {
		prec = statevector.Complex128
	}
	o, err := sim.Outline(ctx, c, prec)
	if err != nil {
		return nil, cli.Errorf(cli.Unsupported, path, "%w", err).WithHint("without --plan the circuit is shown")
	}
	return o, nil
}

func writeOutline(w io.Writer, o *statevector.Outline) {
	fmt.Fprintf(w, "plan     %s: passes %d, diagonals %d, rotations %d and %d in the product state at the start\n",
		o.Numeric, len(o.Passes), o.Steps, o.Rotations, o.Start)
	fmt.Fprintf(w, "         cz %d, other phases on several qubits %d, left out behind the last rotations %d\n",
		o.CZs, o.Phases, o.Last)
	if e := o.Exchanges; e.Count > 0 {
		fmt.Fprintf(w, "         exchanges %d, each of two qubits on half of the amplitudes: %s within caches, %s\n",
			e.Count, scaled(e.Bytes, "B"), scaled(e.Flops, "flop"))
	}
	fmt.Fprintf(w, "         cut: %d gates and %d qubits, on which no measured qubit depends\n", o.CutGates, o.CutQubits)
	fmt.Fprintf(w, "         predicted %s moved, %s of arithmetic\n", scaled(o.Bytes, "B"), scaled(o.Flops, "flop"))
	fmt.Fprintf(w, "         position of qubits 0, 1, …: %v; 0 to 3 lie within a vector\n", o.Positions)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "pass\tdiagonals\trotations\texchanges\tleaving\tbytes\tflop\tchunks\ttile of qubits")
	for i, p := range o.Passes {
		fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%d\t%s\t%s\t%v\t%v\n", i+1, p.Steps, p.Rotations, p.Exchanges, p.Leaving, scaled(p.Bytes, ""), scaled(p.Flops, ""), p.Chunks, p.Tile)
	}
	_ = t.Flush()
}

// scaled writes a number with a decimal prefix.
func scaled(x float64, unit string) string {
	prefix := ""
	for _, p := range []string{"k", "M", "G", "T", "P"} {
		if x < 1000 {
			break
		}
		x, prefix = x/1000, p
	}
	if prefix+unit == "" {
		return fmt.Sprintf("%.3g", x)
	}
	return fmt.Sprintf("%.3g %s%s", x, prefix, unit)
}
