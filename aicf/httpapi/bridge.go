package httpapi

import (
	"context"
	"encoding/json"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
)

const (
	defaultTrapPPM = 100_000
	maxRPCCircuit  = 128 << 10 // bytes of a circuit's text, as in the lineage
)

// wanted is a circuit as older clients send it.
type wanted struct {
	source   []byte
	shots    uint64
	trapPPM  uint64 // 0: a tenth, or as many as a verdict needs
	maxUnits uint64 // 0: no maximum
	salt     []byte // what else tells two requests apart
	seed     []byte // empty: derived
}

// document makes the guide's job document. Its id and seed are functions of who asks and of
// what is asked, so the same request is the same job.
func (w *wanted) document(account digest.Digest) (json.RawMessage, error) {
	if len(w.source) == 0 {
		return nil, aicf.Refuse(aicf.SchemaError, "is missing or empty").In("/circuit").Try("send OpenQASM 3, OpenQASM 2 or circuit JSON")
	}
	if len(w.source) > maxRPCCircuit {
		return nil, aicf.Refuse(aicf.LimitExceeded, "the circuit has %d bytes, at most %d", len(w.source), maxRPCCircuit).In("/circuit")
	}
	if w.shots == 0 || w.shots > 1_000_000 {
		return nil, aicf.Refuse(aicf.SchemaError, "shots is %d, want 1..1000000", w.shots).In("/shots")
	}
	format, source, err := readCircuit(w.source)
	if err != nil {
		return nil, err
	}
	c, _, err := circuit.Parse(circuit.Format(format), source, circuit.Options{Limits: circuit.Limits{Gates: 1 << 16, Qubits: 128}})
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/circuit").Try("send OpenQASM 3, OpenQASM 2, engine-circuit/1 JSON or {qubits, gates, measure}")
	}
	request := digest.SumParts(account[:], number(uint64(len(source))), source, number(w.shots), number(w.trapPPM), number(w.maxUnits), number(uint64(len(w.salt))), w.salt, w.seed)
	j := &job.Job{JobID: digest.SumParts([]byte("qprov/v1/bridge-job"), request[:]), Kind: job.KindQuantum, PriceUnits: w.maxUnits, Spec: job.Spec{
		Circuit: &job.Circuit{Format: format, Source: string(source)}, Width: uint64(c.Width()), Depth: uint64(c.Depth()), Shots: w.shots, TrapRatioPPM: w.trapPPM,
		TrapMode: job.TrapModeProcess, Seed: digest.SumParts([]byte("qprov/v1/bridge-seed"), request[:])}}
	if j.Spec.TrapRatioPPM == 0 {
		j.Spec.TrapRatioPPM = defaultTrapPPM
		doc, err := j.MarshalJSON()
		if err != nil {
			return nil, err
		}
		o, err := queue.Read(aicf.JobSubmission{Job: doc, AcceptInsufficient: true})
		if err != nil {
			return nil, err
		}
		if o.TMin <= w.shots {
			j.Spec.TrapRatioPPM = max(defaultTrapPPM, (o.TMin*1_000_000+w.shots-1)/w.shots)
		}
	}
	return j.MarshalJSON()
}

func number(n uint64) []byte {
	return []byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

// enqueue submits for the caller.
func (s *Server) enqueue(ctx context.Context, c aicf.Call, w *wanted) (*aicf.Submitted, error) {
	doc, err := w.document(c.Account)
	if err != nil {
		return nil, err
	}
	return s.cfg.Network.Submit(ctx, c, aicf.JobSubmission{Job: doc})
}

// readCircuit finds the format of a text. The lineage's {qubits, gates: [{op, q}], measure}
// becomes engine-circuit/1.
func readCircuit(text []byte) (format string, source []byte, err error) {
	at := 0
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	if at == len(text) || text[at] != '{' {
		return job.FormatOpenQASM3, text, nil
	}
	var head struct {
		Format  string            `json:"format"`
		Qubits  int               `json:"qubits"`
		Gates   []json.RawMessage `json:"gates"`
		Measure json.RawMessage   `json:"measure"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return "", nil, aicf.Refuse(aicf.SchemaError, "the circuit's JSON: %v", err).In("/circuit")
	}
	switch {
	case head.Format == circuit.JSONFormat:
		return job.FormatJSON, text, nil
	case head.Format != "":
		return "", nil, aicf.Refuse(aicf.SchemaError, "circuit format %.40q is not read", head.Format).In("/circuit/format").Try("send OpenQASM 3, or format %s", circuit.JSONFormat)
	case head.Gates == nil:
		return "", nil, aicf.Refuse(aicf.SchemaError, "the circuit's JSON has neither format nor gates").In("/circuit").Try("send {qubits, gates: [{op, q}], measure}")
	}
	c, err := lineageCircuit(head.Qubits, head.Gates, head.Measure)
	if err != nil {
		return "", nil, err
	}
	source, err = c.JSON()
	if err != nil {
		return "", nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/circuit")
	}
	return job.FormatJSON, source, nil
}
