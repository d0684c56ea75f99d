package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/stats"
)

// The forms in which older clients read jobs, providers and results. Where their SDKs
// spell one thing in several ways the answer has each spelling.

const lineageKind = "QUANTUM"

// lineageState is a job's state in the lineage's words.
func lineageState(s aicf.JobState) string {
	switch s {
	case aicf.Delayed, aicf.Offered:
		s = aicf.Queued
	case aicf.Verifying:
		s = aicf.Leased
	}
	return string(s)
}

// minerState is a job's state in the words of the lineage's miner.
func minerState(s aicf.JobState) string {
	switch s {
	case aicf.Queued, aicf.Delayed, aicf.Offered:
		return "queued"
	case aicf.Leased, aicf.Verifying:
		return "running"
	case aicf.Completed:
		return "completed"
	}
	return "failed"
}

// lineageJob is a job as JSON-RPC shows it.
type lineageJob struct {
	ID        digest.Digest   `json:"id"`
	JobID     digest.Digest   `json:"job_id"`
	JobIDs    digest.Digest   `json:"jobId"`
	TaskID    digest.Digest   `json:"task_id"`
	TaskIDs   digest.Digest   `json:"taskId"`
	Kind      string          `json:"kind"`
	Status    string          `json:"status"`
	Requester digest.Digest   `json:"requester"`
	Caller    digest.Digest   `json:"caller"` // the account that asked
	Provider  *digest.Digest  `json:"provider_id"`
	Providers *digest.Digest  `json:"providerId"`
	Fee       aicf.Amount     `json:"fee"` // held at submission
	Units     uint64          `json:"units"`
	Width     uint64          `json:"width"`
	Depth     uint64          `json:"depth"`
	Shots     uint64          `json:"shots"`
	Created   int64           `json:"created_at"` // Unix seconds
	Updated   int64           `json:"updated_at"` // of the end, else of the submission
	CreatedAt string          `json:"createdAt"`  // the same, ISO 8601
	UpdatedAt string          `json:"updatedAt"`
	Reason    string          `json:"reason,omitempty"`
	Spec      json.RawMessage `json:"spec,omitempty"` // the guide's job document
	Result    *lineageOutcome `json:"result,omitempty"`
}

// lineageOutcome is what an accepted result leaves in the job.
type lineageOutcome struct {
	Claim     digest.Digest `json:"claim"`
	Nullifier digest.Digest `json:"nullifier"`
	Bundle    digest.Digest `json:"bundle,omitzero"`
	TrapPass  uint64        `json:"trap_pass"`
	TrapFail  uint64        `json:"trap_fail"`
	LatencyMS int64         `json:"latency_ms"`
}

func iso(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

func ofJob(j *aicf.Job) *lineageJob {
	updated := max(j.SubmittedMS, j.FinishedMS)
	out := &lineageJob{ID: j.ID, JobID: j.ID, JobIDs: j.ID, TaskID: j.ID, TaskIDs: j.ID, Kind: lineageKind, Status: lineageState(j.State), Requester: j.Requester, Caller: j.Requester,
		Fee: j.Escrow, Units: j.Units, Width: j.Width, Depth: j.Depth, Shots: j.Shots, Created: j.SubmittedMS / 1000, Updated: updated / 1000,
		CreatedAt: iso(j.SubmittedMS), UpdatedAt: iso(updated), Reason: j.Reason, Spec: j.Spec}
	if !j.Provider.IsZero() {
		out.Provider, out.Providers = &j.Provider, &j.Provider
	}
	if j.State == aicf.Completed {
		out.Result = &lineageOutcome{j.Claim, j.Nullifier, j.Bundle, j.TrapPass, j.TrapFail, j.LatencyMS}
	}
	return out
}

// lineageProvider is a provider as JSON-RPC shows it.
type lineageProvider struct {
	*aicf.Provider
	ID           digest.Digest `json:"id"`
	ProviderID   digest.Digest `json:"providerId"`
	Capabilities []string      `json:"capabilities"`
	Stake        aicf.Amount   `json:"stake"`
	Region       string        `json:"region,omitempty"` // the first of regions
}

func ofProvider(p *aicf.Provider) *lineageProvider {
	out := &lineageProvider{Provider: p, ID: p.ID, ProviderID: p.ID, Capabilities: []string{lineageKind}, Stake: p.Staked}
	if len(p.Regions) > 0 {
		out.Region = p.Regions[0]
	}
	return out
}

// lineageMetrics are the figures of a result. The ratio and its interval (Wilson, 95 %) are
// over the raw trap shots where the network judged them again; else the ratio is the share
// of certified shots, and the interval says nothing: 0 to 1.
type lineageMetrics struct {
	Units      uint64  `json:"quantum_units"`
	TrapsRatio float64 `json:"traps_ratio"`
	ConfLow    float64 `json:"conf_low"`
	ConfHigh   float64 `json:"conf_high"`
	QoS        float64 `json:"qos"` // 1: qos.success, else 0
	LatencyMS  int64   `json:"latency_ms"`
	Width      uint64  `json:"width"`
	Depth      uint64  `json:"depth"`
	Shots      uint64  `json:"shots"`
}

func metricsOf(j *aicf.Job, p *proofs.Proof, traps *aicf.TrapCounts) lineageMetrics {
	m := lineageMetrics{Units: j.Units, ConfHigh: 1, LatencyMS: j.LatencyMS, Width: j.Width, Depth: j.Depth, Shots: j.Shots}
	if p.Body.QoS.Success {
		m.QoS = 1
	}
	if all := p.Body.TrapPass + p.Body.TrapFail; all > 0 {
		m.TrapsRatio = float64(p.Body.TrapPass) / float64(all)
	}
	if traps != nil {
		k, n := traps.PassA+traps.PassB, traps.TrapsA+traps.TrapsB
		m.TrapsRatio = float64(k) / float64(n)
		m.ConfLow, m.ConfHigh = stats.Wilson(k, n, 0.05)
	}
	return m
}

// lineageResult is the record of a result: the miner's members, and those of the
// capability bridge around them.
type lineageResult struct {
	TaskID      digest.Digest   `json:"task_id"`
	TaskIDs     digest.Digest   `json:"taskId"`
	JobID       digest.Digest   `json:"jobId"`
	Kind        string          `json:"kind"`
	OK          bool            `json:"ok"`
	Status      string          `json:"status"`
	Reason      string          `json:"reason,omitempty"` // of a job that ended without a result
	ProviderID  *digest.Digest  `json:"provider_id"`
	Output      *digest.Digest  `json:"output_digest_hex,omitempty"` // the proof's hist_digest
	Attestation json.RawMessage `json:"attestation,omitempty"`       // the proof's attest
	Metrics     *lineageMetrics `json:"metrics,omitempty"`
	Result      *lineageOutcome `json:"result,omitempty"`
	Proof       json.RawMessage `json:"proof,omitempty"` // the QuantumProof
	CompletedAt float64         `json:"completed_at"`    // Unix seconds
}

// resultOf is the record of a job that is final.
func (s *Server) resultOf(ctx context.Context, j *aicf.Job) (*lineageResult, error) {
	view := ofJob(j)
	out := &lineageResult{TaskID: j.ID, TaskIDs: j.ID, JobID: j.ID, Kind: lineageKind, OK: j.State == aicf.Completed, Status: view.Status, Reason: j.Reason, ProviderID: view.Provider,
		Result: view.Result, CompletedAt: float64(j.FinishedMS) / 1000}
	if !out.OK {
		return out, nil
	}
	handed, err := s.cfg.Network.HandedIn(ctx, j.ID)
	if err != nil {
		return nil, err
	}
	for i := range handed {
		if handed[i].Lease.State == aicf.LeaseCompleted {
			return out, out.fill(j, &handed[i])
		}
	}
	return out, nil
}

func (r *lineageResult) fill(j *aicf.Job, h *network.Handed) error {
	p, err := proofs.Decode(h.Proof)
	if err != nil {
		return err
	}
	var traps *aicf.TrapCounts
	if h.Outcome != nil {
		traps = h.Outcome.Traps
	}
	m := metricsOf(j, p, traps)
	r.Metrics, r.Output, r.Proof = &m, &p.Body.HistDigest, h.Proof
	var envelope struct {
		Body struct {
			Attest json.RawMessage `json:"attest"`
		} `json:"body"`
	}
	if text, err := p.MarshalJSON(); err != nil {
		return err
	} else if err := json.Unmarshal(text, &envelope); err != nil {
		return err
	}
	r.Attestation = envelope.Body.Attest
	return nil
}
