package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/circuit"
)

// lineageCircuit reads the gates of the older SDKs' JSON: op is a gate's name in any case,
// without parameters, or MEASURE; q one qubit or a list. Measure is true, absent, or a list of
// qubits, the first into bit 0. MEASURE stands behind all gates and says the same once more,
// or says it alone; a circuit without either is measured as a whole.
func lineageCircuit(qubits int, gates []json.RawMessage, measure json.RawMessage) (*circuit.Circuit, error) {
	if qubits < 1 || qubits > 128 {
		return nil, aicf.Refuse(aicf.SchemaError, "qubits is %d, want 1..128", qubits).In("/circuit/qubits")
	}
	var measured, said []int
	if len(measure) > 0 && string(measure) != "true" && string(measure) != "null" {
		if err := json.Unmarshal(measure, &measured); err != nil || len(measured) == 0 {
			return nil, aicf.Refuse(aicf.SchemaError, "measure is neither true nor a list of qubits").In("/circuit/measure")
		}
	}
	c := &circuit.Circuit{Qubits: qubits, Clbits: qubits}
	for i, raw := range gates {
		field := fmt.Sprintf("/circuit/gates/%d", i)
		var g struct {
			Op string          `json:"op"`
			Q  json.RawMessage `json:"q"`
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&g); err != nil {
			return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In(field).Try("send {op, q}; OpenQASM 3 for gates with parameters")
		}
		gate, ok := gateNamed(g.Op)
		if !ok {
			return nil, aicf.Refuse(aicf.SchemaError, "no gate %.40q", g.Op).In(field + "/op")
		}
		if gate.Info().Params > 0 {
			return nil, aicf.Refuse(aicf.SchemaError, "gate %.40q takes parameters, this form has none", g.Op).In(field + "/op").Try("send OpenQASM 3")
		}
		var q []int
		if err := json.Unmarshal(g.Q, &q); err != nil {
			var one int
			if err := json.Unmarshal(g.Q, &one); err != nil {
				return nil, aicf.Refuse(aicf.SchemaError, "want a qubit or a list of qubits").In(field + "/q")
			}
			q = []int{one}
		}
		for _, n := range q {
			if n < 0 || n >= qubits {
				return nil, aicf.Refuse(aicf.SchemaError, "qubit %d of %d", n, qubits).In(field + "/q")
			}
		}
		if gate == circuit.Measure {
			said = append(said, q...)
			continue
		}
		if len(said) > 0 {
			return nil, aicf.Refuse(aicf.SchemaError, "%.40q stands behind a measurement", g.Op).In(field).Try("send OpenQASM 3 to measure within a circuit")
		}
		op := circuit.Op{Gate: gate}
		if len(q) == 0 || len(q) > len(op.Q) {
			return nil, aicf.Refuse(aicf.SchemaError, "%d qubits, want 1..%d", len(q), len(op.Q)).In(field + "/q")
		}
		op.NQ = uint8(len(q))
		for k, n := range q {
			op.Q[k] = uint16(n)
		}
		c.Ops = append(c.Ops, op)
	}
	if len(said) > 0 && len(measured) > 0 && !slices.Equal(said, measured) {
		return nil, aicf.Refuse(aicf.SchemaError, "measure is %v, the MEASURE among the gates %v", measured, said).In("/circuit/measure")
	}
	if len(measured) == 0 {
		measured = said
	}
	if err := observe(c, measured); err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/circuit")
	}
	return c, nil
}

// gateNamed finds a gate by its name in OpenQASM 2 or 3, in any case.
func gateNamed(op string) (circuit.Gate, bool) {
	name := strings.ToLower(op)
	switch name {
	case "measure":
		return circuit.Measure, true
	case "cnot":
		name = "cx"
	case "toffoli":
		name = "ccx"
	}
	gate, ok := circuit.GateByName(name)
	return gate, ok && gate != circuit.Measure
}

// observe measures qubits in their order into the bits 0, 1, …; none: all, at the end.
func observe(c *circuit.Circuit, qubits []int) error {
	whole := len(qubits) == c.Qubits
	for bit, q := range qubits {
		whole = whole && q == bit
	}
	if len(qubits) == 0 || whole {
		return nil
	}
	c.Clbits = len(qubits)
	for bit, q := range qubits {
		if q < 0 || q >= c.Qubits || slices.Contains(qubits[:bit], q) {
			return aicf.Refuse(aicf.SchemaError, "qubit %d of %d is none, or is measured twice", q, c.Qubits).In("/circuit/measure")
		}
		c.Ops = append(c.Ops, circuit.Op{Gate: circuit.Measure, NQ: 1, Q: [circuit.MaxOpQubits]uint16{uint16(q)}, Clbit: uint32(bit)})
	}
	return nil
}
