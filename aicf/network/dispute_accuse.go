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
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
)

// accuse judges a quantum_fraud_v1 document against a claim that was accepted here, with
// the quantum_audit_v1 document where it rests on one. One claim is accused once: whoever
// comes later gets the proposal that is there, whatever became of it.
func (s *Service) accuse(ctx context.Context, c aicf.Call, d aicf.Dispute) (*aicf.DisputeOutcome, error) {
	f, err := s.fraud(ctx, d.Fraud, d.Audit)
	if aicf.CodeOf(err) != "" {
		return nil, err
	} else if err != nil {
		return nil, aicf.Refuse(aicf.ProofError, "%v", err).In("/fraud").Try("engine traps fraud BUNDLE --check FILE [--audit FILE] says which part")
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.DisputeOutcome, error) {
		l, err := accepted(t, f.Claim)
		if err != nil {
			return nil, err
		}
		row, err := store.Get[penalty.Row](t, "WHERE provider_id = ? AND lease_id = ? AND reason = ? ORDER BY seq LIMIT 1", l.Provider, l.ID, aicf.ReasonFraud)
		switch {
		case err == nil:
			return &aicf.DisputeOutcome{Slash: row.View(), Accepted: row.State != aicf.SlashReversed, Reason: "the claim was accused before"}, nil
		case !errors.Is(err, store.ErrNone):
			return nil, err
		}
		row, err = penalty.Propose(t, term, penalty.Accusation{Provider: l.Provider, Job: l.JobID, Lease: l.ID, Reporter: c.Account, Reason: aicf.ReasonFraud, Document: accusation(d.Fraud, d.Audit)})
		if err != nil {
			return nil, err
		}
		return &aicf.DisputeOutcome{Slash: row.View(), Accepted: true, Reason: f.Why}, nil
	})
}

// accepted is the lease of a claim that earned here.
func accepted(t *store.Tx, claim digest.Digest) (*queue.LeaseRow, error) {
	var id digest.Digest
	err := t.Scan("SELECT lease_id FROM claim_line WHERE claim = ?", []any{claim}, &id)
	if errors.Is(err, store.ErrNone) {
		return nil, aicf.Refuse(aicf.NotFound, "claim %s was not accepted here", claim).In("/fraud")
	} else if err != nil {
		return nil, err
	}
	return queue.FindLease(t, id)
}

// accusationDocument is the evidence of a slash that rests on a target audit.
type accusationDocument struct {
	Fraud json.RawMessage `json:"fraud"`
	Audit json.RawMessage `json:"audit"`
}

func accusation(fraud, audit json.RawMessage) any {
	if len(audit) == 0 {
		return fraud
	}
	return accusationDocument{fraud, audit}
}

// accusationOf undoes accusation.
func accusationOf(document []byte) (fraud, audit []byte) {
	var d accusationDocument
	if err := json.Unmarshal(document, &d); err == nil && len(d.Fraud) > 0 {
		return d.Fraud, d.Audit
	}
	return document, nil
}

// fraud judges an accusation.
func (s *Service) fraud(ctx context.Context, document, audit []byte) (*Fraud, error) {
	if s.cfg.Fraud != nil {
		return s.cfg.Fraud(ctx, document, audit)
	}
	return s.judgeFraud(ctx, document, audit)
}

// judgeFraud verifies an accusation with the bundle that the accused handed in.
func (s *Service) judgeFraud(ctx context.Context, document, audit []byte) (*Fraud, error) {
	st, err := statement.Open(document, statement.TypeFraud)
	if err != nil {
		return nil, err
	}
	frame, err := transcript.ParseFraud(st.Frame)
	if err != nil {
		return nil, err
	}
	var l *queue.LeaseRow
	if err := s.db.View(ctx, func(t *store.Tx) (err error) { l, err = accepted(t, frame.Claim); return err }); err != nil {
		return nil, err
	}
	if l.Bundle.IsZero() {
		return nil, aicf.Refuse(aicf.NotFound, "no bundle of claim %s was handed in", frame.Claim).In("/fraud")
	}
	var again func() (*transcript.AuditFrame, []byte, error)
	switch {
	case frame.Reason != transcript.FraudAudit:
		if len(audit) > 0 {
			return nil, aicf.Refuse(aicf.SchemaError, "the accusation does not rest on a target audit").In("/audit")
		}
	case len(audit) == 0:
		return nil, aicf.Refuse(aicf.SchemaError, "the accusation rests on a target audit, which is missing").In("/audit").Try("omni aicf dispute --fraud FILE --audit FILE")
	}
	raw, err := s.read(ctx, l.Bundle)
	if err != nil {
		return nil, err
	}
	b, err := proofs.ReadTar(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if frame.Reason == transcript.FraudAudit {
		again = func() (*transcript.AuditFrame, []byte, error) { return s.auditAgain(ctx, l, b, audit) }
	}
	// Judging again costs what verifying a result does: it waits for the same slots.
	select {
	case s.judges <- struct{}{}:
		defer func() { <-s.judges }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f, err := statement.CheckFraud(ctx, document, b, again)
	if err != nil {
		return nil, err
	}
	why := f.Reason
	if f.Audit != nil {
		why = fmt.Sprintf("target audit by the beacon of round %d: score %d ppb, fraud below %d", f.Audit.Round, f.Audit.Score, f.Audit.FraudLimit)
	}
	return &Fraud{Claim: f.Frame.Claim, Why: why}, nil
}

// auditAgain holds the audit's beacon against this network's round, which must have begun
// after the outcomes were handed in, and recomputes the audit from the stored outcomes.
func (s *Service) auditAgain(ctx context.Context, l *queue.LeaseRow, b *proofs.Bundle, doc []byte) (*transcript.AuditFrame, []byte, error) {
	a, frame, err := statement.OpenAudit(doc)
	if err != nil {
		return nil, nil, err
	}
	var r *aicf.Round
	if err := s.db.View(ctx, func(t *store.Tx) (err error) { r, err = s.cal.Round(t, a.Round); return err }); aicf.CodeOf(err) == aicf.NotFound {
		return nil, nil, fmt.Errorf("beacon of the audit: round %d has not begun", a.Round)
	} else if err != nil {
		return nil, nil, err
	}
	switch {
	case r.ClosedMS == 0:
		return nil, nil, fmt.Errorf("round %d of the audit is still open: it has no beacon value", a.Round)
	case !bytes.Equal(r.Value, a.Beacon[:]):
		return nil, nil, fmt.Errorf("the audit has beacon %s, the value of round %d is %x", a.Beacon, a.Round, r.Value)
	case r.StartedMS <= l.ReceivedMS:
		return nil, nil, fmt.Errorf("round %d of the audit began at %d ms, the outcomes were handed in at %d ms: the beacon must be later", a.Round, r.StartedMS, l.ReceivedMS)
	}
	p, err := proofs.Decode(b.Proof)
	if err != nil {
		return nil, nil, err
	}
	return a, frame, statement.AuditAgain(b, p, a, frame)
}
