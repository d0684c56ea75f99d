package settle

import (
	"context"
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Next is the oldest epoch that is over and not settled; ok is false when there
// is none.
func Next(t *store.Tx, term *epoch.Term) (n uint64, ok bool, err error) {
	err = t.Scan("SELECT number FROM epoch WHERE state = 'open' AND number < ? ORDER BY number LIMIT 1", []any{term.Epoch}, &n)
	if errors.Is(err, store.ErrNone) {
		return 0, false, nil
	}
	return n, err == nil, err
}

// settlement is the work on one epoch.
type settlement struct {
	*epoch.Row
	lines []Line
}

// Settle pays an epoch that is over: every accrued line of it or before goes to
// provider, treasury and miner, subsidies follow in order under the cap, and the
// batch is fixed under the service's signature. It is one command: all of it or
// nothing. Settling a settled epoch returns it as it is.
func Settle(ctx context.Context, t *store.Tx, term *epoch.Term, cal *epoch.Calendar, service keys.Signer, number uint64) (*epoch.Row, error) {
	e, err := store.Get[epoch.Row](t, "WHERE number = ?", number)
	switch {
	case errors.Is(err, store.ErrNone):
		return nil, aicf.Refuse(aicf.NotFound, "epoch %d has not begun", number)
	case err != nil:
		return nil, err
	case e.State == aicf.EpochSettled:
		return e, nil
	}
	if next, ok, err := Next(t, term); err != nil {
		return nil, err
	} else if !ok || next != number {
		return nil, aicf.Refuse(aicf.Conflict, "epoch %d is not over, or an epoch before it is not settled", number)
	}
	p, err := cal.PolicyOf(t, e.Policy)
	if err != nil {
		return nil, err
	}
	s := &settlement{Row: e}
	if s.lines, err = store.Select[Line](t, "WHERE state = 'accrued' AND epoch <= ? ORDER BY seq", number); err != nil {
		return nil, err
	}
	if s.Cap, err = fundCap(t, p, number); err != nil {
		return nil, err
	}
	for _, step := range []func(*store.Tx) error{s.pay, s.subsidise, s.fix} {
		if err := step(t); err != nil {
			return nil, err
		}
	}
	sig, err := keys.Sign(ctx, service, keys.PurposeReceipt, s.Batch, uint64(t.NowMS()/1000))
	if err != nil {
		return nil, err
	}
	s.Sig = sig.Sig
	return e, s.write(t)
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

// pay moves the lines: one transfer for each provider and share.
func (s *settlement) pay(t *store.Tx) error {
	var order []digest.Digest
	parts := map[digest.Digest]*[3]aicf.Amount{}
	for i := range s.lines {
		l := &s.lines[i]
		p := parts[l.Provider]
		if p == nil {
			p = &[3]aicf.Amount{}
			parts[l.Provider], order = p, append(order, l.Provider)
		}
		for k, v := range [3]aicf.Amount{l.Share, l.Treasury, l.Miner} {
			p[k] += v // each is at most what escrow held
		}
		s.Claims++
		s.Gross, s.Provider, s.Treasury, s.Miner = s.Gross+l.Gross, s.Provider+l.Share, s.Treasury+l.Treasury, s.Miner+l.Miner
		l.State, l.Settled = aicf.ClaimClaimable, s.Number+1
	}
	for _, id := range order {
		from := ledger.Of(id, ledger.Accrued)
		p := parts[id]
		if err := errors.Join(
			ledger.Move(t, from, ledger.Of(id, ledger.Claimable), p[0], digest.Digest{}, "settle"),
			ledger.Move(t, from, ledger.Common(ledger.Treasury), p[1], digest.Digest{}, "settle_treasury"),
			ledger.Move(t, from, ledger.Common(ledger.Miner), p[2], digest.Digest{}, "settle_miner"),
			share(t, s.Number, id, p[0])); err != nil {
			return err
		}
	}
	_, err := t.Exec("UPDATE claim_line SET state = 'claimable', settled = ? WHERE state = 'accrued' AND epoch <= ?", s.Number+1, s.Number)
	return err
}

// share adds to what a provider can claim of an epoch.
func share(t *store.Tx, number uint64, provider digest.Digest, amount aicf.Amount) error {
	if amount == 0 {
		return nil
	}
	_, err := t.Exec("INSERT INTO epoch_share (epoch, provider_id, amount) VALUES (?, ?, ?) ON CONFLICT (epoch, provider_id) DO UPDATE SET amount = epoch_share.amount + excluded.amount", number, provider, amount)
	return err
}

// subsidise pays what the fund owes, in the order of the lines, up to the cap
// and to what the fund has; the first that does not fit and all behind it wait.
func (s *settlement) subsidise(t *store.Tx) error {
	due, err := store.Select[Line](t, "WHERE subsidy_due > 0 AND settled > 0 ORDER BY seq")
	if err != nil || len(due) == 0 {
		return err
	}
	fund, err := ledger.Balance(t, ledger.Common(ledger.Fund))
	if err != nil {
		return err
	}
	limit := uint64(min(s.Cap, fund))
	in := economics.Epoch{Remainder: economics.Largest, CapRule: economics.Carry, Cap: &limit}
	for _, l := range due {
		in.Claims = append(in.Claims, economics.Claim{TaskID: l.Job.String(), ProviderID: l.Provider.String(), Units: uint64(l.SubsidyDue), PerUnit: 1, Shares: economics.Shares{Provider: economics.BPS}})
	}
	out, err := economics.Settle(in)
	if err != nil {
		return err
	}
	for i := range due {
		l := &due[i]
		if i >= len(out.Claims) {
			s.Carried++
			s.CarriedAmount += l.SubsidyDue
			continue
		}
		if err := errors.Join(
			ledger.Move(t, ledger.Common(ledger.Fund), ledger.Of(l.Provider, ledger.Claimable), l.SubsidyDue, l.Job, "subsidy"),
			share(t, s.Number, l.Provider, l.SubsidyDue)); err != nil {
			return err
		}
		if _, err := t.Exec("UPDATE claim_line SET subsidy = subsidy + subsidy_due, subsidy_due = 0 WHERE job_id = ?", l.Job); err != nil {
			return err
		}
		s.Subsidy += l.SubsidyDue
	}
	return nil
}

// Recompute gives root and batch of a settled epoch from its lines.
func Recompute(t *store.Tx, e *epoch.Row) (root, batch digest.Digest, err error) {
	copied := *e
	s := &settlement{Row: &copied}
	if s.lines, err = store.Select[Line](t, "WHERE settled = ? ORDER BY seq", e.Number+1); err != nil {
		return root, batch, err
	}
	err = s.fix(t)
	return s.Root, s.Batch, err
}

// fix computes root and batch.
func (s *settlement) fix(*store.Tx) error {
	var tree transcript.Tree
	for i := range s.lines {
		leaf, err := s.lines[i].Leaf(s.Number)
		if err != nil {
			return err
		}
		tree.Append(leaf)
	}
	s.Root = tree.Root()
	var err error
	s.Batch, err = BatchDigest(s.Number, s.Root, batchOf(s.Row))
	return err
}

// BatchDigest is what the service signs of a settled epoch.
func BatchDigest(number uint64, root digest.Digest, b *aicf.EpochBatch) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/epoch-batch").U64(1, number).H32(2, b.Policy).H32(3, root).U64(4, b.Claims).U64(5, uint64(b.Gross)).
		U64(6, uint64(b.Subsidy)).U64(7, b.Carried).Sum()
}

func batchOf(e *epoch.Row) *aicf.EpochBatch {
	return &aicf.EpochBatch{Policy: e.Policy, Claims: e.Claims, Gross: e.Gross, Subsidy: e.Subsidy, Carried: e.Carried, SignedAt: uint64(e.SettledMS / 1000), Sig: e.Sig}
}

func (s *settlement) write(t *store.Tx) error {
	s.State, s.SettledMS = aicf.EpochSettled, t.NowMS()
	if _, err := t.Exec(`UPDATE epoch SET state = ?, claims = ?, gross = ?, provider = ?, treasury = ?, miner = ?, subsidy = ?, cap = ?, carried = ?, carried_amount = ?, batch = ?, root = ?, sig = ?, settled_ms = ?
		WHERE number = ? AND state = 'open'`, s.State, s.Claims, s.Gross, s.Provider, s.Treasury, s.Miner, s.Subsidy, s.Cap, s.Carried, s.CarriedAmount, s.Batch, s.Root, s.Sig, s.SettledMS, s.Number); err != nil {
		return err
	}
	if _, err := t.Append(store.Note{Type: aicf.EvEpochSettled, Info: map[string]any{"epoch": s.Number, "batch": s.Batch, "claims": s.Claims, "gross": s.Gross, "subsidy": s.Subsidy, "carried": s.Carried}}); err != nil {
		return err
	}
	return t.AppendAll(len(s.lines), func(i int) store.Note {
		l := &s.lines[i]
		t.Became("claim", l.Claim, string(aicf.ClaimClaimable))
		return l.note(aicf.EvSettled, settledInfo{s.Number, l.Share})
	})
}

// settledInfo is what the event of a settled line says.
type settledInfo struct {
	Epoch    uint64      `json:"epoch"`
	Provider aicf.Amount `json:"provider"`
}

// View is an epoch as the network shows it.
func View(e *epoch.Row) aicf.Epoch {
	return aicf.Epoch{Number: e.Number, State: e.State, FirstRnd: e.FirstRound, LastRnd: e.LastRound, Policy: e.Policy, Claims: e.Claims, Gross: e.Gross, Provider: e.Provider,
		Treasury: e.Treasury, Miner: e.Miner, Subsidy: e.Subsidy, Cap: e.Cap, Carried: e.Carried, CarriedBy: e.CarriedAmount, Batch: e.Batch, Root: e.Root, SettledMS: e.SettledMS}
}

// Inclusion proves that a claim lies under its epoch's root.
func Inclusion(t *store.Tx, number uint64, claim digest.Digest) (*aicf.InclusionProof, error) {
	e, err := store.Get[epoch.Row](t, "WHERE number = ?", number)
	if errors.Is(err, store.ErrNone) || err == nil && e.State != aicf.EpochSettled {
		return nil, aicf.Refuse(aicf.NoResultYet, "epoch %d is not settled", number)
	} else if err != nil {
		return nil, err
	}
	lines, err := store.Select[Line](t, "WHERE settled = ? ORDER BY seq", number+1)
	if err != nil {
		return nil, err
	}
	out := &aicf.InclusionProof{Epoch: number, Claim: claim, Size: uint64(len(lines)), Root: e.Root, Batch: *batchOf(e)}
	leaves, found := make([]digest.Digest, len(lines)), false
	for i := range lines {
		leaf, err := lines[i].Leaf(number)
		if err != nil {
			return nil, err
		}
		if leaves[i] = transcript.LeafHash(leaf); lines[i].Claim == claim {
			found, out.Index, out.Leaf = true, uint64(i), leaf
		}
	}
	if !found {
		return nil, aicf.Refuse(aicf.NotFound, "claim %s was not settled in epoch %d", claim, number)
	}
	out.Path, err = transcript.InclusionProof(leaves, int(out.Index))
	return out, err
}
