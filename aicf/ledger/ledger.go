// Package ledger is the network's double entry: accounts, immutable transfers,
// and the checks that hold over them.
//
// It promises that a transfer moves one positive amount from one account to
// another, that only the mint can owe, that balances are the sum of transfers,
// and that each transfer belongs to one event of the log. Corrections are new
// transfers. It decides nothing: who pays whom is the business of its callers.
package ledger

import (
	"errors"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Kind is what an account is for.
type Kind string

// The kinds. Mint is the outside world and the only one that may owe.
const (
	Mint      Kind = "mint"
	Available Kind = "available"
	Escrow    Kind = "escrow"
	Bonded    Kind = "bonded"
	Unbonding Kind = "unbonding"
	SlashHeld Kind = "slash_held"
	Accrued   Kind = "accrued"
	Claimable Kind = "claimable"
	Paying    Kind = "paying"
	PaidOut   Kind = "paid_out"
	Treasury  Kind = "treasury"
	Fund      Kind = "fund"
	Miner     Kind = "miner"
	Burned    Kind = "burned"
)

// Network owns the accounts that are nobody's.
var Network = digest.Sum([]byte("qprov/v1/network-account"))

// MaxAmount bounds balances and amounts: 2^53-1.
const MaxAmount = aicf.MaxAmount

// ErrShort is returned by Move when the account does not hold the amount.
var ErrShort = errors.New("the balance does not cover it")

// Of names the account of an owner.
func Of(owner digest.Digest, k Kind) store.Account {
	return store.Account{Owner: owner, Kind: string(k)}
}

// Common names an account of the network.
func Common(k Kind) store.Account { return Of(Network, k) }

// Move transfers amount and records it for the next event. A zero amount moves
// nothing. ref ties the transfer to a job, slash or payout; zero: none.
func Move(t *store.Tx, from, to store.Account, amount aicf.Amount, ref digest.Digest, reason string) error {
	m := store.Move{From: from, To: to, Amount: amount, Reason: reason}
	if err := check(m); err != nil || amount == 0 {
		return err
	}
	var n int64
	var err error
	if Kind(from.Kind) == Mint {
		n, err = t.Exec("INSERT INTO account (owner, kind, debits, credits) VALUES (?, ?, ?, 0) ON CONFLICT (owner, kind) DO UPDATE SET debits = account.debits + excluded.debits", from.Owner, from.Kind, amount)
	} else {
		n, err = t.Exec("UPDATE account SET debits = debits + ? WHERE owner = ? AND kind = ? AND credits - debits >= ?", amount, from.Owner, from.Kind, amount)
	}
	if err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("%s of %s: %w", from.Kind, from.Owner, ErrShort)
	}
	if _, err := t.Exec("INSERT INTO account (owner, kind, debits, credits) VALUES (?, ?, 0, ?) ON CONFLICT (owner, kind) DO UPDATE SET credits = account.credits + excluded.credits", to.Owner, to.Kind, amount); err != nil {
		return err
	}
	r := record(t, m, ref)
	return store.Insert(t, &r)
}

func check(m store.Move) error {
	switch {
	case m.Amount < 0 || m.Amount > MaxAmount:
		return fmt.Errorf("ledger: amount %d is outside 0..2^53-1", m.Amount)
	case m.Amount > 0 && m.From == m.To:
		return fmt.Errorf("ledger: %s to itself", m.From.Kind)
	}
	return nil
}

func record(t *store.Tx, m store.Move, ref digest.Digest) transferRow {
	event, pos := t.Moved(m)
	return transferRow{Event: event, Pos: pos, DebitOwner: m.From.Owner, DebitKind: m.From.Kind, CreditOwner: m.To.Owner, CreditKind: m.To.Kind, Amount: m.Amount, Ref: ref, Reason: m.Reason}
}

var givers = []store.Column{{Name: "owner", Type: "{bytes}"}, {Name: "kind", Type: "{text}"}, {Name: "amount", Type: "{int}"}}

// MoveAll is Move for many transfers, in their order and with few statements. Each account
// gives all of its part before any receives: what comes in the list covers nothing of it.
// The mint gives nothing here. With its error the command fails.
func MoveAll(t *store.Tx, moves []store.Move, ref digest.Digest) error {
	var gives, receives sums
	rows := make([]transferRow, 0, len(moves))
	for _, m := range moves {
		if err := check(m); err != nil {
			return err
		}
		if Kind(m.From.Kind) == Mint {
			return errors.New("ledger: the mint gives one transfer at a time: use Move")
		}
		if m.Amount > 0 {
			gives.add(m.From, m.Amount)
			receives.add(m.To, m.Amount)
			rows = append(rows, record(t, m, ref))
		}
	}
	debits := make([][]any, len(gives.order))
	for i, a := range gives.order {
		debits[i] = []any{a.Owner, a.Kind, gives.of[a]}
	}
	n, err := t.UpdateAll(givers, " account SET debits = debits + v.amount FROM v WHERE account.owner = v.owner AND account.kind = v.kind AND credits - debits >= v.amount", debits)
	if err != nil {
		return err
	}
	if int(n) != len(debits) {
		return fmt.Errorf("%d of %d accounts: %w", len(debits)-int(n), len(debits), ErrShort)
	}
	credits := make([]accountRow, len(receives.order))
	for i, a := range receives.order {
		credits[i] = accountRow{Owner: a.Owner, Kind: a.Kind, Credits: receives.of[a]}
	}
	if err := store.UpsertAll(t, credits, "ON CONFLICT (owner, kind) DO UPDATE SET credits = account.credits + excluded.credits"); err != nil {
		return err
	}
	return store.InsertAll(t, rows)
}

// sums are amounts by account, in the order in which accounts came.
type sums struct {
	order []store.Account
	of    map[store.Account]aicf.Amount
}

// add saturates: more than MaxAmount is refused by the table.
func (s *sums) add(a store.Account, amount aicf.Amount) {
	if s.of == nil {
		s.of = map[store.Account]aicf.Amount{}
	}
	had, ok := s.of[a]
	if !ok {
		s.order = append(s.order, a)
	}
	s.of[a] = min(had+amount, MaxAmount+1)
}

type transferRow struct {
	_           struct{}      `db:"transfer"`
	Event       uint64        `db:"event"`
	Pos         int           `db:"pos"`
	DebitOwner  digest.Digest `db:"debit_owner"`
	DebitKind   string        `db:"debit_kind"`
	CreditOwner digest.Digest `db:"credit_owner"`
	CreditKind  string        `db:"credit_kind"`
	Amount      aicf.Amount   `db:"amount"`
	Ref         digest.Digest `db:"ref"`
	Reason      string        `db:"reason"`
}

// Balance is credits less debits; an account that never moved has 0.
func Balance(t *store.Tx, a store.Account) (aicf.Amount, error) {
	var v aicf.Amount
	err := t.Scan("SELECT credits - debits FROM account WHERE owner = ? AND kind = ?", []any{a.Owner, a.Kind}, &v)
	if errors.Is(err, store.ErrNone) {
		return 0, nil
	}
	return v, err
}

// BalanceAll is the balance of one kind of each owner.
func BalanceAll(t *store.Tx, k Kind, owners []digest.Digest) (map[digest.Digest]aicf.Amount, error) {
	rows, err := store.SelectIDs[accountRow](t, "kind = '"+string(k)+"' AND owner", owners)
	out := make(map[digest.Digest]aicf.Amount, len(rows))
	for _, r := range rows {
		out[r.Owner] = r.Credits - r.Debits
	}
	return out, err
}

// Balances are all accounts of an owner.
func Balances(t *store.Tx, owner digest.Digest) (map[Kind]aicf.Amount, error) {
	rows, err := store.Select[accountRow](t, "WHERE owner = ?", owner)
	out := map[Kind]aicf.Amount{}
	for _, r := range rows {
		out[Kind(r.Kind)] = r.Credits - r.Debits
	}
	return out, err
}

type accountRow struct {
	_       struct{}      `db:"account"`
	Owner   digest.Digest `db:"owner"`
	Kind    string        `db:"kind"`
	Debits  aicf.Amount   `db:"debits"`
	Credits aicf.Amount   `db:"credits"`
}

// MovedFor sums what transfers with this reference and reason moved.
func MovedFor(t *store.Tx, ref digest.Digest, reason string) (aicf.Amount, error) {
	var v aicf.Amount
	err := t.Scan("SELECT CAST(coalesce(sum(amount), 0) AS "+bigint+") FROM transfer WHERE ref = ? AND reason = ?", []any{ref, reason}, &v)
	return v, err
}

// bigint is a type name that both engines read as 64-bit integers; PostgreSQL
// sums them as numeric.
const bigint = "BIGINT"
