package registry

import (
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

type unbondingRow struct {
	_            struct{}      `db:"unbonding"`
	Provider     digest.Digest `db:"provider_id"`
	Seq          uint64        `db:"seq"`
	Amount       aicf.Amount   `db:"amount"`
	ReleaseRound uint64        `db:"release_round"`
}

func checkAmount(amount aicf.Amount) error {
	if amount < 1 || amount > ledger.MaxAmount {
		return aicf.Refuse(aicf.SchemaError, "amount is %d, want 1..2^53-1", amount).In("/amount")
	}
	return nil
}

// Stake bonds available balance.
func Stake(t *store.Tx, term *epoch.Term, id digest.Digest, amount aicf.Amount) (*aicf.StakeChange, error) {
	if err := checkAmount(amount); err != nil {
		return nil, err
	}
	r, err := Find(t, id)
	if err != nil {
		return nil, err
	}
	err = ledger.Move(t, ledger.Of(id, ledger.Available), ledger.Of(id, ledger.Bonded), amount, digest.Digest{}, "stake")
	if errors.Is(err, ledger.ErrShort) {
		return nil, aicf.Refuse(aicf.InsufficientStake, "the available balance does not cover %d", amount).In("/amount").Try("deposit first (POST /aicf/deposits), or stake less")
	} else if err != nil {
		return nil, err
	}
	return change(t, term, r, aicf.EvStaked, amount, 0)
}

// Unstake begins the unbonding of stake.
func Unstake(t *store.Tx, term *epoch.Term, id digest.Digest, amount aicf.Amount) (*aicf.StakeChange, error) {
	if err := checkAmount(amount); err != nil {
		return nil, err
	}
	r, err := Find(t, id)
	if err != nil {
		return nil, err
	}
	err = ledger.Move(t, ledger.Of(id, ledger.Bonded), ledger.Of(id, ledger.Unbonding), amount, digest.Digest{}, "unstake")
	if errors.Is(err, ledger.ErrShort) {
		return nil, aicf.Refuse(aicf.InsufficientStake, "less than %d is staked", amount).In("/amount")
	} else if err != nil {
		return nil, err
	}
	release := term.Round + term.Rules.UnbondingRounds
	if err := store.Insert(t, &unbondingRow{Provider: id, Seq: t.Seq(), Amount: amount, ReleaseRound: release}); err != nil {
		return nil, err
	}
	return change(t, term, r, aicf.EvUnstaked, amount, release)
}

func change(t *store.Tx, term *epoch.Term, r *Row, event string, amount aicf.Amount, release uint64) (*aicf.StakeChange, error) {
	if err := Settle(t, r, term); err != nil {
		return nil, err
	}
	b, err := ledger.Balances(t, r.ID)
	if err != nil {
		return nil, err
	}
	_, err = t.Append(store.Note{Type: event, Provider: r.ID, Info: map[string]any{"amount": amount, "release_round": release}})
	return &aicf.StakeChange{ProviderID: r.ID, Staked: b[ledger.Bonded], Unbonding: b[ledger.Unbonding], ReleaseRound: release, State: r.State}, err
}

// Release makes at most limit due unbondings available, and says how many.
func Release(t *store.Tx, term *epoch.Term, limit int) (int, error) {
	rows, err := store.Select[unbondingRow](t, "WHERE release_round <= ? ORDER BY release_round, provider_id, seq LIMIT ?", term.Round, limit)
	if err != nil {
		return 0, err
	}
	for _, u := range rows {
		if err := ledger.Move(t, ledger.Of(u.Provider, ledger.Unbonding), ledger.Of(u.Provider, ledger.Available), u.Amount, digest.Digest{}, "release"); err != nil {
			return 0, err
		}
		if _, err := t.Exec("DELETE FROM unbonding WHERE provider_id = ? AND seq = ?", u.Provider, u.Seq); err != nil {
			return 0, err
		}
		if _, err := t.Append(store.Note{Type: aicf.EvReleasedStake, Provider: u.Provider, Info: map[string]any{"amount": u.Amount}}); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// Seize takes amount of a provider's stake into account to: bonded first, then
// unbonding, its latest release first. It returns what came from each; less than
// amount where there is less. The caller appends the event.
func Seize(t *store.Tx, id digest.Digest, amount aicf.Amount, to store.Account, ref digest.Digest) (bonded, unbonding aicf.Amount, err error) {
	have, err := ledger.Balances(t, id)
	if err != nil {
		return 0, 0, err
	}
	bonded = min(amount, have[ledger.Bonded])
	unbonding = min(amount-bonded, have[ledger.Unbonding])
	if err := ledger.Move(t, ledger.Of(id, ledger.Bonded), to, bonded, ref, "slash_hold"); err != nil {
		return 0, 0, err
	}
	if err := ledger.Move(t, ledger.Of(id, ledger.Unbonding), to, unbonding, ref, "slash_hold"); err != nil {
		return 0, 0, err
	}
	rows, err := store.Select[unbondingRow](t, "WHERE provider_id = ? ORDER BY release_round DESC, seq DESC", id)
	if err != nil {
		return 0, 0, err
	}
	left := unbonding
	for _, u := range rows {
		cut := min(left, u.Amount)
		if cut == 0 {
			break
		}
		if _, err := t.Exec("UPDATE unbonding SET amount = amount - ? WHERE provider_id = ? AND seq = ?", cut, id, u.Seq); err != nil {
			return 0, 0, err
		}
		left -= cut
	}
	if _, err := t.Exec("DELETE FROM unbonding WHERE provider_id = ? AND amount = 0", id); err != nil {
		return 0, 0, err
	}
	if left != 0 {
		return 0, 0, errors.New("unbonding rows and balance differ")
	}
	return bonded, unbonding, nil
}

// Unseize undoes Seize. What was unbonding unbonds from now on again. The caller
// appends the event.
func Unseize(t *store.Tx, term *epoch.Term, id digest.Digest, bonded, unbonding aicf.Amount, from store.Account, ref digest.Digest) error {
	if err := ledger.Move(t, from, ledger.Of(id, ledger.Bonded), bonded, ref, "slash_return"); err != nil {
		return err
	}
	if unbonding == 0 {
		return nil
	}
	if err := ledger.Move(t, from, ledger.Of(id, ledger.Unbonding), unbonding, ref, "slash_return"); err != nil {
		return err
	}
	return store.Insert(t, &unbondingRow{Provider: id, Seq: t.Seq(), Amount: unbonding, ReleaseRound: term.Round + term.Rules.UnbondingRounds})
}
