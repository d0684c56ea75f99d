package plot

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

const sampleCircuit = `OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q; qubit anc;
bit[2] c;
h q[0];
ctrl @ x q[0], q[2];
rz(pi/4) q[1];
cp(-pi/8) q[1], anc;
swap q[0], q[1];
barrier q[0], q[1];
ccx q[0], q[1], q[2];
cz q[0], anc;
c[0] = measure q[0];
if (c[0] == 1) { x anc; }
reset q[1];
c[1] = measure anc;
`

func parse(t *testing.T, src string) *circuit.Circuit {
	t.Helper()
	c, _, err := circuit.ParseQASM([]byte(src), circuit.Options{})
	require.NoError(t, err)
	return c
}

func TestDrawingGolden(t *testing.T) {
	d := Draw(parse(t, sampleCircuit))
	golden(t, "drawing.txt", d.Text(Term{Columns: 200, Unicode: true}))
	golden(t, "drawing_ascii.txt", d.Text(Term{Columns: 48}))
	golden(t, "drawing.svg", d.SVG())
	wellFormed(t, d.SVG())
}

func TestEveryGateIsDrawn(t *testing.T) {
	for _, g := range circuit.Gates() {
		info := g.Info()
		op := circuit.Op{Gate: g, NQ: uint8(info.Qubits)}
		for i := range info.Qubits {
			op.Q[i] = uint16(2 * i)
		}
		for i := range info.Params {
			op.Params[i] = circuit.Angle(12345678901234567+i) &^ 0xfff
		}
		d := Draw(&circuit.Circuit{Qubits: 8, Clbits: 1, Ops: []circuit.Op{op}})
		text := string(d.Text(Term{Columns: 120, Unicode: true}))
		for i := range info.Qubits {
			line := strings.Split(text, "\n")[lineOf(text, 2*i)]
			require.NotEqual(t, "", strings.Trim(line[strings.Index(line, "]")+1:], " ─"), "%s operand %d:\n%s", g, i, text)
		}
		wellFormed(t, d.SVG())
	}
}

// lineOf is the number of the line of wire q.
func lineOf(text string, q int) int {
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "q["+decimal(uint64(q))+"]") {
			return i
		}
	}
	return 0
}

func TestLongCircuitsAreCut(t *testing.T) {
	c := &circuit.Circuit{Qubits: 1, Clbits: 1}
	for range MaxDrawnOps + 5 {
		c.Ops = append(c.Ops, circuit.Op{Gate: circuit.H, NQ: 1})
	}
	d := Draw(c)
	require.Contains(t, string(d.Text(Term{Columns: 80})), "5 more operations are not drawn")
	require.Contains(t, string(d.SVG()), "5 more operations are not drawn")
	for line := range strings.Lines(string(d.Text(Term{Columns: 80}))) {
		require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 80)
	}
}

func TestEmptyCircuitIsWires(t *testing.T) {
	require.Equal(t, "q[0] -\nq[1] -\n", string(Draw(&circuit.Circuit{Qubits: 2, Clbits: 2}).Text(Term{Columns: 40})))
}

func TestConditionsStandBehindTheirBits(t *testing.T) {
	d := Draw(parse(t, "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[2] q; bit c;\nh q[0];\nc = measure q[0];\nif (c) x q[1];"))
	lines := strings.Split(string(d.Text(Term{Columns: 80})), "\n")
	require.Less(t, strings.Index(lines[0], "M c"), strings.Index(lines[1], "x if"))
}
