package registry

import (
	"errors"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
)

// Judged is what a verifier made of a bundle's evidence.
type Judged struct {
	Level proofs.Level
	Dev   bool
}

// reaches reports whether evidence of a level says what the policy demands.
func reaches(level string, rules *aicf.Network) bool {
	return proofs.Level(level).Covers(proofs.Level(rules.MinLevel))
}

// Register stores a verified bundle. raw are its bytes as received.
func Register(t *store.Tx, term *epoch.Term, b *keys.Bundle, raw []byte, j Judged) (*Row, bool, error) {
	id, sha3 := b.Identity.ProviderID, digest.Sum(raw)
	if !listed(term.Policy, id) {
		return nil, false, aicf.Refuse(aicf.Forbidden, "provider %s is not admitted by the policy's lists", id)
	}
	if !reaches(string(j.Level), &term.Rules) {
		return nil, false, aicf.Refuse(aicf.AttestationError, "the evidence reaches level %q, the policy demands %q", j.Level, term.Rules.MinLevel)
	}
	old, err := store.Get[Row](t, "WHERE id = ?", id)
	switch {
	case errors.Is(err, store.ErrNone):
		old = nil
	case err != nil:
		return nil, false, err
	case old.BundleSHA3 == sha3:
		return old, false, nil
	case b.Timestamp <= old.BundleTS:
		return nil, false, aicf.Refuse(aicf.Conflict, "the bundle is of %d, a newer one of %d is registered", b.Timestamp, old.BundleTS).In("/timestamp").Try("make the bundle again: engine bundle make")
	}
	if old != nil {
		chain, err := ChainOf(t, id)
		if err != nil {
			return nil, false, err
		}
		if !b.Identity.Chain.Extends(chain) {
			return nil, false, aicf.Refuse(aicf.Conflict, "the key_chain does not go on from the one that is registered").In("/provider/key_chain").Try("make the bundle with the newest keys: engine bundle make")
		}
	}
	r := &Row{ID: id, State: aicf.Registered, QoS: "normal", RegisteredMS: t.NowMS(), RegisteredRound: term.Round, HealthStatus: "UNRESPONSIVE"}
	if old != nil {
		r = old
		if r.State == aicf.Retired || r.State == aicf.Suspended {
			r.State = aicf.Registered // fresh evidence ends both
		}
	}
	r.BundleSHA3, r.BundleTS, r.Algorithms, r.Regions, r.Level, r.Dev = sha3, b.Timestamp, text(b.Algorithms), text(b.Regions), string(j.Level), j.Dev
	if err := save(t, r, raw, old == nil); err != nil {
		return nil, false, err
	}
	if err := enrol(t, b); err != nil {
		return nil, false, err
	}
	t.Became("provider", id, string(r.State))
	if err := Settle(t, r, term); err != nil {
		return nil, false, err
	}
	_, err = t.Append(store.Note{Type: aicf.EvRegistered, Provider: id, Info: map[string]any{"bundle": sha3, "level": j.Level, "dev": j.Dev, "new": old == nil}})
	return r, old == nil, err
}

func save(t *store.Tx, r *Row, raw []byte, fresh bool) (err error) {
	if fresh {
		_, err = t.Exec(`INSERT INTO provider (id, state, bundle_sha3, bundle_ts, algorithms, regions, level, dev, capacity, qos, version, min_price_ppm,
			beat_seq, beat_ms, due_ms, missed, health, health_ppm, health_status, log_size, running, quota_epoch, quota_units, jailed_until, cooldown_until, offenses, window_number,
			registered_ms, registered_round, reason, reason_ms)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, '', 0, 0, 0, 0, 0, '', 0, ?, 0, 0, 0, 0, 0, 0, 0, 1, ?, ?, '', 0)`,
			r.ID, r.State, r.BundleSHA3, r.BundleTS, r.Algorithms, r.Regions, r.Level, r.Dev, r.QoS, r.HealthStatus, r.RegisteredMS, r.RegisteredRound)
	} else {
		_, err = t.Exec("UPDATE provider SET state = ?, bundle_sha3 = ?, bundle_ts = ?, algorithms = ?, regions = ?, level = ?, dev = ? WHERE id = ?",
			r.State, r.BundleSHA3, r.BundleTS, r.Algorithms, r.Regions, r.Level, r.Dev, r.ID)
	}
	if err != nil {
		return err
	}
	_, err = t.Exec("INSERT INTO provider_text (provider_id, bundle) VALUES (?, ?) ON CONFLICT (provider_id) DO UPDATE SET bundle = excluded.bundle", r.ID, string(raw))
	return err
}

// Bundle is a provider's bundle as registered.
func Bundle(t *store.Tx, id digest.Digest) ([]byte, error) {
	var b []byte
	err := t.Scan("SELECT bundle FROM provider_text WHERE provider_id = ?", []any{id}, &b)
	return b, err
}

// ChainOf is the key chain of a registered provider, for verifiers of his proofs; nil: his
// root was never replaced.
func ChainOf(t *store.Tx, id digest.Digest) (*keys.Chain, error) {
	var raw string
	if err := t.Scan("SELECT bundle FROM provider_text WHERE provider_id = ?", []any{id}, &raw); err != nil {
		return nil, err
	}
	b, err := keys.ParseBundle([]byte(raw))
	if err != nil {
		return nil, fmt.Errorf("the bundle of provider %s: %w", id, err)
	}
	return b.Identity.Chain, nil
}
