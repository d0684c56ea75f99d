package httpapi

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Bounds of what comes with a circuit.
const (
	maxSalt  = 16 << 10 // bytes of metadata or tags, as written
	maxUnits = 1 << 53
	maxShots = 1_000_000
	maxTTL   = 30 * 24 * 3600 // seconds
)

// payer lets unsigned calls of a development service pay from its account.
func payer(c aicf.Call) aicf.Call {
	if c.Unsigned && c.Account.IsZero() {
		c.Account = network.DevBuyer
	}
	return c
}

// lineageTask is the answer to a submission, with every spelling of the id.
type lineageTask struct {
	JobID   digest.Digest  `json:"job_id"`
	JobIDs  digest.Digest  `json:"jobId"`
	TaskID  digest.Digest  `json:"task_id"`
	TaskIDs digest.Digest  `json:"taskId"`
	ID      digest.Digest  `json:"id"`
	Kind    string         `json:"kind"`
	Status  string         `json:"status"`
	OK      bool           `json:"accepted"`
	Receipt aicf.Submitted `json:"receipt"` // the answer of POST /aicf/jobs
}

func ofSubmission(s *aicf.Submitted) *lineageTask {
	id := s.JobID
	return &lineageTask{id, id, id, id, id, lineageKind, lineageState(s.State), true, *s}
}

// enqueueMethod names what rpcSubmit finds in its payload.
var enqueueMethod = &method{names: []string{"payload"}, params: [][]string{{"circuit"}, {"shots"}, {"fee", "fee_units"}, {"metadata", "tags"}, {"trapsRatioBps", "traps_ratio_bps"}, {"caller"}, {"priority"}, {"ttl_s"}}}

// rpcSubmit takes {kind, payload} of the lineage's adapter, or the guide's document as job.
func (s *Server) rpcSubmit(ctx context.Context, c aicf.Call, p *params) (any, error) {
	quantum := p.quantumOnly()
	document, payload := p.get("job", strictjson.Object), p.get("payload", strictjson.Object)
	if (document == nil) == (payload == nil) {
		p.wrong("payload", "or job is needed, and one of them alone")
	}
	if p.bad != nil {
		return nil, p.bad
	}
	if !quantum {
		return nil, aicf.Refuse(aicf.SchemaError, "the network runs quantum jobs, none of kind AI").In("/params/kind")
	}
	if document == nil {
		inner, err := enqueueMethod.bind(payload)
		if err != nil {
			return nil, err
		}
		return s.rpcEnqueue(ctx, c, inner)
	}
	j, err := submission(document.Raw)
	if err != nil {
		return nil, err
	}
	out, err := s.cfg.Network.Submit(ctx, payer(c), *j)
	if err != nil {
		return nil, err
	}
	return ofSubmission(out), nil
}

// rpcEnqueue submits a circuit. The id of the job is a function of the account and of
// everything that was asked, metadata and caller included: the same call is the same job.
func (s *Server) rpcEnqueue(ctx context.Context, c aicf.Call, p *params) (any, error) {
	p.need("circuit")
	p.need("shots")
	w := &wanted{source: p.circuit(), shots: p.uint("shots", 0, maxShots), maxUnits: p.uint("fee", 0, maxUnits), trapPPM: 100 * p.uint("trapsRatioBps", 0, 10_000)}
	if meta := p.get("metadata", strictjson.Object); meta != nil {
		if len(meta.Raw) > maxSalt {
			p.wrong("metadata", "has %d bytes, at most %d", len(meta.Raw), maxSalt)
		} else if len(meta.Members) > 0 {
			w.salt = append(w.salt, meta.Raw...)
		}
	}
	if caller := p.text("caller", 256); caller != "" {
		w.salt = append(append(w.salt, 0), caller...) // no JSON has a zero byte
	}
	wishes := aicf.JobSubmission{Priority: p.whole("priority", 9), TTLMS: int64(1000 * p.whole("ttl_s", maxTTL))}
	if p.bad != nil {
		return nil, p.bad
	}
	out, err := s.enqueue(ctx, payer(c), w, wishes)
	if err != nil {
		return nil, err
	}
	return ofSubmission(out), nil
}

// circuit is text, 0x and hex digits, or an object as it stands.
func (p *params) circuit() []byte {
	n := p.given["circuit"]
	switch {
	case n == nil:
		return nil
	case n.Kind == strictjson.Object:
		return n.Raw
	case n.Kind != strictjson.String:
		p.wrong("circuit", "is %s, want an object, text, or 0x and hex digits", n.Kind)
		return nil
	}
	digits, coded := strings.CutPrefix(n.Text, "0x")
	if !coded {
		return []byte(n.Text)
	}
	if len(digits) > 2*maxRPCCircuit {
		p.wrong("circuit", "has more than %d bytes", maxRPCCircuit)
		return nil
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		p.wrong("circuit", "is no hex: %v", err)
	}
	return raw
}

// rpcResult takes a result: NoResultYet before the job's end, and once.
func (s *Server) rpcResult(ctx context.Context, c aicf.Call, p *params) (any, error) {
	id := p.needHash("jobId")
	if p.bad != nil {
		return nil, p.bad
	}
	j, err := s.cfg.Network.TakeResult(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return s.resultOf(ctx, j)
}
