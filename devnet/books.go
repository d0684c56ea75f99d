package devnet

import (
	"context"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// Entry is a transfer of the ledger.
type Entry struct {
	Event  uint64      `json:"event"`
	Reason string      `json:"reason"`
	From   string      `json:"from"` // kind of account
	To     string      `json:"to"`
	Amount aicf.Amount `json:"amount"`

	from, to store.Account
}

type transferRow struct {
	_           struct{}      `db:"transfer"`
	Event       uint64        `db:"event"`
	DebitOwner  digest.Digest `db:"debit_owner"`
	DebitKind   string        `db:"debit_kind"`
	CreditOwner digest.Digest `db:"credit_owner"`
	CreditKind  string        `db:"credit_kind"`
	Amount      aicf.Amount   `db:"amount"`
	Reason      string        `db:"reason"`
}

// entries are the transfers that name ref.
func entries(t *store.Tx, ref digest.Digest) ([]Entry, error) {
	rows, err := store.Select[transferRow](t, "WHERE ref = ? ORDER BY event, pos", ref)
	out := make([]Entry, 0, len(rows))
	for _, r := range rows {
		out = append(out, Entry{r.Event, r.Reason, r.DebitKind, r.CreditKind, r.Amount,
			store.Account{Owner: r.DebitOwner, Kind: r.DebitKind}, store.Account{Owner: r.CreditOwner, Kind: r.CreditKind}})
	}
	return out, err
}

// audit opens the database of a network that was closed and recomputes the story's figures
// from its ledger; anything else than what the case promises is an error.
func (n *Net) audit(ctx context.Context, s *Story) (err error) {
	db, err := n.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	treasury, err := n.key("treasury", keys.Operational)
	if err != nil {
		return err
	}
	service, _, err := n.service(ctx, db, treasury.Public())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	row, err := service.Slash(ctx, s.Slash.ID)
	if err != nil {
		return err
	}
	s.Slash = *row
	if s.After, err = service.Balance(ctx, s.ProviderID); err != nil {
		return err
	}
	check, err := service.Check(ctx)
	if err != nil {
		return err
	}
	s.Checks, s.Balance = check.Invariants, check.Imbalance
	if !check.OK() {
		return broken("the ledger breaks an invariant: %s", firstBroken(check))
	}
	var about, pay []Entry
	if err := db.View(ctx, func(t *store.Tx) (err error) {
		if about, err = entries(t, s.Slash.ID); err != nil {
			return err
		}
		for _, j := range s.jobs {
			of, err := entries(t, j)
			if err != nil {
				return err
			}
			pay = append(pay, of...)
		}
		return nil
	}); err != nil {
		return err
	}
	s.Entries = append(about, pay...)
	s.Paid = s.earned(pay)
	if s.Appeal {
		return s.reversed(about)
	}
	return s.executed(about)
}

func firstBroken(a *aicf.Audit) string {
	for _, i := range a.Invariants {
		if !i.OK {
			return i.ID + ": " + i.Detail
		}
	}
	return ""
}

// earned is what the provider has of the disputed jobs, by the entries about them.
func (s *Story) earned(pay []Entry) (sum aicf.Amount) {
	accrued := store.Account{Owner: s.ProviderID, Kind: string(ledger.Accrued)}
	for _, e := range pay {
		switch accrued {
		case e.to:
			sum += e.Amount
		case e.from:
			if e.Reason == "pay_refused" {
				sum -= e.Amount
			}
		}
	}
	return sum
}

// held sums what the proposal put aside.
func (s *Story) holds(about []Entry) (sum aicf.Amount) {
	for _, e := range about {
		if e.Reason == "slash_hold" {
			sum += e.Amount
		}
	}
	return sum
}

// executed wants the whole hold to be gone for good, and no pay.
func (s *Story) executed(about []Entry) error {
	held := store.Account{Owner: s.ProviderID, Kind: string(ledger.SlashHeld)}
	for _, e := range about {
		if e.from == held {
			if e.to.Owner == s.ProviderID {
				return broken("%d of the hold went back to the provider", e.Amount)
			}
			s.Taken += e.Amount
		}
	}
	switch {
	case s.Slash.State != aicf.SlashExecuted:
		return broken("slash %s is %s", s.Slash.ID, s.Slash.State)
	case s.Taken <= 0 || s.Taken != s.Slash.Amount || s.holds(about) != s.Slash.Amount:
		return broken("the ledger holds %d and takes %d, the proposal says %d", s.holds(about), s.Taken, s.Slash.Amount)
	case s.After.Staked+s.After.Unbonding != s.Before.Staked+s.Before.Unbonding-s.Taken || s.After.Held != s.Before.Held:
		return broken("staked %d before and %d after, %d was taken", s.Before.Staked, s.After.Staked, s.Taken)
	case s.Paid != 0 || s.After.Available != s.Before.Available || s.After.Pending != s.Before.Pending:
		return broken("the disputed jobs earned the provider %d", s.Paid)
	}
	return nil
}

// reversed wants each entry of the hold undone by one of the other direction.
func (s *Story) reversed(about []Entry) error {
	type key struct {
		from, to store.Account
		amount   aicf.Amount
	}
	open := map[key]int{}
	for _, e := range about {
		switch e.Reason {
		case "slash_hold":
			open[key{e.from, e.to, e.Amount}]++
		case "slash_return":
			open[key{e.to, e.from, e.Amount}]--
			s.Returned += e.Amount
		default:
			return broken("entry %s of %d is about a proposal that was reversed", e.Reason, e.Amount)
		}
	}
	for k, n := range open {
		if n != 0 {
			return broken("the hold of %d from %s is not undone exactly", k.amount, k.from.Kind)
		}
	}
	switch {
	case s.Slash.State != aicf.SlashReversed:
		return broken("slash %s is %s", s.Slash.ID, s.Slash.State)
	case s.Returned <= 0 || s.Returned != s.Slash.Amount:
		return broken("%d came back of %d", s.Returned, s.Slash.Amount)
	case s.After.Staked != s.Before.Staked || s.After.Held != s.Before.Held || s.After.Unbonding != s.Before.Unbonding:
		return broken("staked %d before and %d after the reversal", s.Before.Staked, s.After.Staked)
	}
	return nil
}

// String names the entry for people.
func (e Entry) String() string {
	return fmt.Sprintf("event %d  %-12s %6d  %s → %s", e.Event, e.Reason, e.Amount, e.From, e.To)
}
