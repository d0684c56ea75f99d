package registry

import (
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/sla"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// Limits of a heartbeat.
const (
	maxCapacity = 1 << 20
	maxFences   = 4096
	maxVersion  = 64
)

// Beat is what a heartbeat did.
type Beat struct {
	Row     *Row
	Outcome string               // counted, ignored
	Fork    *aicf.CheckpointNote // the head that the beat's checkpoint contradicts
}

// Heartbeat counts a beat.
func Heartbeat(t *store.Tx, term *epoch.Term, h aicf.Heartbeat) (*Beat, error) {
	if err := checkBeat(&h); err != nil {
		return nil, err
	}
	r, err := Find(t, h.ProviderID)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	sha3 := digest.Sum(body)
	switch {
	case r.State == aicf.Retired:
		return nil, aicf.Refuse(aicf.Conflict, "provider %s is retired", r.ID).Try("register again")
	case h.Seq < r.BeatSeq, h.Seq == r.BeatSeq && sha3 == r.BeatSHA3:
		return &Beat{Row: r, Outcome: "ignored"}, nil
	case h.Seq == r.BeatSeq && r.BeatMS != 0:
		return nil, aicf.Refuse(aicf.Conflict, "another heartbeat with seq %d was counted", h.Seq).In("/seq").Try("raise seq with every heartbeat")
	}
	out := &Beat{Row: r, Outcome: "counted"}
	if c := h.Checkpoint; c != nil {
		if c.Size < r.LogSize || c.Size == r.LogSize && r.LogSize > 0 && c.Root != r.LogRoot {
			out.Fork = &aicf.CheckpointNote{Size: r.LogSize, Root: r.LogRoot}
		} else {
			r.LogSize, r.LogRoot = c.Size, c.Root
		}
	}
	r.Capacity, r.QoS, r.Version, r.MinPricePPM = h.Capacity, h.QoS, h.Version, h.MinPrice
	r.BeatSeq, r.BeatSHA3, r.BeatMS, r.Missed = h.Seq, sha3, t.NowMS(), 0
	r.DueMS = t.NowMS() + int64(term.Rules.HeartbeatMS)*5/4 // a quarter of grace for the way
	if err := count(t, r, true); err != nil {
		return nil, err
	}
	if _, err := t.Exec("UPDATE provider SET capacity = ?, qos = ?, version = ?, min_price_ppm = ?, beat_seq = ?, beat_sha3 = ?, beat_ms = ?, log_size = ?, log_root = ? WHERE id = ?",
		r.Capacity, r.QoS, r.Version, r.MinPricePPM, r.BeatSeq, r.BeatSHA3, r.BeatMS, r.LogSize, r.LogRoot, r.ID); err != nil {
		return nil, err
	}
	if err := Settle(t, r, term); err != nil {
		return nil, err
	}
	_, err = t.Append(store.Note{Type: aicf.EvHeartbeat, Provider: r.ID, Info: map[string]any{"seq": h.Seq, "capacity": h.Capacity, "qos": h.QoS, "health_ppm": r.HealthPPM}})
	return out, err
}

func checkBeat(h *aicf.Heartbeat) error {
	if h.Seq == 0 {
		h.Seq = h.TS
	}
	if h.QoS == "" {
		h.QoS = "normal"
	}
	switch {
	case h.Capacity > maxCapacity:
		return aicf.Refuse(aicf.SchemaError, "capacity is %d, at most %d", h.Capacity, maxCapacity).In("/capacity")
	case h.QoS != "normal" && h.QoS != "degraded" && h.QoS != "draining":
		return aicf.Refuse(aicf.SchemaError, "qos is %.20q, want normal, degraded or draining", h.QoS).In("/qos")
	case h.Seq == 0 || h.Seq > aicf.MaxAmount:
		return aicf.Refuse(aicf.SchemaError, "seq and ts are both 0, or seq is above 2^53-1").In("/seq")
	case len(h.Fences) > maxFences:
		return aicf.Refuse(aicf.LimitExceeded, "%d fences, at most %d", len(h.Fences), maxFences).In("/fences")
	case len(h.Version) > maxVersion:
		return aicf.Refuse(aicf.LimitExceeded, "version has %d bytes, at most %d", len(h.Version), maxVersion).In("/version")
	case h.MinPrice > 10_000_000:
		return aicf.Refuse(aicf.SchemaError, "min_price_ppm is %d, at most 10000000", h.MinPrice).In("/min_price_ppm")
	}
	return nil
}

// count adds a beat, or a missed one, to the health score.
func count(t *store.Tx, r *Row, ok bool) error {
	h := sla.NewHealth()
	if err := h.UnmarshalText([]byte(r.Health)); err != nil {
		return fmt.Errorf("provider %s: %w", r.ID, err)
	}
	h.Add(sla.Beat{T: big.NewRat(t.NowMS(), 1000), OK: ok})
	b, err := h.MarshalText()
	if err != nil {
		return err
	}
	r.Health, r.HealthPPM, r.HealthStatus = string(b), h.PPM(), h.Status()
	_, err = t.Exec("UPDATE provider SET health = ?, health_ppm = ?, health_status = ?, due_ms = ?, missed = ? WHERE id = ?", r.Health, r.HealthPPM, r.HealthStatus, r.DueMS, r.Missed, r.ID)
	return err
}

// Miss counts at most limit overdue heartbeats and returns the providers.
func Miss(t *store.Tx, term *epoch.Term, limit int) ([]Row, error) {
	rows, err := store.Select[Row](t, "WHERE due_ms > 0 AND due_ms <= ? ORDER BY due_ms LIMIT ?", t.NowMS(), limit)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		r := &rows[i]
		r.Missed++
		if r.DueMS += int64(term.Rules.HeartbeatMS); r.DueMS <= t.NowMS() {
			r.DueMS = t.NowMS() + int64(term.Rules.HeartbeatMS) // the service slept: one miss, not many
		}
		if r.HealthPPM == 0 || r.Missed > 100 {
			r.DueMS = 0 // gone; the next heartbeat starts anew
		}
		if err := count(t, r, false); err != nil {
			return nil, err
		}
		if err := Settle(t, r, term); err != nil {
			return nil, err
		}
		if _, err := t.Append(store.Note{Type: aicf.EvProviderState, Provider: r.ID, Info: map[string]any{"status": r.State, "because": "heartbeat missed", "missed": r.Missed, "health_ppm": r.HealthPPM}}); err != nil {
			return nil, err
		}
	}
	return rows, nil
}
