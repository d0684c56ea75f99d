package agent

import (
	"encoding/json"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
)

// Run is what a proof says of an execution beyond its plan and outcome.
type Run struct {
	Plan    *engine.Plan
	Outcome *engine.Outcome
	// Statement is the root's word for the key that will sign.
	Statement *keys.KeyStatement
	TrapTier  string // who held the secret of the traps: job.TrapModeProcess, …
	Version   string // engine_version of X
	// Use is what the modules have cost; a driver's program has no row.
	Use               []engine.GuestUse
	Attest            proofs.Attest
	RunnerMeasurement []byte
	GovernanceSet     digest.Digest // zero: none
	Dev               bool
}

// Claim is what the run claims; proofs.Build makes a proof of it.
func (r *Run) Claim() proofs.Claim {
	p, o, f := r.Plan, r.Outcome, &r.Outcome.Result
	c := proofs.Claim{TrapTier: r.TrapTier, Lease: p.Task.Lease, CircuitHash: p.CircuitHash, Width: p.Width, Depth: p.Depth, Device: p.Device, Engine: r.Version,
		CompiledCircuitHash: p.CompiledHash, TrapPlanHash: p.TrapPlanHash, HistDigest: o.G, TrapPass: f.TrapPass, TrapFail: f.TrapFail,
		StartedUnixMS: f.StartedUnixMS, FinishedUnixMS: f.FinishedUnixMS, Status: f.Status, OutcomesRoot: o.OutcomesRoot, TrapReportHash: o.ReportHash,
		Attest: r.Attest, RunnerMeasurement: r.RunnerMeasurement, Dev: r.Dev, KeyStatement: r.Statement, GovernanceSet: r.GovernanceSet,
		Logged: proofs.Digests{J: p.J, M: p.M, D: p.D, X: p.X, G: o.G, R: o.R}}
	for _, m := range p.Modules {
		row := proofs.Module{ModuleFrame: m}
		for _, use := range r.Use {
			if use.Slot == m.Slot {
				row.MeteredSHA3 = use.Metered
			}
		}
		c.Modules = append(c.Modules, row)
	}
	return c
}

// Bundle is what an offline verifier needs of the run, around its signed proof. journal is
// what the engine logged, modules the WebAssembly that ran, by hash.
func (r *Run) Bundle(proof *proofs.Proof, journal []byte, modules map[digest.Digest][]byte) (*proofs.Bundle, error) {
	p, o := r.Plan, r.Outcome
	b := &proofs.Bundle{Compiled: p.CompiledBytes, Report: o.Report, Policy: p.Task.Policy.Document, Journal: journal, Modules: modules}
	var err error
	if b.Circuit, err = p.Task.Circuit.CanonicalBytes(); err != nil {
		return nil, err
	}
	if b.Outcomes, err = o.Outcomes.MarshalBinary(); err != nil {
		return nil, err
	}
	if b.Lease, err = json.MarshalIndent(p.Task.Lease, "", "  "); err != nil {
		return nil, err
	}
	if len(o.Hist.Bins) <= proofs.MaxCounts {
		if b.Counts, err = proofs.CountsJSON(o.Hist); err != nil {
			return nil, err
		}
	}
	return b, b.SetProof(proof)
}
