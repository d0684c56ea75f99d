package network

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
)

// invariant is one statement about the whole state. A query selects what breaks
// it, as one text column; check does what SQL cannot.
type invariant struct {
	id, says string
	broken   []string
	check    func(*Service, *store.Tx, *epoch.Term, *replay) error
}

// invariants are I1 to I18. Sums are cast because PostgreSQL sums integers as
// numeric.
var invariants = []invariant{
	{id: "I1", says: "all balances add up to 0", broken: []string{
		`SELECT CAST(sum(credits) - sum(debits) AS {text}) FROM account HAVING sum(credits) <> sum(debits)`}},
	{id: "I2", says: "every transfer has two sides and an event; balances are the sums of transfers", broken: []string{
		`SELECT a.kind FROM account a
			LEFT JOIN (SELECT credit_owner AS o, credit_kind AS k, sum(amount) AS s FROM transfer GROUP BY credit_owner, credit_kind) c ON c.o = a.owner AND c.k = a.kind
			LEFT JOIN (SELECT debit_owner AS o, debit_kind AS k, sum(amount) AS s FROM transfer GROUP BY debit_owner, debit_kind) d ON d.o = a.owner AND d.k = a.kind
			WHERE a.credits <> coalesce(c.s, 0) OR a.debits <> coalesce(d.s, 0)`,
		`SELECT reason FROM transfer WHERE amount <= 0 OR event > (SELECT seq FROM head) OR NOT EXISTS (SELECT 1 FROM event WHERE seq = transfer.event)`}},
	{id: "I3", says: "only the mint owes", broken: []string{
		`SELECT kind FROM account WHERE kind <> 'mint' AND credits < debits`}},
	{id: "I4", says: "bonded + unbonding + held = staked - released - slashed, for each provider", broken: []string{
		`SELECT 'stake' FROM provider p
			LEFT JOIN (SELECT owner, sum(credits - debits) AS s FROM account WHERE kind IN ('bonded', 'unbonding', 'slash_held') GROUP BY owner) a ON a.owner = p.id
			LEFT JOIN (SELECT credit_owner AS o, sum(amount) AS s FROM transfer WHERE reason = 'stake' GROUP BY credit_owner) c ON c.o = p.id
			LEFT JOIN (SELECT debit_owner AS o, sum(amount) AS s FROM transfer WHERE reason IN ('release', 'slash_burn', 'slash_fund', 'slash_reward') GROUP BY debit_owner) d ON d.o = p.id
			WHERE coalesce(a.s, 0) <> coalesce(c.s, 0) - coalesce(d.s, 0)`,
		`SELECT 'unbonding' FROM provider p WHERE (SELECT coalesce(sum(amount), 0) FROM unbonding WHERE provider_id = p.id) <>
			(SELECT coalesce(sum(credits - debits), 0) FROM account WHERE owner = p.id AND kind = 'unbonding')`,
		`SELECT 'held' FROM provider p WHERE (SELECT coalesce(sum(amount), 0) FROM slash WHERE provider_id = p.id AND state IN ('held', 'appealed')) <>
			(SELECT coalesce(sum(credits - debits), 0) FROM account WHERE owner = p.id AND kind = 'slash_held')`}},
	{id: "I5", says: "escrow = paid + refunded + still held, for each job and each buyer", broken: []string{
		`SELECT state FROM job WHERE escrow < paid + refunded OR state IN ('completed', 'failed', 'expired', 'cancelled') AND escrow <> paid + refunded`,
		`SELECT 'escrow' FROM account a WHERE kind = 'escrow' AND credits - debits <> (SELECT coalesce(sum(escrow - paid - refunded), 0) FROM job WHERE requester = a.owner)`}},
	{id: "I6", says: "at most one payout for a provider and epoch, one transfer for a payout", broken: []string{
		`SELECT state FROM payout p WHERE 1 <> (SELECT count(*) FROM transfer WHERE ref = p.id AND reason = 'claim')
			OR amount <> (SELECT sum(amount) FROM transfer WHERE ref = p.id AND reason = 'claim')
			OR (CASE WHEN state = 'failed' THEN 1 ELSE 0 END) <> (SELECT count(*) FROM transfer WHERE ref = p.id AND reason = 'payout_failed')`}},
	{id: "I7", says: "only completed jobs with an accepted proof earn, once", broken: []string{
		`SELECT state FROM claim_line c WHERE NOT EXISTS (SELECT 1 FROM job j WHERE j.id = c.job_id AND j.state = 'completed' AND j.claim = c.claim)
			OR NOT EXISTS (SELECT 1 FROM lease l WHERE l.id = c.lease_id AND l.state = 'completed' AND l.claim = c.claim)
			OR NOT EXISTS (SELECT 1 FROM nullifier n WHERE n.nullifier = c.nullifier AND n.claim = c.claim)`,
		`SELECT state FROM job j WHERE paid > 0 AND paid <> (SELECT coalesce(sum(gross), 0) FROM claim_line WHERE job_seq = j.seq AND state <> 'refused')`,
		`SELECT 'accrue' FROM transfer WHERE reason = 'accrue' GROUP BY ref HAVING count(*) > 1`}},
	{id: "I8", says: "final states never change", check: (*Service).checkFinal},
	{id: "I9", says: "fences rise, and a job has at most one live lease", broken: []string{
		`SELECT 'live' FROM lease WHERE state IN ('offered', 'active', 'verifying') GROUP BY job_seq HAVING count(*) > 1`,
		`SELECT state FROM job j WHERE attempt <> (SELECT coalesce(max(fence), 0) FROM lease WHERE job_seq = j.seq) OR attempt <> (SELECT count(*) FROM lease WHERE job_seq = j.seq)`,
		`SELECT j.state FROM job j WHERE (CASE WHEN j.state IN ('offered', 'leased', 'verifying') THEN 1 ELSE 0 END) <>
			(SELECT count(*) FROM lease l WHERE l.job_seq = j.seq AND l.state IN ('offered', 'active', 'verifying'))`}},
	{id: "I10", says: "running leases are counted, within the policy's quota", broken: []string{
		`SELECT state FROM provider p LEFT JOIN (SELECT provider_id, count(*) AS live FROM lease WHERE state IN ('offered', 'active', 'verifying') GROUP BY provider_id) l ON l.provider_id = p.id
			WHERE running <> coalesce(live, 0)`},
		check: (*Service).checkQuota},
	{id: "I11", says: "an epoch's totals are its lines', and what was carried waits", broken: []string{
		`SELECT e.state FROM epoch e WHERE state = 'settled' AND (gross <> (SELECT coalesce(sum(gross), 0) FROM claim_line WHERE settled = e.number + 1)
			OR claims <> (SELECT count(*) FROM claim_line WHERE settled = e.number + 1) OR gross <> provider + treasury + miner
			OR provider + subsidy <> (SELECT coalesce(sum(amount), 0) FROM epoch_share WHERE epoch = e.number))`,
		`SELECT state FROM claim_line WHERE gross <> provider + treasury + miner`}},
	{id: "I12", says: "subsidies stay under the epoch's cap", broken: []string{
		`SELECT state FROM epoch WHERE subsidy > cap`,
		`SELECT 'subsidy' WHERE (SELECT coalesce(sum(amount), 0) FROM transfer WHERE reason = 'subsidy') <> (SELECT coalesce(sum(subsidy), 0) FROM epoch)`}},
	{id: "I13", says: "settling a settled epoch again gives the same batch", check: (*Service).checkBatches},
	{id: "I14", says: "the event log is whole and rebuilds balances and states", check: (*Service).checkReplay},
	{id: "I15", says: "an epoch's slashes stay under the policy's bound", broken: []string{
		`SELECT state FROM epoch e WHERE slashed <> (SELECT coalesce(sum(amount), 0) FROM slash WHERE epoch = e.number AND state <> 'reversed')`},
		check: (*Service).checkSlashes},
	{id: "I16", says: "claimed and claimable are what epochs gave, whatever the order of claims", broken: []string{
		`SELECT state FROM provider p WHERE (SELECT coalesce(sum(amount), 0) FROM epoch_share WHERE provider_id = p.id) - (SELECT coalesce(sum(amount), 0) FROM payout WHERE provider_id = p.id) <>
			(SELECT coalesce(sum(credits - debits), 0) FROM account WHERE owner = p.id AND kind = 'claimable')`}},
	{id: "I17", says: "every line was priced by the policy of its submission", check: (*Service).checkPrices},
	{id: "I18", says: "shown figures are the ledger's", broken: []string{
		`SELECT name FROM tally WHERE name = 'open_jobs' AND n <> (SELECT count(*) FROM job WHERE state NOT IN ('completed', 'failed', 'expired', 'cancelled'))`,
		`SELECT name FROM tally WHERE name = 'untold_lines' AND n > 0 AND n <> (SELECT count(*) FROM claim_line WHERE state = 'claimable' AND ` + settle.Untold + ` AND NOT ` + settle.Unsettled + `)`,
		`SELECT state FROM provider p WHERE (SELECT coalesce(sum(gross), 0) FROM claim_line WHERE provider_id = p.id AND (state IN ('accrued', 'held')
				OR state = 'claimable' AND ` + settle.Unsettled + `)) <>
			(SELECT coalesce(sum(credits - debits), 0) FROM account WHERE owner = p.id AND kind = 'accrued')`,
		`SELECT state FROM provider p WHERE (SELECT coalesce(sum(amount), 0) FROM payout WHERE provider_id = p.id AND state IN ('pending', 'sent', 'unknown')) <>
			(SELECT coalesce(sum(credits - debits), 0) FROM account WHERE owner = p.id AND kind = 'paying')`}},
}

// maxShown is how many breaches of an invariant are counted.
const maxShown = 1000

// Check judges the invariants I1–I18 on one snapshot. It reads everything.
func (s *Service) Check(ctx context.Context) (out *aicf.Audit, err error) {
	return out, s.view(ctx, func(t *store.Tx, term *epoch.Term) error {
		out = &aicf.Audit{}
		r, err := replayAll(t)
		if err != nil {
			return err
		}
		for _, i := range invariants {
			err := i.judge(s, t, term, r)
			if err != nil && !isBreach(err) {
				return fmt.Errorf("invariant %s: %w", i.id, err)
			}
			v := aicf.Invariant{ID: i.id, OK: err == nil, Detail: i.says}
			if err != nil {
				v.Detail += ": " + err.Error()
			}
			out.Invariants = append(out.Invariants, v)
		}
		if err := t.Scan("SELECT CAST(coalesce(sum(credits), 0) - coalesce(sum(debits), 0) AS BIGINT) FROM account", nil, &out.Imbalance); err != nil {
			return err
		}
		out.Events, out.HeadHash = t.Head()
		out.StateHash, err = stateHash(t)
		return err
	})
}

// breach is an invariant that does not hold, as opposed to a database that does
// not answer.
type breach struct{ what string }

func (b breach) Error() string { return b.what }

func breachf(format string, args ...any) error { return breach{fmt.Sprintf(format, args...)} }

func isBreach(err error) bool {
	_, ok := err.(breach)
	return ok
}

func (i *invariant) judge(s *Service, t *store.Tx, term *epoch.Term, r *replay) error {
	for n, q := range i.broken {
		first, count, err := store.Texts(t, q, maxShown)
		if err != nil {
			return err
		}
		if count > 0 {
			return breachf("query %d finds %d rows (first: %s)", n+1, count, first)
		}
	}
	if i.check == nil {
		return nil
	}
	return i.check(s, t, term, r)
}
