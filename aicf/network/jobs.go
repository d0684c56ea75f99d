package network

import (
	"context"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Submit builds the circuit, refuses sizes that the job declares wrongly and
// too few traps, moves the price from available to escrow (PaymentRequired) and
// queues the job. The same document of the same requester gives the same
// answer; another under the same job_id is Conflict. Requester defaults to the
// caller; an unsigned call without one pays from the development account.
func (s *Service) Submit(ctx context.Context, c aicf.Call, j aicf.JobSubmission) (*aicf.Submitted, error) {
	requester := j.Requester
	if requester.IsZero() {
		requester = c.Account
	}
	if requester.IsZero() && c.Unsigned && s.cfg.Dev {
		requester = DevBuyer
	}
	if err := s.acts(c, requester); err != nil {
		return nil, err
	}
	j.Requester = digest.Digest{} // who asks is not part of what is asked
	o, err := queue.Read(j)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.Submitted, error) {
		if err := s.fund(t, requester); err != nil {
			return nil, err
		}
		return queue.Submit(t, term, o, requester)
	})
}

// DevBuyer is the account of unsigned submissions to a development service.
var DevBuyer = digest.Sum([]byte("qprov/v1/dev-buyer"))

// Cancel ends a queued job of the caller and refunds its escrow.
func (s *Service) Cancel(ctx context.Context, c aicf.Call, job digest.Digest) (*aicf.Job, error) {
	return update(ctx, s, c, func(t *store.Tx, _ *epoch.Term) (*aicf.Job, error) {
		j, err := queue.Find(t, job)
		if err != nil {
			return nil, err
		}
		if err := s.acts(c, j.Requester); err != nil {
			return nil, err
		}
		if j, err = queue.Cancel(t, job, j.Requester); err != nil {
			return nil, err
		}
		v := j.View()
		return &v, nil
	})
}

// Job is one job with its document; NotFound.
func (s *Service) Job(ctx context.Context, id digest.Digest) (out *aicf.Job, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		j, err := queue.Find(t, id)
		if err != nil {
			return err
		}
		v := j.View()
		out = &v
		out.Spec, err = queue.Document(t, id)
		return err
	})
}

// stateClause selects by state; the lists are those of the indexes.
var stateClause = map[aicf.JobState]string{
	"": "", aicf.Queued: " AND state IN ('queued', 'delayed') AND " + queue.Open, aicf.Delayed: " AND state = 'delayed' AND " + queue.Open,
	aicf.Offered: running("offered"), aicf.Leased: running("leased"), aicf.Verifying: running("verifying"), aicf.Completed: " AND state = 'completed'",
	aicf.Failed: unpaid("failed"), aicf.Expired: unpaid("expired"), aicf.Cancelled: unpaid("cancelled"),
}

func running(s string) string {
	return " AND state = '" + s + "' AND state IN ('offered', 'leased', 'verifying')"
}

func unpaid(s string) string {
	return " AND state = '" + s + "' AND state IN ('failed', 'expired', 'cancelled')"
}

// Jobs lists jobs in the order of submission, or against it.
func (s *Service) Jobs(ctx context.Context, f aicf.JobFilter) (*aicf.JobPage, error) {
	clause, args, order := "WHERE seq > ?", []any{f.After}, " ORDER BY seq LIMIT ?"
	if f.Newest {
		clause, order = "WHERE seq < ?", " ORDER BY seq DESC LIMIT ?"
		if f.After == 0 {
			args = []any{uint64(aicf.MaxAmount)}
		}
	}
	if !f.Provider.IsZero() {
		clause, args = clause+" AND provider_id = ?", append(args, f.Provider)
	}
	if !f.Requester.IsZero() {
		clause, args = clause+" AND requester = ?", append(args, f.Requester)
	}
	where, known := stateClause[f.State]
	if !known {
		return nil, aicf.Refuse(aicf.SchemaError, "no job is ever %.20q", f.State).In("/status").Try("queued, offered, leased, verifying, completed, failed, expired or cancelled")
	}
	clause += where
	limit := page(f.Limit)
	out := &aicf.JobPage{Items: []aicf.Job{}}
	return out, s.db.View(ctx, func(t *store.Tx) error {
		rows, err := store.Select[queue.JobRow](t, clause+order, append(args, limit+1)...)
		if len(rows) > limit {
			rows = rows[:limit]
			out.Next = rows[limit-1].Seq
		}
		for i := range rows {
			out.Items = append(out.Items, rows[i].View())
		}
		return err
	})
}

// Timeline is a job's part of the event log.
func (s *Service) Timeline(ctx context.Context, id digest.Digest) (*aicf.Timeline, error) {
	out := &aicf.Timeline{JobID: id}
	return out, s.db.View(ctx, func(t *store.Tx) (err error) {
		j, err := queue.Find(t, id)
		if err == nil {
			out.Events, err = store.JobEvents(t, j.Seq)
		}
		return err
	})
}

// Lease is one lease; NotFound.
func (s *Service) Lease(ctx context.Context, id digest.Digest) (out *aicf.Lease, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		l, err := queue.FindLease(t, id)
		if err == nil {
			out = l.View()
		}
		return err
	})
}

// Events returns at most limit events behind after, in order, without gaps; at
// most 1000.
func (s *Service) Events(ctx context.Context, after uint64, limit int) (out []aicf.Event, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		out, err = store.Events(t, after, min(max(limit, 1), 1000))
		return err
	})
}
