package penalty

import (
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/sla"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

type windowRow struct {
	_        struct{}      `db:"sla_window"`
	Provider digest.Digest `db:"provider_id"`
	Number   uint64        `db:"number"`
	Jobs     uint64        `db:"jobs"`
	Late     uint64        `db:"late"`
	Good     uint64        `db:"good"`
	Leases   uint64        `db:"leases"`
	Finished uint64        `db:"finished"`
	Beats    uint64        `db:"beats"`
	Missed   uint64        `db:"missed"`
	Verdict  string        `db:"verdict"`
	ClosedMS int64         `db:"closed_ms"`
}

type sampleRow struct {
	_         struct{}      `db:"sla_sample"`
	Provider  digest.Digest `db:"provider_id"`
	Number    uint64        `db:"number"`
	Job       digest.Digest `db:"job_id"`
	LatencyMS int64         `db:"latency_ms"`
	MaxMS     int64         `db:"max_latency_ms"`
	Late      bool          `db:"late"`
	Good      bool          `db:"good"`
	PassA     uint64        `db:"pass_a"`
	TrapsA    uint64        `db:"traps_a"`
	RateA     uint64        `db:"rate_a"`
	PassB     uint64        `db:"pass_b"`
	TrapsB    uint64        `db:"traps_b"`
	RateB     uint64        `db:"rate_b"`
}

// Sample is a judged result.
type Sample struct {
	Job              digest.Digest
	LatencyMS, MaxMS int64
	Good             bool   // accepted
	PassA, TrapsA    uint64 // raw counts, judged again; zeros where they were not
	RateA            uint64 // honest pass rate, ppb
	PassB, TrapsB    uint64
	RateB            uint64
}

// Judged counts a judged result, and closes the window when it is full.
func Judged(t *store.Tx, term *epoch.Term, provider digest.Digest, s Sample) error {
	late := s.MaxMS > 0 && s.LatencyMS > s.MaxMS
	r, err := registry.Find(t, provider)
	if err != nil {
		return err
	}
	if err := store.Insert(t, &sampleRow{Provider: provider, Number: r.Window, Job: s.Job, LatencyMS: s.LatencyMS, MaxMS: s.MaxMS, Late: late, Good: s.Good,
		PassA: s.PassA, TrapsA: s.TrapsA, RateA: s.RateA, PassB: s.PassB, TrapsB: s.TrapsB, RateB: s.RateB}); err != nil {
		return err
	}
	return count(t, term, r, windowRow{Jobs: 1, Leases: 1, Finished: 1, Late: one(late), Good: one(s.Good)})
}

// Lost counts an acked lease that ended without a result.
func Lost(t *store.Tx, term *epoch.Term, provider digest.Digest) error {
	r, err := registry.Find(t, provider)
	if err != nil {
		return err
	}
	return count(t, term, r, windowRow{Leases: 1})
}

// Beat counts heartbeats, come and missed. They fill no window.
func Beat(t *store.Tx, provider digest.Digest, come, missed uint64) error {
	r, err := registry.Find(t, provider)
	if err != nil {
		return err
	}
	return add(t, r, windowRow{Beats: come, Missed: missed})
}

func one(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func add(t *store.Tx, r *registry.Row, w windowRow) error {
	_, err := t.Exec(`INSERT INTO sla_window (provider_id, number, jobs, late, good, leases, finished, beats, missed, verdict, closed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0)
		ON CONFLICT (provider_id, number) DO UPDATE SET jobs = sla_window.jobs + excluded.jobs, late = sla_window.late + excluded.late, good = sla_window.good + excluded.good,
		leases = sla_window.leases + excluded.leases, finished = sla_window.finished + excluded.finished, beats = sla_window.beats + excluded.beats, missed = sla_window.missed + excluded.missed`,
		r.ID, r.Window, w.Jobs, w.Late, w.Good, w.Leases, w.Finished, w.Beats, w.Missed)
	return err
}

func count(t *store.Tx, term *epoch.Term, r *registry.Row, w windowRow) error {
	if err := add(t, r, w); err != nil {
		return err
	}
	now, err := store.Get[windowRow](t, "WHERE provider_id = ? AND number = ?", r.ID, r.Window)
	if err != nil || now.Leases < term.Rules.WindowJobs {
		return err
	}
	return closeWindow(t, term, r, now)
}

// reasons maps findings of a window to slashable faults.
var reasons = map[string]string{sla.FindTraps: aicf.ReasonTraps, sla.FindLatency: aicf.ReasonLatency, sla.FindCompletion: aicf.ReasonLease, sla.FindQuality: aicf.ReasonQoS, sla.FindAvailability: aicf.ReasonHeartbeat}

// closeWindow judges a full window. Within the grace of a new provider nothing
// is proposed.
func closeWindow(t *store.Tx, term *epoch.Term, r *registry.Row, w *windowRow) error {
	samples, err := store.Select[sampleRow](t, "WHERE provider_id = ? AND number = ? ORDER BY job_id", r.ID, w.Number)
	if err != nil {
		return err
	}
	sum := w.sum(samples)
	finding := sla.Judge(sum, sla.LimitsOf(term.Policy))
	if _, err := t.Exec("UPDATE sla_window SET verdict = ?, closed_ms = ? WHERE provider_id = ? AND number = ?", finding, t.NowMS(), r.ID, w.Number); err != nil {
		return err
	}
	if _, err := t.Exec("UPDATE provider SET window_number = ? WHERE id = ?", w.Number+1, r.ID); err != nil {
		return err
	}
	if _, err := t.Append(store.Note{Type: aicf.EvWindow, Provider: r.ID, Info: map[string]any{"window": w.Number, "finding": finding, "counts": sum}}); err != nil {
		return err
	}
	if finding == "" || term.Round < r.RegisteredRound+term.Policy.Slashing.Grace.StartupBlocks {
		return nil
	}
	_, err = Propose(t, term, Accusation{Provider: r.ID, Reason: reasons[finding], Window: w.Number, Document: map[string]any{"window": w.Number, "finding": finding, "counts": sum}})
	return err
}

func (w *windowRow) sum(samples []sampleRow) sla.Window {
	out := sla.Window{Jobs: w.Jobs, Late: w.Late, Good: w.Good, Leases: w.Leases, Finished: w.Finished, Beats: w.Beats, Missed: w.Missed}
	lowest := func(have *uint64, v uint64) {
		if v > 0 && (*have == 0 || v < *have) {
			*have = v
		}
	}
	for _, s := range samples {
		out.PassA, out.TrapsA, out.PassB, out.TrapsB = out.PassA+s.PassA, out.TrapsA+s.TrapsA, out.PassB+s.PassB, out.TrapsB+s.TrapsB
		lowest(&out.RateA, s.RateA)
		lowest(&out.RateB, s.RateB)
	}
	return out
}

// Open is a provider's window as it stands.
func Open(t *store.Tx, r *registry.Row) (sla.Window, error) {
	w, err := store.Get[windowRow](t, "WHERE provider_id = ? AND number = ?", r.ID, r.Window)
	if errors.Is(err, store.ErrNone) {
		return sla.Window{}, nil
	} else if err != nil {
		return sla.Window{}, err
	}
	samples, err := store.Select[sampleRow](t, "WHERE provider_id = ? AND number = ? ORDER BY job_id", r.ID, r.Window)
	return w.sum(samples), err
}
