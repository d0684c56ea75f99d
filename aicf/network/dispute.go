package network

import (
	"context"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/penalty"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
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
	case len(d.Audit) > 0 && len(d.Fraud) == 0:
		return nil, aicf.Refuse(aicf.SchemaError, "an audit belongs to an accusation").In("/audit")
	case len(d.Fraud) > statement.MaxBytes:
		return nil, aicf.Refuse(aicf.LimitExceeded, "the document has %d bytes, at most %d", len(d.Fraud), statement.MaxBytes).In("/fraud")
	case len(d.Audit) > statement.MaxBytes:
		return nil, aicf.Refuse(aicf.LimitExceeded, "the document has %d bytes, at most %d", len(d.Audit), statement.MaxBytes).In("/audit")
	case len(d.Fraud) > 0:
		return s.accuse(ctx, c, d)
	}
	return s.appeal(ctx, c, d)
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
