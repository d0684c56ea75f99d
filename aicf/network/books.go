package network

import (
	"context"
	"encoding/json"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/penalty"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Ledger is the trial balance. It reads all accounts.
func (s *Service) Ledger(ctx context.Context) (out *aicf.TrialBalance, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) (err error) {
		out, err = ledger.Trial(t)
		return err
	})
}

// Transfers lists entries of the ledger before an event, the newest first; next is 0 on the
// last page. Limit 0 means 100, at most 500; the last event's entries come together.
func (s *Service) Transfers(ctx context.Context, before uint64, limit int) (out []aicf.Transfer, next uint64, err error) {
	return out, next, s.db.View(ctx, func(t *store.Tx) (err error) {
		out, next, err = ledger.Newest(t, before, page(limit))
		return err
	})
}

// TransfersAbout lists the entries that name a job, slash or payout, in order; at most 500.
func (s *Service) TransfersAbout(ctx context.Context, ref digest.Digest) (out []aicf.Transfer, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) (err error) {
		out, err = ledger.About(t, ref, page(500))
		return err
	})
}

// Windows lists a provider's SLA windows, the newest, which is open, first; NotFound.
func (s *Service) Windows(ctx context.Context, provider digest.Digest, limit int) (out []aicf.Window, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) (err error) {
		if _, err = registry.Find(t, provider); err == nil {
			out, err = penalty.Windows(t, provider, page(limit))
		}
		return err
	})
}

// JobLeases lists the leases of a job by fence; NotFound.
func (s *Service) JobLeases(ctx context.Context, job digest.Digest) (out []aicf.Lease, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		j, err := queue.Find(t, job)
		if err != nil {
			return err
		}
		rows, err := queue.LeasesOf(t, j.Seq)
		for i := range rows {
			out = append(out, *rows[i].View())
		}
		return err
	})
}

// Proof is the proof that was handed in under a lease, whatever came of it: NoResultYet
// before there is one, NotFound.
func (s *Service) Proof(ctx context.Context, lease digest.Digest) (out json.RawMessage, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		l, err := queue.FindLease(t, lease)
		if err == nil && l.Proof == "" {
			err = aicf.Refuse(aicf.NoResultYet, "no proof was handed in under lease %s", lease)
		}
		if err != nil {
			return err
		}
		out = json.RawMessage(l.Proof)
		return nil
	})
}

// Head is the number of the newest event.
func (s *Service) Head(ctx context.Context) (n uint64, err error) {
	return n, s.db.View(ctx, func(t *store.Tx) error {
		n, _ = t.Head()
		return nil
	})
}

// Inspect is Check for those who ask often: it answers what the last call found while no
// event has been committed since.
func (s *Service) Inspect(ctx context.Context) (*aicf.Audit, error) {
	events, err := s.Head(ctx)
	if err != nil {
		return nil, err
	}
	s.auditing.Lock()
	defer s.auditing.Unlock()
	if s.audited != nil && s.audited.Events == events {
		return s.audited, nil
	}
	a, err := s.Check(ctx)
	if err == nil {
		s.audited = a
	}
	return a, err
}
