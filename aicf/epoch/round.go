package epoch

import (
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/beacon"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

type entryRow struct {
	_          struct{}      `db:"beacon_entry"`
	Round      uint64        `db:"round"`
	Provider   digest.Digest `db:"provider_id"`
	Commitment digest.Digest `db:"commitment"`
	Value      digest.Digest `db:"value"`
}

// Commit stores a commitment for the next round.
func (c *Calendar) Commit(t *store.Tx, term *Term, provider digest.Digest, round uint64, commitment digest.Digest) error {
	if round != term.Round+1 {
		return aicf.Refuse(aicf.Conflict, "commitments are taken for round %d, this is for round %d", term.Round+1, round)
	}
	switch old, err := store.Get[entryRow](t, "WHERE round = ? AND provider_id = ?", round, provider); {
	case err == nil && old.Commitment == commitment:
		return nil
	case err == nil:
		return aicf.Refuse(aicf.Conflict, "another commitment for round %d is stored", round)
	case !errors.Is(err, store.ErrNone):
		return err
	}
	var n uint64
	if err := t.Scan("SELECT count(*) FROM beacon_entry WHERE round = ?", []any{round}, &n); err != nil {
		return err
	}
	if n >= beacon.MaxEntries {
		return aicf.Refuse(aicf.LimitExceeded, "round %d has %d participants", round, n)
	}
	if err := store.Insert(t, &entryRow{Round: round, Provider: provider, Commitment: commitment}); err != nil {
		return err
	}
	_, err := t.Append(store.Note{Type: aicf.EvBeaconCommitted, Provider: provider, Info: map[string]any{"round": round, "commitment": commitment}})
	return err
}

// Reveal opens a commitment of the open round.
func (c *Calendar) Reveal(t *store.Tx, term *Term, provider digest.Digest, round uint64, value digest.Digest) error {
	if round != term.Round {
		return aicf.Refuse(aicf.Conflict, "reveals are taken for round %d, this is for round %d", term.Round, round)
	}
	e, err := store.Get[entryRow](t, "WHERE round = ? AND provider_id = ?", round, provider)
	if errors.Is(err, store.ErrNone) {
		return aicf.Refuse(aicf.NotFound, "no commitment for round %d", round)
	} else if err != nil {
		return err
	}
	want, err := beacon.Commitment(c.ChainID, round, provider, value)
	switch {
	case err != nil:
		return err
	case want != e.Commitment || value.IsZero():
		return aicf.Refuse(aicf.ProofError, "the value does not open the commitment")
	case e.Value == value:
		return nil
	}
	if _, err := t.Exec("UPDATE beacon_entry SET value = ? WHERE round = ? AND provider_id = ?", value, round, provider); err != nil {
		return err
	}
	_, err = t.Append(store.Note{Type: aicf.EvBeaconRevealed, Provider: provider, Info: map[string]any{"round": round, "value": value}})
	return err
}

// Closed is what closing a round did.
type Closed struct {
	Round    uint64
	Value    digest.Digest
	Withheld []digest.Digest
	EpochEnd bool // the round was its epoch's last
}

// Close fixes the value of the open round and opens the next, in the next epoch
// if its length is reached. Nil when expected is not the open round.
func (c *Calendar) Close(t *store.Tx, expected uint64) (*Closed, error) {
	term, err := c.Now(t)
	if err != nil || term.Round != expected {
		return nil, err
	}
	rows, err := store.Select[entryRow](t, "WHERE round = ? ORDER BY provider_id", term.Round)
	if err != nil {
		return nil, err
	}
	var entries []beacon.Entry
	for _, r := range rows {
		entries = append(entries, beacon.Entry{Provider: r.Provider, Commitment: r.Commitment, Value: r.Value})
	}
	out := &Closed{Round: term.Round, Withheld: beacon.Withheld(entries)}
	local := len(entries) == 0
	if local && !c.Secret.IsZero() {
		out.Value, err = beacon.Local(c.ChainID, term.Round, c.Secret)
	} else {
		out.Value, err = beacon.Value(c.ChainID, term.Round, digest.Digest(term.Value), beacon.Proof(entries))
	}
	if err != nil {
		return nil, err
	}
	if _, err := t.Exec("UPDATE round SET closed_ms = ?, value = ?, dev = ?, commits = ?, reveals = ? WHERE number = ?",
		t.NowMS(), out.Value, local, len(entries), len(entries)-len(out.Withheld), term.Round); err != nil {
		return nil, err
	}
	next := term.Epoch
	if out.EpochEnd = term.Round+1-term.FirstRound >= term.Policy.Epochs.LengthBlocks; out.EpochEnd {
		next++
		if err := c.open(t, term, next); err != nil {
			return nil, err
		}
	}
	if err := store.Insert(t, &roundRow{Number: term.Round + 1, Epoch: next, StartedMS: t.NowMS()}); err != nil {
		return nil, err
	}
	_, err = t.Append(store.Note{Type: aicf.EvRound, Info: map[string]any{"round": term.Round, "value": out.Value, "epoch": term.Epoch, "commits": len(entries), "withheld": len(out.Withheld), "dev": local, "next_epoch": next}})
	return out, err
}

// open ends the term's epoch and begins the next with the newest policy whose
// activation has come.
func (c *Calendar) open(t *store.Tx, term *Term, next uint64) error {
	if _, err := t.Exec("UPDATE epoch SET last_round = ? WHERE number = ?", term.Round, term.Epoch); err != nil {
		return err
	}
	p, err := store.Select[policyRow](t, "WHERE activation <= ? ORDER BY activation DESC, seq DESC LIMIT 1", next)
	if err != nil {
		return err
	}
	hash := term.PolicyHash
	if len(p) == 1 {
		hash = p[0].Hash
	}
	return store.Insert(t, &Row{Number: next, State: aicf.EpochOpen, FirstRound: term.Round + 1, Policy: hash})
}

// Waiting is the policy that becomes active later, nil when there is none.
func (c *Calendar) Waiting(t *store.Tx, term *Term) (*aicf.Policy, error) {
	p, err := store.Select[policyRow](t, "WHERE activation <= ? ORDER BY activation DESC, seq DESC LIMIT 1", uint64(aicf.MaxAmount))
	if err != nil || len(p) == 0 || p[0].Hash == term.PolicyHash || p[0].Activation <= term.Epoch && p[0].Seq == 1 {
		return nil, err
	}
	return c.PolicyOf(t, p[0].Hash)
}

// Round is one round as the network shows it.
func (c *Calendar) Round(t *store.Tx, n uint64) (*aicf.Round, error) {
	r, err := store.Get[roundRow](t, "WHERE number = ?", n)
	if errors.Is(err, store.ErrNone) {
		return nil, aicf.Refuse(aicf.NotFound, "round %d has not begun", n)
	} else if err != nil {
		return nil, err
	}
	rows, err := store.Select[entryRow](t, "WHERE round = ? ORDER BY provider_id", n)
	if err != nil {
		return nil, err
	}
	var entries []beacon.Entry
	for _, r := range rows {
		entries = append(entries, beacon.Entry{Provider: r.Provider, Commitment: r.Commitment, Value: r.Value})
	}
	out := &aicf.Round{Number: r.Number, Epoch: r.Epoch, StartedMS: r.StartedMS, ClosedMS: r.ClosedMS, Value: r.Value, Dev: r.Dev,
		Commits: uint64(len(entries)), Withheld: uint64(len(beacon.Withheld(entries)))}
	out.Reveals = out.Commits - out.Withheld
	if r.ClosedMS > 0 {
		out.Proof = beacon.Proof(entries)
	}
	return out, nil
}
