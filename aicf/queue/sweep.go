package queue

import (
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
)

// Due ends at most limit offers and leases whose time is over. expired are the
// leases that were acked.
func Due(t *store.Tx, term *epoch.Term, limit int) (lapsed int, expired []LeaseRow, err error) {
	rows, err := store.Select[LeaseRow](t, "WHERE state IN ('offered', 'active') AND expires_ms <= ? ORDER BY expires_ms LIMIT ?", t.NowMS(), limit)
	if err != nil {
		return 0, nil, err
	}
	for i := range rows {
		l := &rows[i]
		if l.State == aicf.LeaseOffered {
			lapsed++
			err = Lapse(t, l)
		} else {
			err = Expire(t, term, l)
			expired = append(expired, *l)
		}
		if err != nil {
			return 0, nil, err
		}
	}
	return lapsed, expired, nil
}

// Wake queues at most limit jobs whose delay is over.
func Wake(t *store.Tx, limit int) (int, error) {
	rows, err := store.Select[JobRow](t, "WHERE state = 'delayed' AND not_before_ms <= ? ORDER BY not_before_ms LIMIT ?", t.NowMS(), limit)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		j := &rows[i]
		if _, err := t.Exec("UPDATE job SET state = 'queued', not_before_ms = 0 WHERE id = ? AND state = 'delayed'", j.ID); err != nil {
			return 0, err
		}
		t.Became("job", j.ID, string(aicf.Queued))
		if _, err := t.Append(store.Note{Type: aicf.EvRequeued, Job: j.ID, JobSeq: j.Seq, Fence: j.Attempt, Info: map[string]any{"reason": "the delay is over"}}); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// ExpireJobs ends at most limit waiting jobs whose time is over.
func ExpireJobs(t *store.Tx, limit int) (int, error) {
	rows, err := store.Select[JobRow](t, "WHERE "+Open+" AND expires_ms <= ? AND state IN ('queued', 'delayed') ORDER BY expires_ms LIMIT ?", t.NowMS(), limit)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		if err := End(t, &rows[i], aicf.Expired, "nobody ran it in time", aicf.EvJobExpired); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}
