package httpapi

import (
	"encoding/json"
	"testing"
)

// FuzzRPC: whatever comes in, a body is refused as a whole or is calls within their limits,
// each with an id that is JSON, and binding its parameters never fails otherwise than with
// Invalid params.
func FuzzRPC(f *testing.F) {
	for _, s := range []string{`{"jsonrpc":"2.0","id":1,"method":"aicf.getJob","params":["a"]}`, `[{"jsonrpc":"2.0","method":"cap.listJobs","params":[{"limit":1}]},1]`, `{"jsonrpc":"2.0","id":null,"method":"aicf.queueSubmit","params":{"payload":{"circuit":{"qubits":1,"gates":[]},"shots":1}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		calls, batch, bad := readRPC(body)
		if bad != nil {
			if len(calls) > 0 || bad.Code != rpcParse && bad.Code != rpcRequest {
				t.Fatalf("%d calls and %v", len(calls), bad)
			}
			return
		}
		if len(calls) == 0 || len(calls) > maxRPCBatch || !batch && len(calls) != 1 {
			t.Fatalf("%d calls", len(calls))
		}
		for _, c := range calls {
			if !json.Valid(c.id) || len(c.id) > maxRPCID {
				t.Fatalf("id %q", c.id)
			}
			m := rpcMethods[c.method]
			if c.err != nil || m == nil {
				continue
			}
			p, err := m.bind(c.params)
			if err != nil {
				if e, ok := err.(*rpcError); !ok || e.Code != rpcParams {
					t.Fatal(err)
				}
				continue
			}
			for _, spellings := range m.params { // each reader copes with each value
				p.text(spellings[0], 10)
				p.uint(spellings[0], 1, 10)
				p.whole(spellings[0], 10)
				p.hash(spellings[0])
			}
		}
	})
}

// FuzzLineageCircuit: a text is a job document of ours or is refused; nothing panics.
func FuzzLineageCircuit(f *testing.F) {
	for _, s := range []string{bellQASM, bellLineage, `{"name":"ghz"}`, `{"format":"openqasm2","source":"OPENQASM 2.0;"}`, `{"qubits":4,"gates":[{"op":"CNOT","q":[0,1]},{"op":"MEASURE","q":[0,1]}],"measure":[0,1]}`} {
		f.Add([]byte(s), uint64(2), uint64(1024))
	}
	f.Fuzz(func(t *testing.T, source []byte, width, shots uint64) {
		w := wanted{source: source, width: width % 6, shots: shots}
		if doc, err := w.document([32]byte{}); err == nil && !json.Valid(doc) {
			t.Fatalf("%q", doc)
		}
	})
}
