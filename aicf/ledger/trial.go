package ledger

import (
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// kinds in the order of a trial balance: the outside, what members have, what is the
// network's.
var kinds = []Kind{Mint, Available, Escrow, Bonded, Unbonding, SlashHeld, Accrued, Claimable, Paying, PaidOut, Treasury, Fund, Miner, Burned}

// Trial adds up all accounts by kind, in one walk. Kinds without an account have a line of
// zeros. The sums of all count accounts of any kind, so that one that this version does not
// know shows as a difference.
func Trial(t *store.Tx) (*aicf.TrialBalance, error) {
	out := &aicf.TrialBalance{Lines: make([]aicf.LedgerLine, len(kinds))}
	ask := "SELECT CAST(coalesce(sum(debits), 0) AS " + bigint + "), CAST(coalesce(sum(credits), 0) AS " + bigint + ")"
	var args []any
	to := []any{&out.Debits, &out.Credits}
	for i, k := range kinds {
		l := &out.Lines[i]
		l.Kind = string(k)
		for _, v := range []string{"1", "debits", "credits"} {
			ask += ", CAST(coalesce(sum(CASE WHEN kind = ? THEN " + v + " ELSE 0 END), 0) AS " + bigint + ")"
			args = append(args, string(k))
		}
		to = append(to, &l.Accounts, &l.Debits, &l.Credits)
	}
	if err := t.Scan(ask+" FROM account", args, to...); err != nil {
		return nil, err
	}
	for i := range out.Lines {
		out.Lines[i].Balance = out.Lines[i].Credits - out.Lines[i].Debits
	}
	out.Imbalance = out.Credits - out.Debits
	return out, nil
}

func (r *transferRow) view() aicf.Transfer {
	return aicf.Transfer{Event: r.Event, Position: uint64(r.Pos), From: r.DebitOwner, FromKind: r.DebitKind, To: r.CreditOwner, ToKind: r.CreditKind,
		Amount: r.Amount, Reference: r.Ref, Reason: r.Reason}
}

func views(rows []transferRow) []aicf.Transfer {
	out := make([]aicf.Transfer, len(rows))
	for i := range rows {
		out[i] = rows[i].view()
	}
	return out
}

// Newest lists about limit transfers of events before an event, the newest event first;
// before 0: from the newest on. The transfers of an event come together, so that the last
// event of a page may lead beyond the limit. next is before of the following page, 0 on the
// last.
func Newest(t *store.Tx, before uint64, limit int) (out []aicf.Transfer, next uint64, err error) {
	clause, args := "ORDER BY event DESC, pos DESC LIMIT ?", []any{limit}
	if before > 0 {
		clause, args = "WHERE event < ? "+clause, []any{before, limit}
	}
	rows, err := store.Select[transferRow](t, clause, args...)
	if err != nil || len(rows) < limit {
		return views(rows), 0, err
	}
	next = rows[limit-1].Event
	rest, err := store.Select[transferRow](t, "WHERE event = ? AND pos < ? ORDER BY pos DESC", next, rows[limit-1].Pos)
	return views(append(rows, rest...)), next, err
}

// About lists at most limit transfers that name a job, slash or payout, in order.
func About(t *store.Tx, ref digest.Digest, limit int) ([]aicf.Transfer, error) {
	rows, err := store.Select[transferRow](t, "WHERE ref = ? ORDER BY event, pos LIMIT ?", ref, limit)
	return views(rows), err
}
