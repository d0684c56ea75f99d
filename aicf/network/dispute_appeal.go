package network

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/penalty"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs"
)

// appeal judges counter-evidence: a bundle whose transcript the device or TEE signed. It
// must verify as a result of the disputed lease does, with evidence of level device-signed
// or better, and answer the accusation:
//
//   - one lease: it is the bundle of the disputed claim;
//   - a double result: it is the bundle of the other claim, and both are the same execution
//     with the same outcomes (X, G, outcomes root and trap report), handed in twice;
//   - a late window: it is the bundle of one of the window's late jobs, and the window does
//     not fail when the time is taken away in which the network itself stood still;
//   - a fraud document: the accusation does not hold when it is judged again.
//
// Other window faults rest on the network's own counts, which no bundle changes.
func (s *Service) appeal(ctx context.Context, c aicf.Call, d aicf.Dispute) (*aicf.DisputeOutcome, error) {
	var row *penalty.Row
	if err := s.db.View(ctx, func(t *store.Tx) (err error) {
		row, err = penalty.Find(t, d.SlashID)
		return err
	}); err != nil {
		return nil, err
	}
	if err := s.acts(c, row.Provider); err != nil {
		return nil, err
	}
	if row.State != aicf.SlashHeld && row.State != aicf.SlashAppealed {
		return nil, aicf.Refuse(aicf.Conflict, "slash %s is %s", row.ID, row.State)
	}
	why, ok, err := s.answers(ctx, row, d.Bundle)
	if err != nil {
		return nil, err
	}
	out := &aicf.DisputeOutcome{Accepted: ok, Reason: why}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.DisputeOutcome, error) {
		again, err := penalty.Find(t, row.ID)
		if err != nil {
			return nil, err
		}
		if again.AppealTill < term.Round {
			return nil, aicf.Refuse(aicf.Conflict, "the appeal window of slash %s ended with round %d, this is round %d", row.ID, again.AppealTill, term.Round)
		}
		if ok {
			err = penalty.Reverse(t, term, again, why)
		} else {
			err = penalty.Appealed(t, again, d, why)
		}
		out.Slash = again.View()
		return out, err
	})
}

// answers says whether a bundle answers the accusation of a slash, and why.
func (s *Service) answers(ctx context.Context, row *penalty.Row, bundle digest.Digest) (why string, ok bool, err error) {
	if bundle.IsZero() {
		return "no counter-evidence is named", false, nil
	}
	b, p, claim, why, err := s.evidence(ctx, bundle)
	if err != nil || why != "" {
		return why, false, err
	}
	counter := &counterEvidence{Service: s, row: row, name: bundle, bundle: b, proof: p, claim: claim}
	switch row.Reason {
	case aicf.ReasonDouble:
		return counter.sameResult(ctx)
	case aicf.ReasonLatency:
		return counter.networkStood(ctx)
	case aicf.ReasonFraud:
		return counter.unfounded(ctx)
	}
	if row.Lease.IsZero() {
		return "the fault is of a window that the network counted; a bundle does not change its counts", false, nil
	}
	l, j, err := counter.lease(ctx, row.Lease)
	if err != nil {
		return "", false, err
	}
	if claim != l.Claim {
		return fmt.Sprintf("the bundle is of claim %s, the slash is about %s", claim, l.Claim), false, nil
	}
	if why, err := counter.verify(ctx, l, j, nullifiers{s}); err != nil || why != "" {
		return why, false, err
	}
	return "the device's signed transcript verifies, outcomes and traps included", true, nil
}

// evidence reads a stored bundle; why says what is wrong with it.
func (s *Service) evidence(ctx context.Context, name digest.Digest) (b *proofs.Bundle, p *proofs.Proof, claim digest.Digest, why string, err error) {
	raw, err := s.read(ctx, name)
	if err != nil {
		return nil, nil, claim, "", err
	}
	if b, err = proofs.ReadTar(bytes.NewReader(raw)); err != nil {
		return nil, nil, claim, fmt.Sprintf("the bundle is refused: %v", err), nil
	}
	if p, err = proofs.Decode(b.Proof); err != nil {
		return nil, nil, claim, fmt.Sprintf("the proof is refused: %v", err), nil
	}
	if claim, err = p.Claim(); err != nil {
		return nil, nil, claim, fmt.Sprintf("the proof is refused: %v", err), nil
	}
	return b, p, claim, "", nil
}

// counterEvidence is a bundle that an appeal brings.
type counterEvidence struct {
	*Service
	row    *penalty.Row
	name   digest.Digest
	bundle *proofs.Bundle
	proof  *proofs.Proof
	claim  digest.Digest
}

func (e *counterEvidence) lease(ctx context.Context, id digest.Digest) (l *queue.LeaseRow, j *queue.JobRow, err error) {
	err = e.db.View(ctx, func(t *store.Tx) (err error) {
		if l, err = queue.FindLease(t, id); err == nil {
			j, err = queue.Find(t, l.JobID)
		}
		return err
	})
	return l, j, err
}

// verify verifies the bundle as a result of the lease, signed by the device. used holds
// the nullifiers of accepted claims; nil where the claim is none.
func (e *counterEvidence) verify(ctx context.Context, l *queue.LeaseRow, j *queue.JobRow, used proofs.NullifierStore) (why string, err error) {
	copied := *l
	copied.Proof, copied.Bundle = string(e.bundle.Proof), e.name
	v, err := e.verifyAt(ctx, &copied, j, proofs.LevelDeviceSigned, used)
	if err != nil || v.failure == nil {
		return "", err
	}
	return "the counter-evidence does not verify: " + v.failure.Message, nil
}

// sameResult answers the accusation of two claims under one fence: the second one is the
// first execution again, with other times.
func (e *counterEvidence) sameResult(ctx context.Context) (why string, ok bool, err error) {
	var doc faultDocument
	if err := json.Unmarshal([]byte(e.row.Document), &doc); err != nil {
		return "", false, fmt.Errorf("document of slash %s: %w", e.row.ID, err)
	}
	if e.claim != doc.Other {
		return fmt.Sprintf("the bundle is of claim %s, the second claim under the fence is %s", e.claim, doc.Other), false, nil
	}
	l, j, err := e.lease(ctx, e.row.Lease)
	if err != nil {
		return "", false, err
	}
	first, err := proofs.Decode([]byte(l.Proof))
	if err != nil {
		return "", false, fmt.Errorf("proof of lease %s: %w", l.ID, err)
	}
	a, b := &first.Body.Binding, &e.proof.Body.Binding
	if a.Digests.X != b.Digests.X || a.Digests.G != b.Digests.G || a.OutcomesRoot != b.OutcomesRoot || a.TrapReportHash != b.TrapReportHash {
		return "the two claims are of two executions, or of other outcomes", false, nil
	}
	if why, err := e.verify(ctx, l, j, nil); err != nil || why != "" {
		return why, false, err
	}
	return "both claims are of one execution with the same outcomes, signed by the device; only their times differ", true, nil
}

// networkStood answers for a late window.
func (e *counterEvidence) networkStood(ctx context.Context) (why string, ok bool, err error) {
	var late []queue.LeaseRow
	var of *queue.LeaseRow
	var finding string
	if err := e.view(ctx, func(t *store.Tx, term *epoch.Term) error {
		jobs, err := penalty.LateJobs(t, e.row)
		if err != nil {
			return err
		}
		onTime := map[digest.Digest]bool{}
		for _, j := range jobs {
			l, err := store.Get[queue.LeaseRow](t, "WHERE job_seq = (SELECT seq FROM job WHERE id = ?) AND state = 'completed'", j.Job)
			if errors.Is(err, store.ErrNone) { // a rejected result's: nobody takes it away
				continue
			} else if err != nil {
				return err
			}
			late = append(late, *l)
			if l.Claim == e.claim {
				of = l
			}
			stood, err := epoch.StoodStill(t, l.Round, l.AckedMS, l.ReceivedMS, int64(term.Rules.RoundMS))
			if err != nil {
				return err
			}
			onTime[j.Job] = j.LatencyMS-stood <= j.MaxMS
		}
		finding, err = penalty.Recount(t, term, e.row, onTime)
		return err
	}); err != nil {
		return "", false, err
	}
	if of == nil {
		return fmt.Sprintf("claim %s is of none of the window's %d late jobs", e.claim, len(late)), false, nil
	}
	_, j, err := e.lease(ctx, of.ID)
	if err != nil {
		return "", false, err
	}
	if why, err := e.verify(ctx, of, j, nullifiers{e.Service}); err != nil || why != "" {
		return why, false, err
	}
	if finding != "" {
		return "counted again without the time in which the network stood still, the window fails by " + finding, false, nil
	}
	return "counted again without the time in which the network stood still, the window holds", true, nil
}

// unfounded answers an accusation: the bundle is the accused claim's, and judging it again
// does not give what the document says.
func (e *counterEvidence) unfounded(ctx context.Context) (why string, ok bool, err error) {
	l, j, err := e.lease(ctx, e.row.Lease)
	if err != nil {
		return "", false, err
	}
	if e.claim != l.Claim {
		return fmt.Sprintf("the bundle is of claim %s, the slash is about %s", e.claim, l.Claim), false, nil
	}
	if why, err := e.verify(ctx, l, j, nullifiers{e.Service}); err != nil || why != "" {
		return why, false, err
	}
	fraud, audit := accusationOf([]byte(e.row.Document))
	if f, err := e.fraud(ctx, fraud, audit); err == nil {
		return "the device's signature does not answer the accusation, which judged again still holds: " + f.Why, false, nil
	} else if aicf.CodeOf(err) == aicf.StorageFailed {
		return "", false, err
	}
	return "judged again, the accusation does not hold", true, nil
}
