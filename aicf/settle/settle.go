package settle

import (
	"context"
	"slices"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// An epoch is settled by many commands, none of which is longer than a page or the number
// of providers:
//
//	Take    gives its accrued lines their state, a page in a command; nobody sees a difference
//	Sum     adds up what was taken, on a snapshot and beside the writer
//	Settle  moves the sums and fixes the signed batch, in one command
//	Tell    writes the lines' own events, a page in a command
//
// Before Settle every line counts as accrued, behind it every one as claimable. Each of the
// four goes on where another process stopped.

// Settle pays an epoch whose lines were taken and summed: to provider, treasury and miner,
// one transfer each; subsidies follow in the order of lines under the cap; the batch is
// fixed under the service's signature. It answers false, and changes nothing, when the
// epoch is settled already or a line was taken since the sum: take and sum again.
func Settle(ctx context.Context, t *store.Tx, term *epoch.Term, cal *epoch.Calendar, service keys.Signer, s *Sums) (bool, error) {
	if next, ok, err := Next(t, term); err != nil || !ok || next != s.Epoch {
		return false, err
	}
	if left, err := untold(t); err != nil || left > 0 {
		return false, err
	}
	var n uint64
	if err := t.Scan("SELECT count(*) FROM claim_line WHERE state = 'claimable' AND settled = ?", []any{s.Epoch + 1}, &n); err != nil || n != s.claims {
		return false, err
	}
	e, err := store.Get[epoch.Row](t, "WHERE number = ?", s.Epoch)
	if err != nil {
		return false, err
	}
	p, err := cal.PolicyOf(t, e.Policy)
	if err != nil {
		return false, err
	}
	if e.Cap, err = fundCap(t, p, s.Epoch); err != nil {
		return false, err
	}
	if err := s.pay(t, e); err != nil {
		return false, err
	}
	if err := subsidise(t, e); err != nil {
		return false, err
	}
	e.Root = s.root
	if e.Batch, err = BatchDigest(e.Number, e.Root, batchOf(e)); err != nil {
		return false, err
	}
	sig, err := keys.Sign(ctx, service, keys.PurposeReceipt, e.Batch, uint64(t.NowMS()/1000))
	if err != nil {
		return false, err
	}
	e.Sig = sig.Sig
	return true, write(t, e)
}

// fundCap is what an epoch's subsidies may take from the fund: the policy's cap and, where it
// rolls over, what the epoch before left of its own.
func fundCap(t *store.Tx, p *aicf.Policy, number uint64) (aicf.Amount, error) {
	limit := p.Epochs.FundCapAtomic
	if !p.Epochs.RolloverUnspent || number == 0 {
		return aicf.Amount(limit), nil
	}
	before, err := store.Get[epoch.Row](t, "WHERE number = ?", number-1)
	if err != nil {
		return 0, err
	}
	limit, err = economics.RolledCap(limit, uint64(before.Cap-before.Subsidy))
	return aicf.Amount(limit), err
}

// pay moves the sums: one transfer for each provider and share.
func (s *Sums) pay(t *store.Tx, e *epoch.Row) error {
	e.Claims, e.Gross = s.claims, s.gross
	var moves []store.Move
	var shares []shareRow
	for _, id := range s.order {
		from := ledger.Of(id, ledger.Accrued)
		p := s.parts[id]
		moves = append(moves,
			store.Move{From: from, To: ledger.Of(id, ledger.Claimable), Amount: p[0], Reason: "settle"},
			store.Move{From: from, To: ledger.Common(ledger.Treasury), Amount: p[1], Reason: "settle_treasury"},
			store.Move{From: from, To: ledger.Common(ledger.Miner), Amount: p[2], Reason: "settle_miner"})
		shares = append(shares, shareRow{Epoch: s.Epoch, Provider: id, Amount: p[0]})
		e.Provider, e.Treasury, e.Miner = e.Provider+p[0], e.Treasury+p[1], e.Miner+p[2]
	}
	return give(t, moves, shares)
}

// shareRow is what a provider can claim of an epoch.
type shareRow struct {
	_        struct{}      `db:"epoch_share"`
	Epoch    uint64        `db:"epoch"`
	Provider digest.Digest `db:"provider_id"`
	Amount   aicf.Amount   `db:"amount"`
}

// give moves, and adds to what providers can claim; each has one share here.
func give(t *store.Tx, moves []store.Move, shares []shareRow) error {
	if err := ledger.MoveAll(t, moves, digest.Digest{}); err != nil {
		return err
	}
	shares = slices.DeleteFunc(shares, func(s shareRow) bool { return s.Amount == 0 })
	return store.UpsertAll(t, shares, "ON CONFLICT (epoch, provider_id) DO UPDATE SET amount = epoch_share.amount + excluded.amount")
}

// dueRow is a line that the fund owes a subsidy.
type dueRow struct {
	_        struct{}      `db:"claim_line"`
	Seq      uint64        `db:"seq"`
	Job      digest.Digest `db:"job_id"`
	Provider digest.Digest `db:"provider_id"`
	Due      aicf.Amount   `db:"subsidy_due"`
}

// subsidise pays what the fund owes, in the order of the lines, up to the cap
// and to what the fund has; the first that does not fit and all behind it wait.
// A provider's subsidies are one transfer; each line keeps its own.
func subsidise(t *store.Tx, e *epoch.Row) error {
	due, err := store.Select[dueRow](t, "WHERE subsidy_due > 0 AND settled > 0 ORDER BY seq")
	if err != nil || len(due) == 0 {
		return err
	}
	fund, err := ledger.Balance(t, ledger.Common(ledger.Fund))
	if err != nil {
		return err
	}
	limit := uint64(min(e.Cap, fund))
	in := economics.Epoch{Remainder: economics.Largest, CapRule: economics.Carry, Cap: &limit, Claims: make([]economics.Claim, len(due))}
	for i, l := range due {
		in.Claims[i] = economics.Claim{TaskID: string(l.Job[:]), ProviderID: string(l.Provider[:]), Units: uint64(l.Due), PerUnit: 1, Shares: economics.Shares{Provider: economics.BPS}}
	}
	out, err := economics.Settle(in)
	if err != nil {
		return err
	}
	paid := len(out.Claims)
	for _, l := range due[paid:] {
		e.Carried++
		e.CarriedAmount += l.Due
	}
	var moves []store.Move
	var shares []shareRow
	seen := map[digest.Digest]bool{}
	for _, l := range due[:paid] {
		if seen[l.Provider] {
			continue
		}
		seen[l.Provider] = true
		amount := aicf.Amount(out.Providers[string(l.Provider[:])])
		moves = append(moves, store.Move{From: ledger.Common(ledger.Fund), To: ledger.Of(l.Provider, ledger.Claimable), Amount: amount, Reason: "subsidy"})
		shares = append(shares, shareRow{Epoch: e.Number, Provider: l.Provider, Amount: amount})
		e.Subsidy += amount
	}
	if paid == 0 {
		return nil
	}
	if err := give(t, moves, shares); err != nil {
		return err
	}
	_, err = t.Exec("UPDATE claim_line SET subsidy = subsidy + subsidy_due, subsidy_due = 0 WHERE subsidy_due > 0 AND +settled > 0 AND +seq <= ?", due[paid-1].Seq)
	return err
}

func write(t *store.Tx, e *epoch.Row) error {
	e.State, e.SettledMS = aicf.EpochSettled, t.NowMS()
	if _, err := t.Exec(`UPDATE epoch SET state = ?, claims = ?, gross = ?, provider = ?, treasury = ?, miner = ?, subsidy = ?, cap = ?, carried = ?, carried_amount = ?, batch = ?, root = ?, sig = ?, settled_ms = ?
		WHERE number = ? AND state = 'open'`, e.State, e.Claims, e.Gross, e.Provider, e.Treasury, e.Miner, e.Subsidy, e.Cap, e.Carried, e.CarriedAmount, e.Batch, e.Root, e.Sig, e.SettledMS, e.Number); err != nil {
		return err
	}
	if _, err := t.Append(store.Note{Type: aicf.EvEpochSettled, Info: map[string]any{"epoch": e.Number, "batch": e.Batch, "claims": e.Claims, "gross": e.Gross, "subsidy": e.Subsidy, "carried": e.Carried}}); err != nil {
		return err
	}
	if _, err := t.Exec("UPDATE tally SET n = 0 WHERE name = 'told_line'"); err != nil {
		return err
	}
	_, err := t.Exec("INSERT INTO tally (name, n) VALUES ('untold_lines', ?) ON CONFLICT (name) DO UPDATE SET n = tally.n + excluded.n", e.Claims)
	return err
}
