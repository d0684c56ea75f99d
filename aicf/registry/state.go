package registry

import (
	"slices"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// standing is the state that follows from the facts.
func standing(r *Row, staked aicf.Amount, term *epoch.Term, nowMS int64) aicf.ProviderState {
	switch {
	case r.State == aicf.Retired, r.State == aicf.Suspended:
		return r.State
	case r.JailedUntil > term.Round:
		return aicf.Jailed
	case uint64(staked) < term.Policy.Registry.StakeMin.Quantum:
		return aicf.Registered
	case r.BeatMS == 0 || r.Missed >= max(1, term.Policy.Slashing.Grace.MissedHeartbeatSoft):
		return aicf.Eligible
	}
	return aicf.Active
}

// Settle recomputes the provider's state and records a transition. The caller
// appends the event.
func Settle(t *store.Tx, r *Row, term *epoch.Term) error {
	staked, err := Staked(t, r.ID)
	if err != nil {
		return err
	}
	return become(t, r, standing(r, staked, term, t.NowMS()))
}

func become(t *store.Tx, r *Row, to aicf.ProviderState) error {
	if r.State == to {
		return nil
	}
	if _, err := t.Exec("UPDATE provider SET state = ? WHERE id = ?", to, r.ID); err != nil {
		return err
	}
	r.State = to
	t.Became("provider", r.ID, string(to))
	return nil
}

// Jail keeps the provider from work until a round and cools it down until
// another; earlier ends never shorten later ones. The caller appends the event.
func Jail(t *store.Tx, r *Row, term *epoch.Term, until, cooldown uint64) error {
	r.JailedUntil, r.CooldownUntil = max(r.JailedUntil, until), max(r.CooldownUntil, cooldown)
	r.Offenses++
	if _, err := t.Exec("UPDATE provider SET jailed_until = ?, cooldown_until = ?, offenses = ? WHERE id = ?", r.JailedUntil, r.CooldownUntil, r.Offenses, r.ID); err != nil {
		return err
	}
	return Settle(t, r, term)
}

// Pardon undoes a penalty that was reversed: the ends become what the caller
// says, one offense less. The caller appends the event.
func Pardon(t *store.Tx, r *Row, term *epoch.Term, jailedUntil, cooldownUntil uint64) error {
	r.JailedUntil, r.CooldownUntil, r.Offenses = jailedUntil, cooldownUntil, r.Offenses-min(1, r.Offenses)
	if _, err := t.Exec("UPDATE provider SET jailed_until = ?, cooldown_until = ?, offenses = ? WHERE id = ?", r.JailedUntil, r.CooldownUntil, r.Offenses, r.ID); err != nil {
		return err
	}
	return Settle(t, r, term)
}

// Retire ends a provider's work for good.
func Retire(t *store.Tx, term *epoch.Term, id digest.Digest) (*Row, error) {
	r, err := Find(t, id)
	if err != nil || r.State == aicf.Retired {
		return r, err
	}
	if _, err := t.Exec("UPDATE provider SET due_ms = 0 WHERE id = ?", id); err != nil {
		return nil, err
	}
	if err := become(t, r, aicf.Retired); err != nil {
		return nil, err
	}
	_, err = t.Append(store.Note{Type: aicf.EvRetired, Provider: id})
	return r, err
}

// Unjail frees at most limit providers whose jail has ended, and says how many.
func Unjail(t *store.Tx, term *epoch.Term, limit int) (int, error) {
	rows, err := store.Select[Row](t, "WHERE state = 'jailed' AND jailed_until <= ? ORDER BY jailed_until LIMIT ?", term.Round, limit)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		if err := Settle(t, &rows[i], term); err != nil {
			return 0, err
		}
		if _, err := t.Append(store.Note{Type: aicf.EvProviderState, Provider: rows[i].ID, Info: map[string]any{"status": rows[i].State, "because": "jail ended"}}); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}

// listed applies the policy's lists; deny wins.
func listed(p *aicf.Policy, id digest.Digest) bool {
	deny, allow := p.Registry.Denylist, p.Registry.Allowlist
	if deny.Enabled && slices.Contains(deny.Providers, id.String()) {
		return false
	}
	return !allow.Enabled || slices.Contains(allow.Providers, id.String())
}
