package network

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/penalty"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
)

// rejudgeChecks may not be skipped where the bundle is judged again.
var rejudgeChecks = []string{"lease_signature", "seed", "circuit_hash", "bundle", "outcomes_root", "trap_report", "trap_policy", "traps", "freshness"}

// verified is what verification says of a result.
type verified struct {
	accepted     queue.Accepted
	failure      *aicf.Fault // nil: accepted
	insufficient bool        // an honest result without a verdict
	fault        string      // reason of a slash; empty: none
	check        string      // the step that failed
	sample       penalty.Sample
}

// verify runs the full verification of a stored result.
func (s *Service) verify(ctx context.Context, l *queue.LeaseRow, j *queue.JobRow) (*verified, error) {
	return s.verifyAt(ctx, l, j, "", nullifiers{s})
}

// verifyAt is verify with a least level of evidence (empty: none) and the nullifiers of
// accepted claims (nil: they are not asked for).
func (s *Service) verifyAt(ctx context.Context, l *queue.LeaseRow, j *queue.JobRow, least proofs.Level, used proofs.NullifierStore) (*verified, error) {
	v := &verified{sample: penalty.Sample{Job: l.JobID, LatencyMS: l.ReceivedMS - l.AckedMS, MaxMS: j.MaxLatencyMS}}
	in := proofs.Input{Proof: []byte(l.Proof), ReceiptMS: uint64(l.ReceivedMS), Nullifiers: used,
		Policy: proofs.Policy{ServiceKeys: []digest.Digest{s.cfg.Service.KeyID()}, RequireLease: true, RefuseDev: !s.cfg.Dev, MinLevel: least}}
	if err := s.db.View(ctx, func(t *store.Tx) error {
		chain, err := registry.ChainOf(t, l.Provider)
		if chain != nil {
			in.Policy.Chains = []*keys.Chain{chain}
		}
		return err
	}); err != nil {
		return nil, err
	}
	if !l.Bundle.IsZero() {
		raw, err := s.read(ctx, l.Bundle)
		if err != nil {
			return nil, err
		}
		if in.Bundle, err = proofs.ReadTar(bytes.NewReader(raw)); err != nil {
			v.failure, v.check = aicf.Refuse(aicf.ProofError, "bundle: %v", err), "bundle"
			return v, nil
		}
		in.Policy.Require = rejudgeChecks
	}
	if j.Sealed() {
		in.Policy.Require = append(slices.Clone(in.Policy.Require), "attestation")
	}
	policy, err := trapPolicy(j.TrapPolicy)
	if err != nil {
		return nil, err
	}
	in.TrapPolicies = map[digest.Digest][]byte{j.TrapPolicy: policy.Record.Append(nil)}
	if s.cfg.Wire != nil {
		s.cfg.Wire(&in)
	}
	report, err := proofs.Verify(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("verifying lease %s: %w", l.ID, err)
	}
	v.read(report, in.Bundle, l)
	return v, nil
}

func trapPolicy(hash digest.Digest) (*job.TrapPolicy, error) {
	for _, name := range []string{job.ExactPolicy, "ref@1"} {
		p, err := job.NamedTrapPolicy(name)
		if err != nil {
			return nil, err
		}
		if h, err := p.Hash(); err == nil && h == hash {
			return p, nil
		}
	}
	return nil, fmt.Errorf("trap policy %s is not known", hash)
}

func (s *Service) read(ctx context.Context, sha3 digest.Digest) ([]byte, error) {
	f, err := s.blobs.Open(ctx, sha3)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, store.MaxBlob+1))
}

// skewMS is the tolerated difference between a provider's clock and ours.
const skewMS = 60_000

// read turns a report into the network's view.
func (v *verified) read(r *proofs.Report, b *proofs.Bundle, l *queue.LeaseRow) {
	if r.Proof != nil {
		v.accepted = queue.Accepted{Claim: r.Claim, Nullifier: r.Proof.Nullifier, TrapPass: r.Proof.Body.TrapPass, TrapFail: r.Proof.Body.TrapFail}
	}
	rejudged := passed(r, "traps")
	if rejudged && b != nil {
		if c, ok := proofs.CountsOf(b.Report); ok {
			v.sample.PassA, v.sample.TrapsA, v.sample.RateA, v.sample.PassB, v.sample.TrapsB, v.sample.RateB = c.KA, c.NA, c.PA, c.KB, c.NB, c.PB
			v.insufficient = c.Insufficient
		}
	}
	switch f := r.Failure; {
	case f == nil && int64(r.Proof.Body.QoS.LatencyMS) > v.sample.LatencyMS+skewMS:
		v.failure, v.check = aicf.Refuse(aicf.ProofError, "qos.latency_ms is %d, the service measured %d", r.Proof.Body.QoS.LatencyMS, v.sample.LatencyMS), "qos"
	case f != nil:
		v.failure, v.check = aicf.Refuse(codeOf(f), "%s: %s", f.Check, f.Message), f.Check
		if passed(r, "signatures") {
			v.fault = faultOf[f.Check]
		}
	}
	v.insufficient = v.insufficient && v.check == "verdict"
	v.sample.Good = v.failure == nil
}

func passed(r *proofs.Report, name string) bool {
	c, ok := r.Check(name)
	return ok && c.OK && !c.Skipped
}

func codeOf(f *proofs.Failure) aicf.Code {
	switch f.Name {
	case "TrapMismatch":
		return aicf.TrapMismatch
	case "SchemaError":
		return aicf.SchemaError
	case "NullifierReuseError":
		return aicf.NullifierReuse
	case "PolicyMismatch", "ModuleNotAllowed":
		return aicf.PolicyMismatch
	case "AttestationError", "ProviderKeyInvalid", "ProviderSignatureInvalid", "LeaseSignatureInvalid":
		return aicf.AttestationError
	}
	return aicf.ProofError
}

// faultOf are the checks whose failure, under the provider's own signature, is
// an objective fault. A verdict that says fail is honest and none.
var faultOf = map[string]string{
	"traps": aicf.ReasonTraps, "trap_report": aicf.ReasonTraps, "outcomes_root": aicf.ReasonTraps, "counts": aicf.ReasonTraps, "hist_digest": aicf.ReasonTraps,
	"attestation": aicf.ReasonAttestation, "lease_signature": aicf.ReasonAttestation, "nullifier": aicf.ReasonAttestation, "module_policy": aicf.ReasonAttestation,
}

// nullifiers is the store as a verifier asks it.
type nullifiers struct{ s *Service }

// Lookup implements proofs.NullifierStore.
func (n nullifiers) Lookup(ctx context.Context, nullifier digest.Digest) (claim digest.Digest, found bool, err error) {
	err = n.s.db.View(ctx, func(t *store.Tx) error {
		err := t.Scan("SELECT claim FROM nullifier WHERE nullifier = ?", []any{nullifier}, &claim)
		if found = err == nil; err == store.ErrNone {
			return nil
		}
		return err
	})
	return claim, found, err
}

// conclude stores the outcome of a verification: pay, or the job back into the
// queue; the sample of the window; a proposal for an objective fault.
func (s *Service) conclude(t *store.Tx, term *epoch.Term, l *queue.LeaseRow, j *queue.JobRow, v *verified) error {
	now, err := queue.FindLease(t, l.ID)
	if err != nil || now.State != aicf.LeaseVerifying {
		return err
	}
	out := &aicf.ResultOutcome{LeaseID: l.ID, JobID: l.JobID, Fence: l.Fence, Status: aicf.LeaseCompleted, Claim: l.Claim, Nullifier: v.accepted.Nullifier, TrapPass: v.accepted.TrapPass,
		TrapFail: v.accepted.TrapFail, LatencyMS: v.sample.LatencyMS, Late: v.sample.MaxMS > 0 && v.sample.LatencyMS > v.sample.MaxMS, Epoch: term.Epoch}
	if n := &v.sample; n.TrapsA+n.TrapsB > 0 {
		out.Traps = &aicf.TrapCounts{PassA: n.PassA, TrapsA: n.TrapsA, PassB: n.PassB, TrapsB: n.TrapsB}
	}
	if v.failure == nil || v.insufficient && j.InsufficientOK {
		err = s.accept(t, term, now, j, v, out)
	} else {
		err = s.refuse(t, term, now, v, out)
	}
	if err != nil {
		return err
	}
	out.Receipt = receipt(t, l.Claim)
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	if _, err := t.Exec("UPDATE lease SET outcome = ? WHERE id = ?", string(b), l.ID); err != nil {
		return err
	}
	return penalty.Judged(t, term, l.Provider, v.sample)
}

func (s *Service) accept(t *store.Tx, term *epoch.Term, l *queue.LeaseRow, j *queue.JobRow, v *verified, out *aicf.ResultOutcome) error {
	if _, err := queue.Complete(t, l, v.accepted, ""); err != nil {
		return err
	}
	if v.failure != nil {
		return settle.RefundAll(t, j.ID, "insufficient traps: nothing is paid")
	}
	p, err := s.cal.PolicyOf(t, j.Policy)
	if err != nil {
		return err
	}
	line, err := settle.Accrue(t, term, p, l, v.accepted, "")
	if err != nil {
		return err
	}
	out.Units, out.Accrued = line.Payable, line.Share
	return nil
}

func (s *Service) refuse(t *store.Tx, term *epoch.Term, l *queue.LeaseRow, v *verified, out *aicf.ResultOutcome) error {
	out.Status, out.Failure = aicf.LeaseRejected, v.failure
	if _, err := queue.Reject(t, term, l, v.failure, ""); err != nil || v.fault == "" {
		return err
	}
	_, err := penalty.Propose(t, term, penalty.Accusation{Provider: l.Provider, Job: l.JobID, Lease: l.ID, Reason: v.fault,
		Document: faultDocument{LeaseID: l.ID, JobID: l.JobID, Fence: l.Fence, Claim: l.Claim, Bundle: l.Bundle, Proof: digest.Sum([]byte(l.Proof)), Check: v.check, Message: v.failure.Message}})
	return err
}

// faultDocument is the evidence of a fault that verification found: whoever has
// proof and bundle finds it again.
type faultDocument struct {
	LeaseID digest.Digest `json:"lease_id"`
	JobID   digest.Digest `json:"job_id"`
	Fence   uint64        `json:"fence"`
	Claim   digest.Digest `json:"claim"`
	Bundle  digest.Digest `json:"bundle"`
	Proof   digest.Digest `json:"proof_sha3"`
	Check   string        `json:"check"`
	Message string        `json:"message"`
	Other   digest.Digest `json:"other_claim,omitzero"` // of a double result
}

// twoClaims answers a second claim under one fence. If the provider signed it,
// it is evidence.
func (s *Service) twoClaims(ctx context.Context, c aicf.Call, l *queue.LeaseRow, proof []byte, claim digest.Digest) error {
	refused := aicf.Refuse(aicf.LeaseFenced, "claim %s was handed in under this fence already", l.Claim)
	r, err := proofs.Verify(ctx, proofs.Input{Proof: proof, Policy: proofs.Policy{ServiceKeys: []digest.Digest{s.cfg.Service.KeyID()}, RequireLease: true}})
	if err != nil {
		return err
	}
	if !passed(r, "keys") || !passed(r, "signatures") || !passed(r, "lease_signature") {
		return refused
	}
	if err := s.db.Update(ctx, c.NowMS, func(t *store.Tx) error {
		term, err := s.cal.Now(t)
		if err != nil {
			return err
		}
		_, err = penalty.Propose(t, term, penalty.Accusation{Provider: l.Provider, Job: l.JobID, Lease: l.ID, Reason: aicf.ReasonDouble,
			Document: faultDocument{LeaseID: l.ID, JobID: l.JobID, Fence: l.Fence, Claim: l.Claim, Other: claim, Proof: digest.Sum(proof), Check: "double_result"}})
		return err
	}); err != nil {
		return err
	}
	return refused
}
