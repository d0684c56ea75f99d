// Package registry keeps who may work: providers and their standing, stake,
// heartbeats and health, keys and their rotation, and the filters that say why
// a provider gets no work.
//
// It promises that a provider's state is a function of stake, heartbeats,
// penalties and evidence, recomputed at each change; that stake moves only by
// transfers; and that an older heartbeat or bundle never replaces a newer one.
// It does not judge evidence or signatures of requests; callers hand it the
// verdict.
package registry

import (
	"encoding/json"
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/ledger"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Row is a provider's row without its bundle.
type Row struct {
	_               struct{}           `db:"provider"`
	ID              digest.Digest      `db:"id"`
	State           aicf.ProviderState `db:"state"`
	BundleSHA3      digest.Digest      `db:"bundle_sha3"`
	BundleTS        uint64             `db:"bundle_ts"`
	Algorithms      string             `db:"algorithms"` // JSON list
	Regions         string             `db:"regions"`    // JSON list
	Level           string             `db:"level"`
	Dev             bool               `db:"dev"`
	Capacity        uint64             `db:"capacity"`
	QoS             string             `db:"qos"`
	Version         string             `db:"version"`
	MinPricePPM     uint64             `db:"min_price_ppm"`
	BeatSeq         uint64             `db:"beat_seq"`
	BeatSHA3        digest.Digest      `db:"beat_sha3"`
	BeatMS          int64              `db:"beat_ms"`
	DueMS           int64              `db:"due_ms"` // when the next beat counts as missed; 0: none is awaited
	Missed          uint64             `db:"missed"` // in a row
	Health          string             `db:"health"`
	HealthPPM       uint64             `db:"health_ppm"`
	HealthStatus    string             `db:"health_status"`
	LogSize         uint64             `db:"log_size"`
	LogRoot         digest.Digest      `db:"log_root"`
	Running         uint64             `db:"running"`
	OfferID         digest.Digest      `db:"offer_id"`
	QuotaEpoch      uint64             `db:"quota_epoch"`
	QuotaUnits      uint64             `db:"quota_units"`
	JailedUntil     uint64             `db:"jailed_until"`
	CooldownUntil   uint64             `db:"cooldown_until"`
	Offenses        uint64             `db:"offenses"`
	Window          uint64             `db:"window_number"` // of the SLA, open
	RegisteredMS    int64              `db:"registered_ms"`
	RegisteredRound uint64             `db:"registered_round"`
	Reason          string             `db:"reason"`
	ReasonMS        int64              `db:"reason_ms"`

	algorithms, regions []string // read once
}

// Find returns a provider; NotFound.
func Find(t *store.Tx, id digest.Digest) (*Row, error) {
	r, err := store.Get[Row](t, "WHERE id = ?", id)
	if errors.Is(err, store.ErrNone) {
		return nil, aicf.Refuse(aicf.NotFound, "provider %s is not registered", id).Try("omni aicf provider_register --bundle FILE")
	}
	return r, err
}

// FindAll returns those of the providers that are registered.
func FindAll(t *store.Tx, ids []digest.Digest) (map[digest.Digest]*Row, error) {
	rows, err := store.SelectIDs[Row](t, "id", ids)
	out := make(map[digest.Digest]*Row, len(rows))
	for i := range rows {
		out[rows[i].ID] = &rows[i]
	}
	return out, err
}

func list(s string) (out []string) {
	json.Unmarshal([]byte(s), &out) // written by text below
	return out
}

func text(list []string) string {
	if list == nil {
		list = []string{}
	}
	b, _ := json.Marshal(list)
	return string(b)
}

// AlgorithmList and RegionList are the provider's own lists.
func (r *Row) AlgorithmList() []string {
	if r.algorithms == nil {
		r.algorithms = list(r.Algorithms)
	}
	return r.algorithms
}

// RegionList is where the provider works.
func (r *Row) RegionList() []string {
	if r.regions == nil {
		r.regions = list(r.Regions)
	}
	return r.regions
}

// UnitsIn is what the provider has reserved and used of an epoch's quota.
func (r *Row) UnitsIn(epoch uint64) uint64 {
	if r.QuotaEpoch != epoch {
		return 0
	}
	return r.QuotaUnits
}

// View is the row as the network shows it.
func (r *Row) View(t *store.Tx, epoch uint64) (*aicf.Provider, error) {
	b, err := ledger.Balances(t, r.ID)
	if err != nil {
		return nil, err
	}
	return &aicf.Provider{ID: r.ID, State: r.State, Algorithms: r.AlgorithmList(), Regions: r.RegionList(), Level: r.Level, Dev: r.Dev,
		Staked: b[ledger.Bonded], Unbonding: b[ledger.Unbonding], Held: b[ledger.SlashHeld], Capacity: r.Capacity, QoS: r.QoS,
		HealthPPM: r.HealthPPM, HealthStatus: r.HealthStatus, LastBeatMS: r.BeatMS, Running: r.Running, MinPricePPM: r.MinPricePPM,
		UnitsUsed: r.UnitsIn(epoch), JailedUntil: r.JailedUntil, CooldownTill: r.CooldownUntil, RegisteredMS: r.RegisteredMS,
		LastReason: r.Reason, ReasonMS: r.ReasonMS}, nil
}

// Staked is what a provider has bonded.
func Staked(t *store.Tx, id digest.Digest) (aicf.Amount, error) {
	return ledger.Balance(t, ledger.Of(id, ledger.Bonded))
}

// StakedAll is what each of the providers has bonded.
func StakedAll(t *store.Tx, ids []digest.Digest) (map[digest.Digest]aicf.Amount, error) {
	return ledger.BalanceAll(t, ledger.Bonded, ids)
}
