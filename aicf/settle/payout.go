package settle

import (
	"encoding/json"
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// PayoutRow is a payout.
type PayoutRow struct {
	_         struct{}         `db:"payout"`
	ID        digest.Digest    `db:"id"`
	Provider  digest.Digest    `db:"provider_id"`
	Epoch     uint64           `db:"epoch"`
	Amount    aicf.Amount      `db:"amount"`
	State     aicf.PayoutState `db:"state"`
	Attempts  uint64           `db:"attempts"`
	NextMS    int64            `db:"next_ms"`
	CreatedMS int64            `db:"created_ms"`
	Answer    string           `db:"answer"`
}

// PayoutID names the one payout of an epoch to a provider.
func PayoutID(chainID uint64, provider digest.Digest, epoch uint64) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/payout").U64(1, chainID).H32(2, provider).U64(3, epoch).Sum()
}

// Claim makes the payout of what an epoch earned. internal pays it into the
// available balance at once; otherwise it waits for the payer. The same claim
// again returns the payout as it was made.
func Claim(t *store.Tx, term *epoch.Term, provider digest.Digest, number uint64, internal bool) (*aicf.Payout, error) {
	switch old, err := store.Get[PayoutRow](t, "WHERE provider_id = ? AND epoch = ?", provider, number); {
	case err == nil:
		p := &aicf.Payout{}
		return p, json.Unmarshal([]byte(old.Answer), p)
	case !errors.Is(err, store.ErrNone):
		return nil, err
	}
	e, err := store.Get[epoch.Row](t, "WHERE number = ?", number)
	switch {
	case errors.Is(err, store.ErrNone):
		return nil, aicf.Refuse(aicf.NotFound, "epoch %d has not begun; this is epoch %d", number, term.Epoch)
	case err != nil:
		return nil, err
	case e.State != aicf.EpochSettled:
		return nil, aicf.Refuse(aicf.NoResultYet, "epoch %d is not settled; this is epoch %d", number, term.Epoch).Try("claim when it is over")
	}
	var amount aicf.Amount
	err = t.Scan("SELECT amount FROM epoch_share WHERE epoch = ? AND provider_id = ?", []any{number, provider}, &amount)
	if errors.Is(err, store.ErrNone) || err == nil && amount == 0 {
		return nil, aicf.Refuse(aicf.NotFound, "epoch %d earned provider %s nothing", number, provider)
	} else if err != nil {
		return nil, err
	}
	if err := tellOf(t, provider, number); err != nil {
		return nil, err
	}
	p := &PayoutRow{Provider: provider, Epoch: number, Amount: amount, State: aicf.PayoutPending, CreatedMS: t.NowMS(), NextMS: t.NowMS()}
	if p.ID, err = PayoutID(term.ChainID, provider, number); err != nil {
		return nil, err
	}
	to := ledger.Paying
	if internal {
		to, p.State, p.NextMS = ledger.Available, aicf.PayoutPaid, 0
	}
	if err := ledger.Move(t, ledger.Of(provider, ledger.Claimable), ledger.Of(provider, to), amount, p.ID, "claim"); err != nil {
		return nil, err
	}
	return p.store(t)
}

func (p *PayoutRow) store(t *store.Tx) (*aicf.Payout, error) {
	lines, err := store.Select[Line](t, "WHERE settled = ? AND provider_id = ? AND state = 'claimable' ORDER BY seq", p.Epoch+1, p.Provider)
	if err != nil {
		return nil, err
	}
	if _, err := t.Exec("UPDATE claim_line SET state = 'paid' WHERE settled = ? AND provider_id = ? AND state = 'claimable'", p.Epoch+1, p.Provider); err != nil {
		return nil, err
	}
	t.Became("payout", p.ID, string(p.State))
	ev, err := t.Append(store.Note{Type: aicf.EvPayout, Provider: p.Provider, Info: map[string]any{"payout": p.ID, "epoch": p.Epoch, "amount": p.Amount, "status": p.State}})
	if err != nil {
		return nil, err
	}
	err = t.AppendAll(len(lines), func(i int) store.Note {
		t.Became("claim", lines[i].Claim, string(aicf.ClaimPaid))
		return lines[i].note(aicf.EvClaimed, map[string]any{"payout": p.ID, "epoch": p.Epoch})
	})
	if err != nil {
		return nil, err
	}
	out := p.view()
	out.Receipt = aicf.Receipt{Event: ev.Seq, EventHash: ev.Hash, Subject: p.ID}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	p.Answer = string(b)
	return out, store.Insert(t, p)
}

func (p *PayoutRow) view() *aicf.Payout {
	return &aicf.Payout{ID: p.ID, ProviderID: p.Provider, Epoch: p.Epoch, Amount: p.Amount, State: p.State, Attempts: p.Attempts, CreatedMS: p.CreatedMS}
}

// Payouts of a provider, newest first.
func Payouts(t *store.Tx, provider digest.Digest, limit int) ([]aicf.Payout, error) {
	rows, err := store.Select[PayoutRow](t, "WHERE provider_id = ? ORDER BY epoch DESC LIMIT ?", provider, limit)
	out := make([]aicf.Payout, len(rows))
	for i := range rows {
		out[i] = *rows[i].view()
	}
	return out, err
}

// Outbox lists at most limit payouts that wait for the payer.
func Outbox(t *store.Tx, nowMS int64, limit int) ([]PayoutRow, error) {
	return store.Select[PayoutRow](t, "WHERE state IN ('pending', 'sent', 'unknown') AND next_ms <= ? ORDER BY next_ms LIMIT ?", nowMS, limit)
}

// Sending records that the payer is about to be asked; false when another
// process was faster. What happens between here and Resolve is unknown, and is
// asked for, never repeated under another id.
func Sending(t *store.Tx, p *PayoutRow, retryMS int64) (bool, error) {
	n, err := t.Exec("UPDATE payout SET state = 'sent', attempts = attempts + 1, next_ms = ? WHERE id = ? AND attempts = ? AND state IN ('pending', 'sent', 'unknown')", t.NowMS()+retryMS, p.ID, p.Attempts)
	if err != nil || n != 1 {
		return false, err
	}
	p.State, p.Attempts = aicf.PayoutSent, p.Attempts+1
	t.Became("payout", p.ID, string(p.State))
	_, err = t.Append(store.Note{Type: aicf.EvPayout, Provider: p.Provider, Info: map[string]any{"payout": p.ID, "status": p.State, "attempts": p.Attempts}})
	return true, err
}

// Resolve records the payer's word: paid, failed (the amount becomes
// available), or unknown.
func Resolve(t *store.Tx, p *PayoutRow, to aicf.PayoutState) error {
	n, err := t.Exec("UPDATE payout SET state = ? WHERE id = ? AND state IN ('pending', 'sent', 'unknown')", to, p.ID)
	if err != nil || n != 1 {
		return err
	}
	switch to {
	case aicf.PayoutPaid:
		err = ledger.Move(t, ledger.Of(p.Provider, ledger.Paying), ledger.Common(ledger.PaidOut), p.Amount, p.ID, "paid")
	case aicf.PayoutFailed:
		err = ledger.Move(t, ledger.Of(p.Provider, ledger.Paying), ledger.Of(p.Provider, ledger.Available), p.Amount, p.ID, "payout_failed")
	}
	if err != nil {
		return err
	}
	p.State = to
	t.Became("payout", p.ID, string(to))
	_, err = t.Append(store.Note{Type: aicf.EvPayout, Provider: p.Provider, Info: map[string]any{"payout": p.ID, "status": to}})
	return err
}
