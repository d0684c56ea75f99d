package network

import (
	"bytes"
	"context"
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

// maxNote bounds the note of a dispute in bytes.
const maxNote = 1000

// Dispute appeals a slash or accuses a provider. Counter-evidence that does not
// verify changes nothing and is answered with Accepted false.
func (s *Service) Dispute(ctx context.Context, c aicf.Call, d aicf.Dispute) (*aicf.DisputeOutcome, error) {
	if len(d.Note) > maxNote {
		return nil, aicf.Refuse(aicf.LimitExceeded, "the note has %d bytes, at most %d", len(d.Note), maxNote).In("/note")
	}
	if err := transcript.CheckText(d.Note); err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/note")
	}
	switch {
	case d.SlashID.IsZero() == (len(d.Fraud) == 0):
		return nil, aicf.Refuse(aicf.SchemaError, "want slash_id (an appeal) or fraud (an accusation)")
	case len(d.Fraud) > 0:
		return s.accuse(ctx, c, d)
	}
	return s.appeal(ctx, c, d)
}

// appeal judges counter-evidence: the bundle of the disputed claim, whose
// transcript the device or TEE of that claim signed. It must verify as a result
// of the disputed lease does, with evidence of level device-signed or better.
func (s *Service) appeal(ctx context.Context, c aicf.Call, d aicf.Dispute) (*aicf.DisputeOutcome, error) {
	var row *penalty.Row
	var l *queue.LeaseRow
	var j *queue.JobRow
	if err := s.db.View(ctx, func(t *store.Tx) (err error) {
		if row, err = penalty.Find(t, d.SlashID); err != nil || row.Lease.IsZero() {
			return err
		}
		if l, err = queue.FindLease(t, row.Lease); err == nil {
			j, err = queue.Find(t, l.JobID)
		}
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
	why, ok := "", false
	switch {
	case d.Bundle.IsZero():
		why = "no counter-evidence is named"
	case row.Lease.IsZero():
		why, ok = s.recount(ctx, row, d)
	default:
		var err error
		if why, ok, err = s.counter(ctx, row, l, j, d.Bundle); err != nil {
			return nil, err
		}
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

// recount answers for window faults: their counts are the network's own, and no
// bundle changes them.
func (s *Service) recount(context.Context, *penalty.Row, aicf.Dispute) (string, bool) {
	return "the fault is of a window that the network counted; a bundle does not change its counts", false
}

// counter verifies counter-evidence.
func (s *Service) counter(ctx context.Context, row *penalty.Row, l *queue.LeaseRow, j *queue.JobRow, bundle digest.Digest) (why string, ok bool, err error) {
	raw, err := s.read(ctx, bundle)
	if err != nil {
		return "", false, err
	}
	b, err := proofs.ReadTar(bytes.NewReader(raw))
	if err != nil {
		return fmt.Sprintf("the bundle is refused: %v", err), false, nil
	}
	p, err := proofs.Decode(b.Proof)
	if err != nil {
		return fmt.Sprintf("the proof is refused: %v", err), false, nil
	}
	if claim, err := p.Claim(); err != nil || claim != l.Claim {
		return fmt.Sprintf("the bundle is of claim %s, the slash is about %s", claim, l.Claim), false, nil
	}
	copied := *l
	copied.Proof, copied.Bundle = string(b.Proof), bundle
	v, err := s.verifyAt(ctx, &copied, j, proofs.LevelDeviceSigned)
	if err != nil {
		return "", false, err
	}
	if v.failure != nil {
		return "the counter-evidence does not verify: " + v.failure.Message, false, nil
	}
	if row.Reason == aicf.ReasonDouble {
		return "two claims under one fence stay two claims", false, nil
	}
	return "the device's signed transcript verifies, outcomes and traps included", true, nil
}

// accuse judges a quantum_fraud_v1 document: a claim of the network, an audit of
// its target shots, the accuser's signature.
func (s *Service) accuse(ctx context.Context, c aicf.Call, d aicf.Dispute) (*aicf.DisputeOutcome, error) {
	judge := s.cfg.Fraud
	if judge == nil {
		judge = s.judgeFraud
	}
	f, err := judge(ctx, d.Fraud)
	if aicf.CodeOf(err) != "" {
		return nil, err
	} else if err != nil {
		return nil, aicf.Refuse(aicf.ProofError, "%v", err).In("/fraud").Try("engine traps fraud BUNDLE --check FILE says which part")
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.DisputeOutcome, error) {
		l, err := store.Get[queue.LeaseRow](t, "WHERE claim = ? AND state = 'completed'", f.Claim)
		if err == store.ErrNone {
			return nil, aicf.Refuse(aicf.NotFound, "claim %s was not accepted here", f.Claim).In("/fraud")
		} else if err != nil {
			return nil, err
		}
		row, err := penalty.Propose(t, term, penalty.Accusation{Provider: l.Provider, Job: l.JobID, Lease: l.ID, Reporter: c.Account, Reason: aicf.ReasonFraud, Document: d.Fraud})
		if err != nil {
			return nil, err
		}
		return &aicf.DisputeOutcome{Slash: row.View(), Accepted: true, Reason: f.Why}, nil
	})
}

// Slashes lists proposals in their order.
func (s *Service) Slashes(ctx context.Context, f aicf.SlashFilter) (*aicf.SlashPage, error) {
	clause, args := "WHERE seq > ?", []any{f.After}
	if !f.Provider.IsZero() {
		clause, args = clause+" AND provider_id = ?", append(args, f.Provider)
	}
	if f.State != "" {
		clause, args = clause+" AND state = ?", append(args, f.State)
	}
	limit := page(f.Limit)
	out := &aicf.SlashPage{Items: []aicf.Slash{}}
	return out, s.db.View(ctx, func(t *store.Tx) error {
		rows, err := store.Select[penalty.Row](t, clause+" ORDER BY seq LIMIT ?", append(args, limit+1)...)
		if len(rows) > limit {
			rows = rows[:limit]
			out.Next = rows[limit-1].Seq
		}
		for i := range rows {
			v := rows[i].View()
			v.Document = nil
			out.Items = append(out.Items, v)
		}
		return err
	})
}

// Slash is one proposal with its document; NotFound.
func (s *Service) Slash(ctx context.Context, id digest.Digest) (out *aicf.Slash, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		row, err := penalty.Find(t, id)
		if err == nil {
			v := row.View()
			out = &v
		}
		return err
	})
}

// judgeFraud verifies an accusation with the bundle that the accused handed in.
func (s *Service) judgeFraud(ctx context.Context, document []byte) (*Fraud, error) {
	st, err := statement.Open(document, statement.TypeFraud)
	if err != nil {
		return nil, err
	}
	frame, err := transcript.ParseFraud(st.Frame)
	if err != nil {
		return nil, err
	}
	var name digest.Digest
	err = s.cfg.Store.View(ctx, func(t *store.Tx) error {
		l, err := store.Get[queue.LeaseRow](t, "WHERE claim = ? AND state = 'completed'", frame.Claim)
		if err == nil {
			name = l.Bundle
		}
		return err
	})
	if errors.Is(err, store.ErrNone) || err == nil && name.IsZero() {
		return nil, aicf.Refuse(aicf.NotFound, "no bundle of a claim %s was accepted here", frame.Claim).In("/fraud")
	} else if err != nil {
		return nil, err
	}
	raw, err := s.read(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := proofs.ReadTar(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	f, err := statement.CheckFraud(ctx, document, b, nil)
	if err != nil {
		return nil, err
	}
	return &Fraud{Claim: f.Frame.Claim, Why: f.Reason}, nil
}
