package httpapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
)

const (
	bellQASM    = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n"
	bellLineage = `{"qubits":2,"gates":[{"op":"H","q":0},{"op":"CX","q":[0,1]}],"measure":true}`
)

// TestBridgeDocument: the same request of the same account is the same job, and nothing else is.
func TestBridgeDocument(t *testing.T) {
	one, two := digest.Sum([]byte("one")), digest.Sum([]byte("two"))
	read := func(account digest.Digest, w wanted) *job.Job {
		doc, err := w.document(account)
		require.NoError(t, err)
		j, err := job.Parse(doc)
		require.NoError(t, err)
		return j
	}
	w := wanted{source: []byte(bellQASM), shots: 4096}
	first := read(one, w)
	require.Equal(t, first, read(one, w))
	require.EqualValues(t, []uint64{2, 2, 4096}, []uint64{first.Spec.Width, first.Spec.Depth, first.Spec.Shots})
	require.GreaterOrEqual(t, first.Spec.TrapRatioPPM, uint64(defaultTrapPPM))
	require.NotEqual(t, first.JobID, first.Spec.Seed)
	for name, other := range map[string]*job.Job{
		"account": read(two, w),
		"shots":   read(one, wanted{source: w.source, shots: 4097}),
		"salt":    read(one, wanted{source: w.source, shots: 4096, salt: []byte("s")}),
		"maximum": read(one, wanted{source: w.source, shots: 4096, maxUnits: 7}),
		"circuit": read(one, wanted{source: []byte(bellLineage), shots: 4096}),
	} {
		require.NotEqual(t, first.JobID, other.JobID, name)
		require.NotEqual(t, first.Spec.Seed, other.Spec.Seed, name)
	}
	require.NotEqual(t, read(one, wanted{source: w.source, shots: 4096, salt: []byte("ab"), seed: []byte("c")}).JobID,
		read(one, wanted{source: w.source, shots: 4096, salt: []byte("a"), seed: []byte("bc")}).JobID, "no two requests run together")
	require.EqualValues(t, 250_000, read(one, wanted{source: w.source, shots: 4096, trapPPM: 250_000}).Spec.TrapRatioPPM)
}

func TestBridgeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		w     wanted
		code  aicf.Code
		field string
	}{
		"no circuit":      {wanted{shots: 1}, aicf.SchemaError, "/circuit"},
		"long circuit":    {wanted{source: []byte(strings.Repeat(" ", maxRPCCircuit+1)), shots: 1}, aicf.LimitExceeded, "/circuit"},
		"no shots":        {wanted{source: []byte(bellQASM)}, aicf.SchemaError, "/shots"},
		"many shots":      {wanted{source: []byte(bellQASM), shots: 1_000_001}, aicf.SchemaError, "/shots"},
		"no QASM":         {wanted{source: []byte("qubit["), shots: 1}, aicf.SchemaError, "/circuit"},
		"unknown format":  {wanted{source: []byte(`{"format":"animica-qasm-v0","ops":[]}`), shots: 1}, aicf.SchemaError, "/circuit/format"},
		"no gates":        {wanted{source: []byte(`{"qubits":2}`), shots: 1}, aicf.SchemaError, "/circuit"},
		"many qubits":     {wanted{source: []byte(`{"qubits":129,"gates":[]}`), shots: 1}, aicf.SchemaError, "/circuit/qubits"},
		"unknown gate":    {wanted{source: []byte(`{"qubits":2,"gates":[{"op":"foo","q":0}]}`), shots: 1}, aicf.SchemaError, "/circuit/gates/0/op"},
		"qubit outside":   {wanted{source: []byte(`{"qubits":2,"gates":[{"op":"h","q":2}]}`), shots: 1}, aicf.SchemaError, "/circuit/gates/0/q"},
		"many operands":   {wanted{source: []byte(`{"qubits":6,"gates":[{"op":"h","q":[0,1,2,3,4]}]}`), shots: 1}, aicf.SchemaError, "/circuit/gates/0/q"},
		"wrong operands":  {wanted{source: []byte(`{"qubits":2,"gates":[{"op":"cx","q":0}]}`), shots: 1}, aicf.SchemaError, "/circuit"},
		"measure 5":       {wanted{source: []byte(`{"qubits":2,"gates":[],"measure":5}`), shots: 1}, aicf.SchemaError, "/circuit/measure"},
		"measure twice":   {wanted{source: []byte(`{"qubits":2,"gates":[],"measure":[0,0]}`), shots: 1}, aicf.SchemaError, "/circuit/measure"},
		"measure nothing": {wanted{source: []byte(`{"qubits":2,"gates":[],"measure":[2]}`), shots: 1}, aicf.SchemaError, "/circuit/measure"},
		"two measures":    {wanted{source: []byte(`{"qubits":2,"gates":[{"op":"MEASURE","q":0}],"measure":[1]}`), shots: 1}, aicf.SchemaError, "/circuit/measure"},
		"gate behind":     {wanted{source: []byte(`{"qubits":2,"gates":[{"op":"MEASURE","q":0},{"op":"H","q":1}]}`), shots: 1}, aicf.SchemaError, "/circuit/gates/1"},
		"an angle":        {wanted{source: []byte(`{"qubits":2,"gates":[{"op":"RX","q":0}]}`), shots: 1}, aicf.SchemaError, "/circuit/gates/0/op"},
		"unknown name":    {wanted{source: []byte(`{"name":"foo"}`), width: 2, shots: 1}, aicf.SchemaError, "/circuit/name"},
		"no width":        {wanted{source: []byte(`{"name":"ghz"}`), shots: 1}, aicf.SchemaError, "/width"},
	} {
		_, err := c.w.document(digest.Digest{})
		var f *aicf.Fault
		require.ErrorAs(t, err, &f, name)
		require.Equal(t, c.code, f.Code, name)
		require.Equal(t, c.field, f.Field, name)
	}
}

// TestLineageMeasurements: a list of qubits is measured in its order, all of them in order as
// if nothing was said.
func TestLineageMeasurements(t *testing.T) {
	hash := func(source string) (digest.Digest, int) {
		doc, err := (&wanted{source: []byte(source), shots: 4096}).document(digest.Digest{})
		require.NoError(t, err)
		j, err := job.Parse(doc)
		require.NoError(t, err)
		c, _, err := circuit.Parse(circuit.Format(j.Spec.Circuit.Format), []byte(j.Spec.Circuit.Source), circuit.Options{})
		require.NoError(t, err)
		h, err := c.Hash()
		require.NoError(t, err)
		return h, c.Clbits
	}
	whole, _ := hash(bellLineage)
	for _, same := range []string{`{"qubits":2,"gates":[{"op":"h","q":0},{"op":"cnot","q":[0,1]}]}`, `{"qubits":2,"gates":[{"op":"h","q":0},{"op":"cx","q":[0,1]}],"measure":[0,1]}`,
		`{"qubits":2,"gates":[{"op":"h","q":0},{"op":"cx","q":[0,1]},{"op":"MEASURE","q":[0,1]}],"measure":[0,1]}`} {
		h, bits := hash(same)
		require.Equal(t, whole, h)
		require.Equal(t, 2, bits)
	}
	swapped, _ := hash(`{"qubits":2,"gates":[{"op":"h","q":0},{"op":"cx","q":[0,1]}],"measure":[1,0]}`)
	require.NotEqual(t, whole, swapped)
	_, bits := hash(`{"qubits":4,"gates":[{"op":"H","q":[0]},{"op":"CNOT","q":[0,1]},{"op":"MEASURE","q":[0,1]}],"measure":[0,1]}`)
	require.Equal(t, 2, bits)
}
