package registry

import (
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Runner is a key inside a TEE that leases are sealed to.
type Runner struct {
	_           struct{}      `db:"runner"`
	ID          digest.Digest `db:"id"` // of the enrolment's frame
	Provider    digest.Digest `db:"provider_id"`
	Seq         uint64        `db:"seq"`
	Document    string        `db:"document"` // enroll.Request
	Measurement []byte        `db:"measurement"`
	Dev         bool          `db:"dev"`
	SinceMS     int64         `db:"since_ms"`
	UntilMS     int64         `db:"until_ms"`
}

// nonceMS is how long a runner has to come back with a quote.
const nonceMS = 10 * 60_000

// Challenge gives the provider a nonce for one enrolment; the one before is void.
func Challenge(t *store.Tx, provider, nonce digest.Digest) (untilMS int64, err error) {
	if _, err := Find(t, provider); err != nil {
		return 0, err
	}
	untilMS = t.NowMS() + nonceMS
	_, err = t.Exec("INSERT INTO runner_nonce (provider_id, nonce, until_ms) VALUES (?, ?, ?) ON CONFLICT (provider_id) DO UPDATE SET nonce = excluded.nonce, until_ms = excluded.until_ms",
		provider, nonce, untilMS)
	return untilMS, err
}

// EnrolRunner stores a runner whose quote was verified, and spends its nonce: an enrolment
// that is sent again is refused.
func EnrolRunner(t *store.Tx, r *Runner, nonce digest.Digest) error {
	p, err := Find(t, r.Provider)
	if err != nil {
		return err
	}
	if p.State == aicf.Retired {
		return aicf.Refuse(aicf.Conflict, "provider %s is retired", p.ID).Try("register again")
	}
	n, err := t.Exec("DELETE FROM runner_nonce WHERE provider_id = ? AND nonce = ? AND until_ms > ?", r.Provider, nonce, t.NowMS())
	if err != nil {
		return err
	}
	if n != 1 {
		return aicf.Refuse(aicf.ReplayDetected, "the nonce is not the newest that this provider was given, was used, or is older than %d minutes", nonceMS/60_000).
			In("/enrolment/nonce").Try("POST /aicf/runners/nonce, quote over the new one")
	}
	if _, err := t.Exec("DELETE FROM runner WHERE provider_id = ? AND until_ms <= ?", r.Provider, t.NowMS()); err != nil {
		return err
	}
	r.Seq, r.SinceMS = t.Seq(), t.NowMS()
	if err := store.Insert(t, r); err != nil {
		return err
	}
	_, err = t.Append(store.Note{Type: aicf.EvRunnerEnrolled, Provider: r.Provider, Info: map[string]any{"runner": r.ID, "until_ms": r.UntilMS, "dev": r.Dev}})
	return err
}

// RunnerOf is the runner that the provider enrolled last; nil: it lives no more, or there
// is none. The keys of those before may be gone with a process.
func RunnerOf(t *store.Tx, provider digest.Digest, nowMS int64) (*Runner, error) {
	r, err := store.Get[Runner](t, "WHERE provider_id = ? ORDER BY seq DESC LIMIT 1", provider)
	if errors.Is(err, store.ErrNone) || err == nil && r.UntilMS <= nowMS {
		return nil, nil
	}
	return r, err
}

// AnyRunner says whether some runner lives.
func AnyRunner(t *store.Tx, nowMS int64) (bool, error) {
	var until int64
	err := t.Scan("SELECT until_ms FROM runner WHERE until_ms > ? ORDER BY until_ms DESC LIMIT 1", []any{nowMS}, &until)
	if errors.Is(err, store.ErrNone) {
		return false, nil
	}
	return err == nil, err
}
