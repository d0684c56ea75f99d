package httpapi

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"slices"

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
	width    uint64 // as declared; 0: not
	depth    uint64 // at most so much, as declared; 0: not
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
	request := digest.SumParts(account[:], number(uint64(len(w.source))), w.source, number(w.width), number(w.depth), number(w.shots), number(w.trapPPM), number(w.maxUnits),
		number(uint64(len(w.salt))), w.salt, w.seed)
	j := &job.Job{JobID: digest.SumParts([]byte("qprov/v1/bridge-job"), request[:]), Kind: job.KindQuantum, PriceUnits: w.maxUnits, Spec: job.Spec{
		Shots: w.shots, TrapRatioPPM: w.trapPPM, TrapMode: job.TrapModeProcess, Seed: digest.SumParts([]byte("qprov/v1/bridge-seed"), request[:])}}
	if err := w.circuit(&j.Spec); err != nil {
		return nil, err
	}
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

// circuit puts the circuit into the job, and checks what was declared of it.
func (w *wanted) circuit(spec *job.Spec) error {
	format, source, err := readCircuit(w.source)
	if err != nil {
		return err
	}
	var c *circuit.Circuit
	if format == "" { // a known generator
		if w.width == 0 || w.width > 128 || w.depth > 10_000 {
			return aicf.Refuse(aicf.SchemaError, "a circuit by name needs a width of 1..128 and a depth of at most 10000").In("/width")
		}
		free := slices.ContainsFunc(circuit.Generators(), func(g circuit.GeneratorInfo) bool { return g.ID == string(source) && g.FreeDepth })
		spec.CircuitID, spec.Width = string(source), w.width
		if free {
			spec.Depth = w.depth
		}
		if c, err = circuit.Generate(spec.CircuitID, int(w.width), int(spec.Depth), spec.Seed); err != nil {
			return aicf.Refuse(aicf.SchemaError, "%v", err).In("/circuit/name")
		}
		if !free {
			spec.Depth = uint64(c.Depth())
		}
	} else {
		c, _, err = circuit.Parse(circuit.Format(format), source, circuit.Options{Limits: circuit.Limits{Gates: 1 << 16, Qubits: 128}})
		if err != nil {
			return aicf.Refuse(aicf.SchemaError, "%v", err).In("/circuit").Try("send OpenQASM 3, OpenQASM 2, engine-circuit/1 JSON or {qubits, gates, measure}")
		}
		spec.Circuit, spec.Width, spec.Depth = &job.Circuit{Format: format, Source: string(source)}, uint64(c.Width()), uint64(c.Depth())
	}
	switch d := uint64(c.Depth()); {
	case w.width != 0 && w.width != uint64(c.Width()):
		return aicf.Refuse(aicf.SchemaError, "width is %d, the circuit's is %d", w.width, c.Width()).In("/width")
	case w.depth != 0 && w.depth < d:
		return aicf.Refuse(aicf.SchemaError, "depth is %d, the circuit's is %d", w.depth, d).In("/depth")
	}
	return nil
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// enqueue submits for the caller; wishes are those of a submission besides the job.
func (s *Server) enqueue(ctx context.Context, c aicf.Call, w *wanted, wishes aicf.JobSubmission) (*aicf.Submitted, error) {
	doc, err := w.document(c.Account)
	if err != nil {
		return nil, err
	}
	wishes.Job = doc
	return s.cfg.Network.Submit(ctx, c, wishes)
}

// readCircuit finds the format of a text. {format, source} is the job document's form. The
// lineage's {qubits, gates: [{op, q}], measure} becomes engine-circuit/1; of its {name}, the
// format is empty and the source is the circuit_id.
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
		Source  *string           `json:"source"`
		Name    string            `json:"name"`
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
	case head.Source != nil && slices.Contains([]string{job.FormatOpenQASM3, job.FormatOpenQASM2, job.FormatJSON}, head.Format):
		return head.Format, []byte(*head.Source), nil
	case head.Name != "" && head.Gates == nil && head.Format == "":
		return "", []byte(head.Name), nil
	case head.Format != "":
		return "", nil, aicf.Refuse(aicf.SchemaError, "circuit format %.40q is not read", head.Format).In("/circuit/format").Try("send OpenQASM 3, or format %s", circuit.JSONFormat)
	case head.Gates == nil:
		return "", nil, aicf.Refuse(aicf.SchemaError, "the circuit's JSON has neither format nor gates").In("/circuit").Try("send {qubits, gates: [{op, q}], measure}, {format, source}, or {name} of a known circuit_id")
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
