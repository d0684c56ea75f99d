package network

import (
	"context"
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
)

// Overview counts the network on one snapshot. It reads what waits and runs, the providers,
// the epochs and the accounts, not the jobs that are over.
func (s *Service) Overview(ctx context.Context) (out *aicf.Overview, err error) {
	return out, s.view(ctx, func(t *store.Tx, term *epoch.Term) error {
		out = &aicf.Overview{NowMS: t.NowMS(), Round: term.Round, Epoch: term.Epoch, RoundInEpoch: term.Round - term.FirstRound, EpochRounds: term.Policy.Epochs.LengthBlocks,
			RoundMS: term.Rules.RoundMS, Policy: term.PolicyHash, Providers: map[aicf.ProviderState]uint64{}}
		out.Events, _ = t.Head()
		return errors.Join(countJobs(t, out), countProviders(t, out), countMoney(t, term, out))
	})
}

// asked is one question with the places of its answer.
type asked struct {
	query string
	args  []any
	to    []any
}

func ask(t *store.Tx, list []asked) error {
	for _, a := range list {
		if err := t.Scan(a.query, a.args, a.to...); err != nil {
			return err
		}
	}
	return nil
}

// Sums are cast because PostgreSQL sums 64-bit integers as numeric.
func countJobs(t *store.Tx, o *aicf.Overview) error {
	var accrued, given, settled uint64
	err := ask(t, []asked{
		{`SELECT coalesce(sum(CASE WHEN state = 'queued' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN state = 'delayed' THEN 1 ELSE 0 END), 0),
			coalesce(min(CASE WHEN state IN ('queued', 'delayed') THEN submitted_ms END), 0), coalesce(sum(CASE WHEN state = 'offered' THEN 1 ELSE 0 END), 0),
			coalesce(sum(CASE WHEN state = 'leased' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN state = 'verifying' THEN 1 ELSE 0 END), 0)
			FROM job WHERE ` + queue.Open, nil, []any{&o.Queued, &o.Delayed, &o.OldestMS, &o.Offered, &o.Leased, &o.Verifying}},
		{"SELECT count(*) FROM job WHERE state IN ('failed', 'expired', 'cancelled')", nil, []any{&o.Unpaid}},
		{"SELECT count(*) FROM claim_line WHERE state IN ('accrued', 'held')", nil, []any{&accrued}},
		{"SELECT count(*) FROM claim_line WHERE state = 'claimable' AND " + settle.Unsettled, nil, []any{&given}},
		{"SELECT CAST(coalesce(sum(claims), 0) AS BIGINT) FROM epoch", nil, []any{&settled}},
	})
	o.Credited = accrued + given + settled
	return err
}

func countProviders(t *store.Tx, o *aicf.Overview) error {
	for _, state := range []aicf.ProviderState{aicf.Registered, aicf.Eligible, aicf.Active, aicf.Jailed, aicf.Suspended, aicf.Retired} {
		var n uint64
		if err := t.Scan("SELECT count(*) FROM provider WHERE state = ?", []any{state}, &n); err != nil {
			return err
		}
		o.Providers[state] = n
	}
	return t.Scan(`SELECT CAST(coalesce(sum(capacity), 0) AS BIGINT), CAST(coalesce(sum(running), 0) AS BIGINT), coalesce(min(beat_ms), 0) FROM provider WHERE state = 'active'`, nil,
		&o.Capacity, &o.Running, &o.QuietMS)
}

func countMoney(t *store.Tx, term *epoch.Term, o *aicf.Overview) error {
	err := t.Scan("SELECT cap, subsidy FROM epoch WHERE state = 'settled' ORDER BY number DESC LIMIT 1", nil, &o.Cap, &o.Subsidy)
	if err != nil && !errors.Is(err, store.ErrNone) {
		return err
	}
	// The round behind an epoch's last opened when the epoch ended.
	err = t.Scan("SELECT r.started_ms FROM epoch e JOIN round r ON r.number = e.last_round + 1 WHERE e.state = 'open' AND e.number < ? ORDER BY e.number LIMIT 1", []any{term.Epoch}, &o.OverdueMS)
	if err != nil && !errors.Is(err, store.ErrNone) {
		return err
	}
	var oldest uint64 // settled is the epoch's number + 1
	if err := ask(t, []asked{
		{"SELECT coalesce(min(settled), 0) FROM claim_line WHERE state = 'claimable' AND NOT " + settle.Unsettled, nil, []any{&oldest}},
		{"SELECT count(*) FROM slash WHERE state IN ('held', 'appealed')", nil, []any{&o.SlashOpen}},
		{"SELECT CAST(coalesce(sum(credits), 0) - coalesce(sum(debits), 0) AS BIGINT) FROM account", nil, []any{&o.Imbalance}},
		{"SELECT CAST(coalesce(sum(debits), 0) AS BIGINT) FROM account WHERE kind = 'mint'", nil, []any{&o.Money}},
	}); err != nil {
		return err
	}
	if oldest > 0 {
		o.Unclaimed = term.Epoch - (oldest - 1)
	}
	return nil
}
