// Package penalty takes stake for faults: proposals whose amount is held at
// once, appeals that return it, and execution when nobody appealed in time; and
// the windows from which statistical faults follow.
//
// It promises that the same evidence is one proposal, that no more is taken than
// the provider has staked and unbonding and than the policy's bound of an epoch,
// that a reversal undoes every entry, and that pay of a disputed job waits for
// the outcome. Whether evidence is true is judged by the caller.
package penalty

import (
	"encoding/json"
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Row is a proposal.
type Row struct {
	_           struct{}        `db:"slash"`
	Seq         uint64          `db:"seq"`
	ID          digest.Digest   `db:"id"`
	Provider    digest.Digest   `db:"provider_id"`
	Job         digest.Digest   `db:"job_id"`
	Lease       digest.Digest   `db:"lease_id"`
	Reporter    digest.Digest   `db:"reporter"`
	Reason      string          `db:"reason"`
	Evidence    digest.Digest   `db:"evidence"`
	Document    string          `db:"document"`
	Amount      aicf.Amount     `db:"amount"`
	FromBonded  aicf.Amount     `db:"from_bonded"`
	State       aicf.SlashState `db:"state"`
	Epoch       uint64          `db:"epoch"`
	AppealTill  uint64          `db:"appeal_till"` // last round of the window
	JailTill    uint64          `db:"jail_till"`
	CooldownTil uint64          `db:"cooldown_till"`
	Window      uint64          `db:"window_number"` // 0: about one lease
	ProposedMS  int64           `db:"proposed_ms"`
	ResolvedMS  int64           `db:"resolved_ms"`
	Resolution  string          `db:"resolution"`
}

// Accusation is a fault with its evidence.
type Accusation struct {
	Provider, Job, Lease, Reporter digest.Digest
	Reason                         string
	Document                       any    // JSON; its bytes are the evidence
	Window                         uint64 // of a statistical fault
}

// cost is what a reason takes and for how long it keeps from work.
func cost(p *aicf.Policy, reason string) aicf.Penalty {
	n, all := p.Filled(), p.Slashing.Penalties
	with := func(base aicf.Penalty, amount uint64) aicf.Penalty {
		base.PenaltyAtomic = amount
		return base
	}
	switch reason {
	case aicf.ReasonTraps, aicf.ReasonFraud:
		return all.TrapsCheat
	case aicf.ReasonAttestation:
		return with(all.TrapsCheat, n.AttestPenalty)
	case aicf.ReasonDouble, aicf.ReasonCheckpoint:
		return with(all.TrapsCheat, n.DoublePenalty)
	case aicf.ReasonQoS:
		return all.QoSFail
	case aicf.ReasonLatency:
		return all.LatencySLA
	case aicf.ReasonLease:
		return all.LeaseLoss
	case aicf.ReasonBeacon:
		return with(all.HeartbeatMiss, n.BeaconPenalty)
	}
	return all.HeartbeatMiss
}

// ID names a proposal: H(qprov/v1/slash: chain_id, provider, reason, evidence).
func ID(chainID uint64, provider digest.Digest, reason string, evidence digest.Digest) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/slash").U64(1, chainID).H32(2, provider).Text(3, reason).H32(4, evidence).Sum()
}

// Propose holds stake for a fault. The same accusation again returns the
// proposal that it made.
func Propose(t *store.Tx, term *epoch.Term, a Accusation) (*Row, error) {
	doc, err := json.Marshal(a.Document)
	if err != nil {
		return nil, err
	}
	s := &Row{Provider: a.Provider, Job: a.Job, Lease: a.Lease, Reporter: a.Reporter, Reason: a.Reason, Evidence: digest.Sum(doc), Document: string(doc), State: aicf.SlashHeld,
		Epoch: term.Epoch, Window: a.Window, ProposedMS: t.NowMS()}
	if s.ID, err = ID(term.ChainID, s.Provider, s.Reason, s.Evidence); err != nil {
		return nil, err
	}
	switch old, err := store.Get[Row](t, "WHERE id = ?", s.ID); {
	case err == nil:
		return old, nil
	case !errors.Is(err, store.ErrNone):
		return nil, err
	}
	r, err := registry.Find(t, a.Provider)
	if err != nil {
		return nil, err
	}
	price := cost(term.Policy, a.Reason)
	if err := s.hold(t, term, price); err != nil {
		return nil, err
	}
	s.AppealTill = term.Round + term.Rules.AppealEpochs*term.Policy.Epochs.LengthBlocks
	if price.JailBlocks > 0 {
		s.JailTill = term.Round + price.JailBlocks
	}
	if price.CooldownBlocks > 0 {
		s.CooldownTil = term.Round + price.CooldownBlocks
	}
	s.Seq = t.Seq()
	if err := store.Insert(t, s); err != nil {
		return nil, err
	}
	if err := registry.Jail(t, r, term, s.JailTill, s.CooldownTil); err != nil {
		return nil, err
	}
	t.Became("slash", s.ID, string(s.State))
	if _, err := t.Append(s.note(aicf.EvSlashProposed, map[string]any{"slash": s.ID, "reason": s.Reason, "evidence": s.Evidence, "amount": s.Amount, "from_bonded": s.FromBonded,
		"appeal_until_round": s.AppealTill, "jailed_until_round": s.JailTill})); err != nil {
		return nil, err
	}
	return s, s.each(t, func(job digest.Digest) error { return settle.Hold(t, job, "slash "+s.ID.String()) })
}

// hold moves the amount, bounded by stake and by the epoch's bound.
func (s *Row) hold(t *store.Tx, term *epoch.Term, price aicf.Penalty) error {
	var before aicf.Amount
	if err := t.Scan("SELECT slashed FROM epoch WHERE number = ?", []any{term.Epoch}, &before); err != nil {
		return err
	}
	room := max(0, aicf.Amount(term.Policy.Slashing.Bounds.MaxPenaltyPerEpoch)-before)
	bonded, unbonding, err := registry.Seize(t, s.Provider, min(aicf.Amount(price.PenaltyAtomic), room), ledger.Of(s.Provider, ledger.SlashHeld), s.ID)
	if err != nil {
		return err
	}
	s.Amount, s.FromBonded = bonded+unbonding, bonded
	_, err = t.Exec("UPDATE epoch SET slashed = slashed + ? WHERE number = ?", s.Amount, term.Epoch)
	return err
}

func (s *Row) note(kind string, info any) store.Note {
	return store.Note{Type: kind, Provider: s.Provider, Job: s.Job, LeaseID: s.Lease, Info: info}
}

// each calls fn for the jobs whose pay depends on the proposal.
func (s *Row) each(t *store.Tx, fn func(job digest.Digest) error) error {
	jobs := []digest.Digest{}
	if !s.Job.IsZero() {
		jobs = append(jobs, s.Job)
	}
	if s.Window > 0 && s.Reason == aicf.ReasonLatency {
		late, err := store.Select[sampleRow](t, "WHERE provider_id = ? AND number = ? AND late = 1 ORDER BY job_id", s.Provider, s.Window)
		if err != nil {
			return err
		}
		for _, l := range late {
			jobs = append(jobs, l.Job)
		}
	}
	for _, job := range jobs {
		if err := fn(job); err != nil {
			return err
		}
	}
	return nil
}

// resolve makes a held proposal final.
func (s *Row) resolve(t *store.Tx, to aicf.SlashState, why string) error {
	n, err := t.Exec("UPDATE slash SET state = ?, resolved_ms = ?, resolution = ? WHERE id = ? AND state IN ('held', 'appealed')", to, t.NowMS(), why, s.ID)
	if err != nil {
		return err
	}
	if n != 1 {
		return aicf.Refuse(aicf.Conflict, "slash %s is %s", s.ID, s.State)
	}
	s.State, s.ResolvedMS, s.Resolution = to, t.NowMS(), why
	t.Became("slash", s.ID, string(to))
	return nil
}

// Execute takes the held amount: the burned and the reporter's share by policy,
// the rest to the fund. The pay that waited goes back to the buyers.
func Execute(t *store.Tx, term *epoch.Term, s *Row, why string) error {
	if err := s.resolve(t, aicf.SlashExecuted, why); err != nil {
		return err
	}
	from := ledger.Of(s.Provider, ledger.SlashHeld)
	burn, _, err1 := economics.MulDiv(uint64(s.Amount), uint64(term.Rules.BurnShare), aicf.Nano)
	reward, _, err2 := economics.MulDiv(uint64(s.Amount), uint64(term.Rules.ReporterShare), aicf.Nano)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	burned, reporter := aicf.Amount(burn), aicf.Amount(reward)
	if s.Reporter.IsZero() {
		reporter = 0
	}
	if err := errors.Join(
		ledger.Move(t, from, ledger.Common(ledger.Burned), burned, s.ID, "slash_burn"),
		ledger.Move(t, from, ledger.Of(s.Reporter, ledger.Available), reporter, s.ID, "slash_reward"),
		ledger.Move(t, from, ledger.Common(ledger.Fund), s.Amount-burned-reporter, s.ID, "slash_fund")); err != nil {
		return err
	}
	if _, err := t.Append(s.note(aicf.EvSlashExecuted, map[string]any{"slash": s.ID, "amount": s.Amount, "burned": burned, "reporter": reporter, "because": why})); err != nil {
		return err
	}
	return s.each(t, func(job digest.Digest) error { return settle.Refuse(t, job, "slash "+s.ID.String()+" was executed") })
}

// Reverse undoes a held proposal: amount, jail, offense and held pay.
func Reverse(t *store.Tx, term *epoch.Term, s *Row, why string) error {
	if err := s.appealable(); err != nil {
		return err
	}
	if err := s.resolve(t, aicf.SlashReversed, why); err != nil {
		return err
	}
	if err := registry.Unseize(t, term, s.Provider, s.FromBonded, s.Amount-s.FromBonded, ledger.Of(s.Provider, ledger.SlashHeld), s.ID); err != nil {
		return err
	}
	if _, err := t.Exec("UPDATE epoch SET slashed = slashed - ? WHERE number = ?", s.Amount, s.Epoch); err != nil {
		return err
	}
	r, err := registry.Find(t, s.Provider)
	if err != nil {
		return err
	}
	var jail, cooldown uint64
	if err := t.Scan("SELECT coalesce(max(jail_till), 0), coalesce(max(cooldown_till), 0) FROM slash WHERE provider_id = ? AND state <> 'reversed'", []any{s.Provider}, &jail, &cooldown); err != nil {
		return err
	}
	if err := registry.Pardon(t, r, term, jail, cooldown); err != nil {
		return err
	}
	if _, err := t.Append(s.note(aicf.EvSlashReversed, map[string]any{"slash": s.ID, "amount": s.Amount, "because": why})); err != nil {
		return err
	}
	return s.each(t, func(job digest.Digest) error { return settle.Free(t, job) })
}

// ExecuteDue executes at most limit proposals whose window is over.
func ExecuteDue(t *store.Tx, term *epoch.Term, limit int) (int, error) {
	rows, err := store.Select[Row](t, "WHERE state IN ('held', 'appealed') AND appeal_till < ? ORDER BY appeal_till LIMIT ?", term.Round, limit)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		if err := rows[i].divide(t, term); err != nil {
			return 0, err
		}
		if err := Execute(t, term, &rows[i], "the appeal window ended without a successful appeal"); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// Find returns a proposal; NotFound.
func Find(t *store.Tx, id digest.Digest) (*Row, error) {
	s, err := store.Get[Row](t, "WHERE id = ?", id)
	if errors.Is(err, store.ErrNone) {
		return nil, aicf.Refuse(aicf.NotFound, "slash %s is not known", id)
	}
	return s, err
}

// View is the row as the network shows it.
func (s *Row) View() aicf.Slash {
	return aicf.Slash{ID: s.ID, ProviderID: s.Provider, JobID: s.Job, LeaseID: s.Lease, Reason: s.Reason, Evidence: s.Evidence, Document: json.RawMessage(s.Document), Amount: s.Amount,
		FromBonded: s.FromBonded, State: s.State, Epoch: s.Epoch, AppealTill: s.AppealTill, JailTill: s.JailTill, ProposedMS: s.ProposedMS, ResolvedMS: s.ResolvedMS, Resolution: s.Resolution}
}

// Appealed records an appeal that did not succeed.
func Appealed(t *store.Tx, s *Row, d aicf.Dispute, why string) error {
	if err := s.appealable(); err != nil {
		return err
	}
	_, err := t.Append(s.note(aicf.EvSlashAppealed, map[string]any{"slash": s.ID, "bundle": d.Bundle, "note": d.Note, "refused": why}))
	return err
}
