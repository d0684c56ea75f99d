package proofs

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Claim is everything that an executor knows about a finished job.
type Claim struct {
	Lease               *job.Lease // job.Local for a bare job
	CircuitHash         digest.Digest
	Width, Depth        uint64 // the circuit's own
	Modules             []Module
	Device              transcript.DeviceFrame
	Engine              string // engine_version of X
	RunnerMeasurement   []byte
	CompiledCircuitHash digest.Digest
	TrapPlanHash        digest.Digest
	HistDigest          digest.Digest // G
	TrapPass, TrapFail  uint64
	StartedUnixMS       uint64
	FinishedUnixMS      uint64
	Status              uint64
	OutcomesRoot        digest.Digest
	TrapReportHash      digest.Digest
	TrapTier            string // who held the secret of the traps: a trap mode
	Attest              Attest
	GovernanceSet       digest.Digest // digest of the module set in force; zero: none was consulted
	Dev                 bool          // sets FlagDev
	KeyStatement        *keys.KeyStatement
	// Logged are the digests that the executor logged while it ran; those that
	// are not zero must come out equal.
	Logged Digests
}

// Build computes the envelope of a claim. It is unsigned; Sign completes it.
func Build(c Claim) (*Proof, error) {
	if c.Lease == nil || c.Lease.Job == nil || c.KeyStatement == nil {
		return nil, fmt.Errorf("claim without lease, job or key statement: %w", ErrEnvelope)
	}
	l, j := c.Lease, c.Lease.Job
	p := &Proof{Body: Body{ProviderID: c.KeyStatement.ProviderID, CircuitHash: c.CircuitHash, Shots: j.Spec.Shots, TrapRatioPPM: j.Spec.TrapRatioPPM,
		TrapPass: c.TrapPass, TrapFail: c.TrapFail, HistDigest: c.HistDigest, Attest: c.Attest}}
	if c.FinishedUnixMS < c.StartedUnixMS {
		return nil, fmt.Errorf("finished at %d ms, started at %d ms: the clock went backwards: %w", c.FinishedUnixMS, c.StartedUnixMS, ErrEnvelope)
	}
	p.Body.QoS = QoS{LatencyMS: c.FinishedUnixMS - c.StartedUnixMS, Success: c.Status == transcript.StatusCompleted}
	p.Body.Binding = Binding{ChainID: l.ChainID, Round: l.Round, JobID: l.JobID, LeaseID: l.LeaseID, Seed: l.Seed,
		Params: Params{j.Spec.CircuitID, j.Spec.TrapMode, l.PolicyHash, j.Spec.TrapFamily}, TrapTier: c.TrapTier, Width: c.Width, Depth: c.Depth,
		Spec: SpecBinding{j.Spec.Seed, j.MaxLatencyMS, j.PriceUnits}, Modules: c.Modules, Device: c.Device, Engine: c.Engine,
		RunnerMeasurement: c.RunnerMeasurement, CompiledCircuitHash: c.CompiledCircuitHash, TrapPlanHash: c.TrapPlanHash,
		StartedUnixMS: c.StartedUnixMS, FinishedUnixMS: c.FinishedUnixMS, Status: c.Status, OutcomesRoot: c.OutcomesRoot,
		TrapReportHash: c.TrapReportHash, GovernanceSet: c.GovernanceSet, KeyStatement: *c.KeyStatement}
	if c.Dev {
		p.Body.Binding.Flags |= FlagDev
	}
	if l.Signed() {
		p.Body.Binding.Lease = &LeaseBinding{Fence: l.Fence, IssuedMS: l.IssuedMS, TTLMS: l.TTLMS, DeadlineMS: l.DeadlineMS, Nonce: l.Nonce,
			Beacon: l.Beacon, Public: l.Public, SignedAtUnix: l.Sig.SignedAtUnix, Sig: l.Sig.Sig}
		if l.ProviderID != p.Body.ProviderID {
			return nil, fmt.Errorf("lease is for provider %s, the key statement for %s: %w", l.ProviderID, p.Body.ProviderID, ErrEnvelope)
		}
	}
	if err := p.fill(); err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	if l.Signed() && l.JobHash != p.Body.Binding.JobHash {
		return nil, fmt.Errorf("the lease is for job_hash %s, the job hashes to %s: %w", l.JobHash, p.Body.Binding.JobHash, ErrEnvelope)
	}
	return p, p.checkLogged(c.Logged)
}

func (p *Proof) checkLogged(logged Digests) error {
	got := p.Body.Binding.Digests
	for _, d := range []struct {
		name        string
		logged, got digest.Digest
	}{{"J", logged.J, got.J}, {"M", logged.M, got.M}, {"D", logged.D, got.D}, {"X", logged.X, got.X}, {"G", logged.G, got.G}, {"R", logged.R, got.R}} {
		if !d.logged.IsZero() && d.logged != d.got {
			return fmt.Errorf("%s was logged as %s, the claim gives %s: %w", d.name, d.logged, d.got, ErrEnvelope)
		}
	}
	_, err := p.cbor(true)
	return err
}

// Sign replaces the signatures by one of the operational key over C. nowUnix is
// in seconds.
func (p *Proof) Sign(ctx context.Context, s keys.Signer, nowUnix uint64) error {
	if id := p.Body.Binding.KeyStatement.KeyID(); s.KeyID() != id {
		return fmt.Errorf("signing with key %s, the key statement is for %s: %w", s.KeyID(), id, keys.ErrRole)
	}
	c, err := p.Claim()
	if err != nil {
		return err
	}
	sig, err := keys.Sign(ctx, s, keys.PurposeProof, c, nowUnix)
	if err != nil {
		return err
	}
	p.Body.Binding.Signatures = []keys.Signature{sig}
	return nil
}
