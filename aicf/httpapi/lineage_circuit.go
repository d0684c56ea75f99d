package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/circuit"
)

// lineageCircuit reads the gates of the older SDKs' JSON: op is a gate's name in any case,
// without parameters; q one qubit or a list. Measure is true, absent, or all qubits in order:
// a circuit without a measurement is measured as a whole at its end.
func lineageCircuit(qubits int, gates []json.RawMessage, measure json.RawMessage) (*circuit.Circuit, error) {
	if qubits < 1 || qubits > 128 {
		return nil, aicf.Refuse(aicf.SchemaError, "qubits is %d, want 1..128", qubits).In("/circuit/qubits")
	}
	if len(measure) > 0 && string(measure) != "true" && string(measure) != "null" {
		var list []int
		if err := json.Unmarshal(measure, &list); err != nil || len(list) != qubits {
			return nil, aicf.Refuse(aicf.SchemaError, "measure is not true and no list of all qubits").In("/circuit/measure").Try("send OpenQASM 3 to measure some qubits only")
		}
		for i, q := range list {
			if q != i {
				return nil, aicf.Refuse(aicf.SchemaError, "measure[%d] is %d, want %d", i, q, i).In("/circuit/measure").Try("send OpenQASM 3 to measure in another order")
			}
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
		gate, ok := circuit.GateByName(strings.ToLower(g.Op))
		if !ok || gate == circuit.Measure {
			return nil, aicf.Refuse(aicf.SchemaError, "no gate %.40q", g.Op).In(field + "/op")
		}
		var q []int
		if err := json.Unmarshal(g.Q, &q); err != nil {
			var one int
			if err := json.Unmarshal(g.Q, &one); err != nil {
				return nil, aicf.Refuse(aicf.SchemaError, "want a qubit or a list of qubits").In(field + "/q")
			}
			q = []int{one}
		}
		op := circuit.Op{Gate: gate}
		if len(q) == 0 || len(q) > len(op.Q) {
			return nil, aicf.Refuse(aicf.SchemaError, "%d qubits, want 1..%d", len(q), len(op.Q)).In(field + "/q")
		}
		op.NQ = uint8(len(q))
		for k, n := range q {
			if n < 0 || n >= qubits {
				return nil, aicf.Refuse(aicf.SchemaError, "qubit %d of %d", n, qubits).In(field + "/q")
			}
			op.Q[k] = uint16(n)
		}
		c.Ops = append(c.Ops, op)
	}
	if err := c.Validate(); err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/circuit")
	}
	return c, nil
}
