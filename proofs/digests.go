package proofs

import (
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// ModuleSet is the set that M hashes.
func (p *Proof) ModuleSet() transcript.ModuleSet {
	set := make(transcript.ModuleSet, len(p.Body.Binding.Modules))
	for i, m := range p.Body.Binding.Modules {
		set[i] = m.ModuleFrame
	}
	return set
}

// Module returns the entry of a slot.
func (p *Proof) Module(slot string) (Module, bool) {
	for _, m := range p.Body.Binding.Modules {
		if m.Slot == slot {
			return m, true
		}
	}
	return Module{}, false
}

// paramsFrame is what params_hash hashes.
func (p *Proof) paramsFrame() transcript.JobParams {
	b := &p.Body.Binding
	return transcript.JobParams{JobID: b.JobID, CircuitID: b.Params.CircuitID, Width: b.Width, Depth: b.Depth,
		TrapRatioPPM: p.Body.TrapRatioPPM, TrapMode: b.Params.TrapMode, PolicyHash: b.Params.PolicyHash, TrapFamily: b.Params.TrapFamily}
}

func (p *Proof) jobSpecFrame() transcript.JobSpecFrame {
	b := &p.Body.Binding
	return transcript.JobSpecFrame{JobID: b.JobID, Kind: "quantum", CircuitHash: p.Body.CircuitHash, Width: b.Width, Depth: b.Depth,
		Shots: p.Body.Shots, TrapRatioPPM: p.Body.TrapRatioPPM, TrapMode: b.Params.TrapMode, SpecSeed: b.Spec.Seed,
		MaxLatencyMS: b.Spec.MaxLatencyMS, PriceUnits: b.Spec.PriceUnits, TrapFamily: b.Params.TrapFamily}
}

func (p *Proof) jobFrame() (transcript.JobFrame, error) {
	b := &p.Body.Binding
	params, err := p.paramsFrame().Hash()
	return transcript.JobFrame{ChainID: b.ChainID, Round: b.Round, LeaseID: b.LeaseID, CircuitHash: p.Body.CircuitHash,
		Shots: p.Body.Shots, Seed: b.Seed, ParamsHash: params}, err
}

// execFrame takes J, M and D as carried, so that each check names one digest.
func (p *Proof) execFrame() transcript.ExecFrame {
	b := &p.Body.Binding
	return transcript.ExecFrame{JobDigest: b.Digests.J, ProviderID: p.Body.ProviderID, CompiledCircuitHash: b.CompiledCircuitHash,
		ModuleSetHash: b.Digests.M, DeviceHash: b.Digests.D, EngineVersion: b.Engine, RunnerMeasurement: b.RunnerMeasurement, TrapPlanHash: b.TrapPlanHash}
}

func (p *Proof) resultFrame() transcript.ResultFrame {
	b := &p.Body.Binding
	return transcript.ResultFrame{ResultV1: transcript.ResultV1{ExecDigest: b.Digests.X, HistDigest: b.Digests.G, TrapPass: p.Body.TrapPass,
		TrapFail: p.Body.TrapFail, StartedUnixMS: b.StartedUnixMS, FinishedUnixMS: b.FinishedUnixMS, Status: b.Status},
		OutcomesRoot: b.OutcomesRoot, TrapReportHash: b.TrapReportHash}
}

// fill computes job_hash, J, M, D, X, R and N from the other members, in the
// order in which they depend on each other.
func (p *Proof) fill() error {
	b := &p.Body.Binding
	job, err := p.jobFrame()
	if err != nil {
		return fmt.Errorf("params: %w", err)
	}
	b.Digests.G = p.Body.HistDigest
	for _, s := range []struct {
		what string
		to   *digest.Digest
		sum  func() (digest.Digest, error)
	}{
		{"job_hash", &b.JobHash, func() (digest.Digest, error) { return transcript.Sum(p.jobSpecFrame()) }},
		{"J", &b.Digests.J, func() (digest.Digest, error) { return transcript.Sum(job) }},
		{"M", &b.Digests.M, func() (digest.Digest, error) { return transcript.Sum(p.ModuleSet()) }},
		{"D", &b.Digests.D, func() (digest.Digest, error) { return transcript.Sum(b.Device) }},
		{"X", &b.Digests.X, func() (digest.Digest, error) { return transcript.Sum(p.execFrame()) }},
		{"R", &b.Digests.R, func() (digest.Digest, error) { return transcript.Sum(p.resultFrame()) }},
		{"nullifier", &p.Nullifier, func() (digest.Digest, error) {
			return transcript.Nullifier(b.ChainID, b.JobID, p.Body.ProviderID)
		}},
	} {
		if *s.to, err = s.sum(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

// Claim is C, the digest that the provider signs. It is recomputed wherever it
// is needed and never carried.
func (p *Proof) Claim() (digest.Digest, error) {
	e, err := p.EnvelopeSHA3()
	if err != nil {
		return digest.Digest{}, err
	}
	return transcript.Sum(transcript.ClaimFrame{Result: p.Body.Binding.Digests.R, Nullifier: p.Nullifier, EnvelopeSHA3: e})
}
