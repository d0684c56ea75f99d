package ledger

import (
	"slices"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// kinds in the order of a trial balance: the outside, what members have, what is the
// network's.
var kinds = []Kind{Mint, Available, Escrow, Bonded, Unbonding, SlashHeld, Accrued, Claimable, Paying, PaidOut, Treasury, Fund, Miner, Burned}

// Trial adds up all accounts by kind. Kinds without an account have a line of zeros; a kind
// that this version does not know comes last.
func Trial(t *store.Tx) (*aicf.TrialBalance, error) {
	out := &aicf.TrialBalance{}
	for _, k := range kinds {
		out.Lines = append(out.Lines, aicf.LedgerLine{Kind: string(k)})
	}
	var l aicf.LedgerLine
	err := t.Each("SELECT kind, count(*), CAST(sum(debits) AS "+bigint+"), CAST(sum(credits) AS "+bigint+") FROM account GROUP BY kind", nil, []any{&l.Kind, &l.Accounts, &l.Debits, &l.Credits}, func() error {
		l.Balance = l.Credits - l.Debits
		out.Debits, out.Credits = out.Debits+l.Debits, out.Credits+l.Credits
		if i := slices.Index(kinds, Kind(l.Kind)); i >= 0 {
			out.Lines[i] = l
		} else {
			out.Lines = append(out.Lines, l)
		}
		return nil
	})
	out.Imbalance = out.Credits - out.Debits
	return out, err
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
