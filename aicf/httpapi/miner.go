package httpapi

import (
	"context"
	"encoding/base64"
	"math"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// The three routes of the lineage's miner, at the service's root. They are the same verbs as
// the rest: a task is a job, its id the job's.

// minerJob is a circuit of the miner's client. Qos is a hint that older services took; it
// changes nothing here. Depth is the most that the circuit may have.
type minerJob struct {
	Width        uint64  `json:"width" minimum:"1" maximum:"128"`
	Depth        uint64  `json:"depth" minimum:"1" maximum:"10000"`
	Shots        uint64  `json:"shots" minimum:"1" maximum:"1000000"`
	TrapFraction float64 `json:"trap_fraction,omitempty" minimum:"0" maximum:"0.5" doc:"0: a tenth, or as many as a verdict needs"`
	Circuit      string  `json:"circuit_json_b64" doc:"base64 of OpenQASM, engine-circuit/1, {qubits, gates, measure}, {format, source} or {name}; at most 128 KiB"`
	TrapSeed     string  `json:"trap_seed_b64,omitempty" maxLength:"256" doc:"base64; tells requests apart. The traps' secret is the lease's seed"`
	QoS          any     `json:"qos,omitempty"`
}

// minerTask is the answer.
type minerTask struct {
	TaskID digest.Digest  `json:"task_id"`
	JobID  digest.Digest  `json:"job_id"`
	Status string         `json:"status" enum:"queued,running,completed,failed"`
	Who    *digest.Digest `json:"provider_id,omitempty"`
}

func (s *Server) mine(ctx context.Context, c aicf.Call, in *sent[minerJob]) (*answer[minerTask], error) {
	source, err := unbase64(in.Body.Circuit, maxRPCCircuit, "/circuit_json_b64")
	if err != nil {
		return nil, err
	}
	seed, err := unbase64(in.Body.TrapSeed, 192, "/trap_seed_b64")
	if err != nil {
		return nil, err
	}
	w := &wanted{source: source, width: in.Body.Width, depth: in.Body.Depth, shots: in.Body.Shots, trapPPM: uint64(math.Round(in.Body.TrapFraction * 1e6)), seed: seed}
	out, err := s.enqueue(ctx, payer(c), w, aicf.JobSubmission{})
	if err != nil {
		return nil, err
	}
	return &answer[minerTask]{minerTask{TaskID: out.JobID, JobID: out.JobID, Status: minerState(out.State)}}, nil
}

// unbase64 reads the standard alphabet; the limit is of bytes, before anything is allocated.
func unbase64(text string, limit int, field string) ([]byte, error) {
	if base64.StdEncoding.DecodedLen(len(text)) > limit+2 {
		return nil, aicf.Refuse(aicf.LimitExceeded, "more than %d bytes", limit).In(field)
	}
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In(field).Try("send standard base64 with its padding")
	}
	return out, nil
}

func (s *Server) mined(ctx context.Context, _ aicf.Call, in *named) (*answer[minerTask], error) {
	j, err := s.cfg.Network.Job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &answer[minerTask]{minerTask{TaskID: j.ID, JobID: j.ID, Status: minerState(j.State), Who: ofJob(j).Provider}}, nil
}

// minedResult gives the result as often as it is asked for: a GET changes nothing.
func (s *Server) minedResult(ctx context.Context, _ aicf.Call, in *named) (*answer[lineageResult], error) {
	j, err := s.cfg.Network.Job(ctx, in.ID)
	switch {
	case err != nil:
		return nil, err
	case !j.State.Final():
		return nil, aicf.Refuse(aicf.NoResultYet, "job %s is %s", j.ID, j.State).After(1000)
	case j.State != aicf.Completed:
		return nil, aicf.Refuse(aicf.JobExpired, "job %s is %s: %s", j.ID, j.State, j.Reason).Try("submit it again with another trap_seed_b64")
	}
	return give(s.resultOf(ctx, j))
}
