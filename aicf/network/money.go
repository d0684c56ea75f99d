package network

import (
	"context"
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// faucetAmount is what a development service gives an account that was never
// funded.
const faucetAmount aicf.Amount = 1_000_000_000

// fund gives a new account of a development service money.
func (s *Service) fund(t *store.Tx, account digest.Digest) error {
	if !s.cfg.Dev {
		return nil
	}
	var n int64
	err := t.Scan("SELECT credits FROM account WHERE owner = ? AND kind = 'available'", []any{account}, &n)
	if !errors.Is(err, store.ErrNone) {
		return err
	}
	return credit(t, account, faucetAmount, aicf.EvFaucet, "")
}

func credit(t *store.Tx, account digest.Digest, amount aicf.Amount, event, reference string) error {
	if err := ledger.Move(t, ledger.Common(ledger.Mint), ledger.Of(account, ledger.Available), amount, digest.Digest{}, event); err != nil {
		return err
	}
	_, err := t.Append(store.Note{Type: event, Info: map[string]any{"account": account, "amount": amount, "reference": reference}})
	return err
}

// maxReference bounds the reference of a deposit in bytes.
const maxReference = 128

type depositRow struct {
	_         struct{}      `db:"deposit"`
	Reference string        `db:"reference"`
	Account   digest.Digest `db:"account"`
	Amount    aicf.Amount   `db:"amount"`
}

// FundAccount names the network's fund in deposits: it pays subsidies.
var FundAccount = ledger.Network

// Deposit credits an account; only for calls signed by the treasury key. The
// reference makes it idempotent; at most 128 bytes, not empty. The account
// FundAccount is the fund.
func (s *Service) Deposit(ctx context.Context, c aicf.Call, account digest.Digest, amount aicf.Amount, reference string) (*aicf.Balance, error) {
	if len(s.cfg.Treasury) == 0 || c.Key != keys.KeyID(s.cfg.Treasury) || c.Unsigned {
		return nil, aicf.Refuse(aicf.Forbidden, "deposits are signed by the treasury key")
	}
	if reference == "" || len(reference) > maxReference || amount < 1 || amount > ledger.MaxAmount || account.IsZero() {
		return nil, aicf.Refuse(aicf.SchemaError, "want an account, an amount of 1..2^53-1 and a reference of 1..%d bytes", maxReference)
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.Balance, error) {
		switch old, err := store.Get[depositRow](t, "WHERE reference = ?", reference); {
		case err == nil && (old.Account != account || old.Amount != amount):
			return nil, aicf.Refuse(aicf.Conflict, "reference %q names another deposit", reference).In("/reference")
		case err == nil:
			return balance(t, account)
		case !errors.Is(err, store.ErrNone):
			return nil, err
		}
		if err := store.Insert(t, &depositRow{Reference: reference, Account: account, Amount: amount}); err != nil {
			return nil, err
		}
		to := ledger.Of(account, ledger.Available)
		if account == FundAccount {
			to = ledger.Common(ledger.Fund)
		}
		if err := ledger.Move(t, ledger.Common(ledger.Mint), to, amount, digest.Digest{}, aicf.EvDeposited); err != nil {
			return nil, err
		}
		if _, err := t.Append(store.Note{Type: aicf.EvDeposited, Info: map[string]any{"account": account, "amount": amount, "reference": reference}}); err != nil {
			return nil, err
		}
		return balance(t, account)
	})
}

// Faucet credits an account of a development service; Forbidden elsewhere.
func (s *Service) Faucet(ctx context.Context, c aicf.Call, account digest.Digest, amount aicf.Amount) (*aicf.Balance, error) {
	if !s.cfg.Dev {
		return nil, aicf.Refuse(aicf.Forbidden, "only a development service has a faucet")
	}
	if amount < 1 || amount > ledger.MaxAmount || account.IsZero() {
		return nil, aicf.Refuse(aicf.SchemaError, "want an account and an amount of 1..2^53-1")
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.Balance, error) {
		if err := credit(t, account, amount, aicf.EvFaucet, ""); err != nil {
			return nil, err
		}
		return balance(t, account)
	})
}

func balance(t *store.Tx, account digest.Digest) (*aicf.Balance, error) {
	b, err := ledger.Balances(t, account)
	if err != nil {
		return nil, err
	}
	out := &aicf.Balance{Account: account, Available: b[ledger.Available], Escrow: b[ledger.Escrow], Staked: b[ledger.Bonded], Unbonding: b[ledger.Unbonding], Held: b[ledger.SlashHeld],
		Accrued: b[ledger.Accrued], Claimable: b[ledger.Claimable], Pending: b[ledger.Accrued] + b[ledger.Claimable] + b[ledger.Paying]}
	err = t.Scan("SELECT coalesce(max(number), 0) FROM epoch WHERE state = 'settled'", nil, &out.LastSettlementEpoch)
	return out, err
}

// Balance of any account; zeros for an unknown one. Pending is before the split:
// it contains the treasury's and the miners' shares of what has accrued.
func (s *Service) Balance(ctx context.Context, account digest.Digest) (out *aicf.Balance, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		out, err = balance(t, account)
		return err
	})
}

// Statement explains the pay of every job of a provider, of one epoch or all.
func (s *Service) Statement(ctx context.Context, provider digest.Digest, epoch *uint64, after uint64, limit int) (out *aicf.Statement, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		out, err = settle.Statement(t, provider, epoch, after, page(limit))
		return err
	})
}

// Explain is the statement line of one job; NotFound while nothing accrued.
func (s *Service) Explain(ctx context.Context, job digest.Digest) (out *aicf.StatementLine, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		l, err := settle.OfJob(t, job)
		if errors.Is(err, store.ErrNone) {
			return aicf.Refuse(aicf.NotFound, "job %s earned nothing yet", job)
		} else if err != nil {
			return err
		}
		v := l.View()
		out = &v
		return nil
	})
}

// Claim pays what an epoch earned the provider. The same epoch gives the same
// payout; NoResultYet while the epoch is open; NotFound if it earned nothing.
func (s *Service) Claim(ctx context.Context, c aicf.Call, provider digest.Digest, number uint64) (*aicf.Payout, error) {
	if err := s.acts(c, provider); err != nil {
		return nil, err
	}
	out, err := update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.Payout, error) {
		return settle.Claim(t, term, provider, number, s.cfg.Payer == nil)
	})
	if err != nil {
		return nil, err
	}
	return out, s.sign(ctx, &out.Receipt, out.CreatedMS)
}

// Payouts of a provider, newest first.
func (s *Service) Payouts(ctx context.Context, provider digest.Digest, limit int) (out []aicf.Payout, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		out, err = settle.Payouts(t, provider, page(limit))
		return err
	})
}

// Epochs lists epochs, newest first.
func (s *Service) Epochs(ctx context.Context, limit int) (out []aicf.Epoch, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		rows, err := store.Select[epoch.Row](t, "ORDER BY number DESC LIMIT ?", page(limit))
		for i := range rows {
			out = append(out, settle.View(&rows[i]))
		}
		return err
	})
}

// Epoch is one epoch; NotFound before it began.
func (s *Service) Epoch(ctx context.Context, n uint64) (out *aicf.Epoch, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		e, err := store.Get[epoch.Row](t, "WHERE number = ?", n)
		if errors.Is(err, store.ErrNone) {
			return aicf.Refuse(aicf.NotFound, "epoch %d has not begun", n)
		} else if err != nil {
			return err
		}
		v := settle.View(e)
		out = &v
		return nil
	})
}

// Inclusion proves a claim under the root of the epoch that settled it.
func (s *Service) Inclusion(ctx context.Context, number uint64, claim digest.Digest) (out *aicf.InclusionProof, err error) {
	return out, s.db.View(ctx, func(t *store.Tx) error {
		if out, err = settle.Inclusion(t, number, claim); err == nil {
			out.Batch.Key = s.cfg.Service.KeyID()
		}
		return err
	})
}
