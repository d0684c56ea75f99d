package registry

import (
	"fmt"
	"slices"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// filter is one reason for which a provider gets no work.
type filter struct {
	name string
	fix  string
	pass func(r *Row, staked aicf.Amount, term *epoch.Term, nowMS int64) (ok bool, detail string)
}

// filters in their order: the first that fails is the recorded reason.
var filters = []filter{
	{"retired", "register again: omni aicf provider_register --bundle FILE", func(r *Row, _ aicf.Amount, _ *epoch.Term, _ int64) (bool, string) {
		return r.State != aicf.Retired, "the provider retired"
	}},
	{"suspended", "register a bundle with fresh evidence", func(r *Row, _ aicf.Amount, _ *epoch.Term, _ int64) (bool, string) {
		return r.State != aicf.Suspended, "the evidence is not valid any more"
	}},
	{"jailed", "wait for the round named, or appeal: omni aicf dispute", func(r *Row, _ aicf.Amount, term *epoch.Term, _ int64) (bool, string) {
		return r.JailedUntil <= term.Round, fmt.Sprintf("jailed until round %d, this is round %d", r.JailedUntil, term.Round)
	}},
	{"cooldown", "wait for the round named", func(r *Row, _ aicf.Amount, term *epoch.Term, _ int64) (bool, string) {
		return r.CooldownUntil <= term.Round, fmt.Sprintf("cooling down until round %d, this is round %d", r.CooldownUntil, term.Round)
	}},
	{"lists", "ask the network's operators", func(r *Row, _ aicf.Amount, term *epoch.Term, _ int64) (bool, string) {
		return listed(term.Policy, r.ID), "the policy's lists do not admit the provider"
	}},
	{"region", "register with one of the regions of the policy", func(r *Row, _ aicf.Amount, term *epoch.Term, _ int64) (bool, string) {
		want := term.Policy.Registry.Regions.RequireAnyOf
		ok := len(want) == 0 || slices.ContainsFunc(r.RegionList(), func(s string) bool { return slices.Contains(want, s) })
		return ok, fmt.Sprintf("regions %v, the policy wants one of %v", r.RegionList(), want)
	}},
	{"stake", "omni aicf provider_stake --amount N", func(_ *Row, staked aicf.Amount, term *epoch.Term, _ int64) (bool, string) {
		least := term.Policy.Registry.StakeMin.Quantum
		return uint64(staked) >= least, fmt.Sprintf("staked %d, the policy wants %d", staked, least)
	}},
	{"evidence", "register a bundle with evidence of that level", func(r *Row, _ aicf.Amount, term *epoch.Term, _ int64) (bool, string) {
		return levelRank[r.Level] >= levelRank[term.Rules.MinLevel], fmt.Sprintf("level %q, the policy wants %q", r.Level, term.Rules.MinLevel)
	}},
	{"heartbeat", "omni aicf provider_heartbeat, or start engine provider", func(r *Row, _ aicf.Amount, term *epoch.Term, nowMS int64) (bool, string) {
		if r.BeatMS == 0 {
			return false, "no heartbeat yet"
		}
		soft := max(1, term.Policy.Slashing.Grace.MissedHeartbeatSoft)
		return r.Missed < soft, fmt.Sprintf("%d heartbeats missed, the last came %d ms ago", r.Missed, nowMS-r.BeatMS)
	}},
	{"health", "send heartbeats every 30 s; the score recovers with each", func(r *Row, _ aicf.Amount, _ *epoch.Term, _ int64) (bool, string) {
		return r.HealthPPM > 0, "health is 0"
	}},
	{"draining", "send a heartbeat with qos normal", func(r *Row, _ aicf.Amount, _ *epoch.Term, _ int64) (bool, string) {
		return r.QoS != "draining", "the provider drains"
	}},
	{"capacity", "finish or release a lease, or raise capacity in the heartbeat", func(r *Row, _ aicf.Amount, _ *epoch.Term, _ int64) (bool, string) {
		return r.Running < r.Capacity, fmt.Sprintf("%d leases of capacity %d", r.Running, r.Capacity)
	}},
	{"quota_leases", "finish or release a lease", func(r *Row, _ aicf.Amount, term *epoch.Term, _ int64) (bool, string) {
		most := term.Policy.Quotas.LeasesMaxConcurrent.Quantum
		return r.Running < most, fmt.Sprintf("%d leases, the policy allows %d", r.Running, most)
	}},
	{"quota_units", "wait for the next epoch", func(r *Row, _ aicf.Amount, term *epoch.Term, _ int64) (bool, string) {
		used, most := r.UnitsIn(term.Epoch), term.Policy.Quotas.UnitsPerEpochMax.Quantum
		return used < most, fmt.Sprintf("%d units of %d in epoch %d", used, most, term.Epoch)
	}},
}

// Job filters, applied to each job behind the provider's own.
const (
	FilterNoJob     = "no_job" // nothing is queued
	FilterRegion    = "job_region"
	FilterAlgorithm = "job_algorithm"
	FilterPrice     = "job_price"
	FilterUnits     = "job_units"    // would exceed the quota of the epoch
	FilterExcluded  = "job_excluded" // the provider's result for it was judged before
	FilterRunner    = "job_runner"   // the job's lease goes to an enrolled runner only
	FilterOutbid    = "outbid"       // another provider got what there was
)

var jobFixes = map[string]string{
	FilterNoJob: "wait", FilterRegion: "register with the region of the jobs", FilterAlgorithm: "register with the algorithm of the jobs",
	FilterPrice: "lower min_price_ppm in the heartbeat", FilterUnits: "wait for the next epoch", FilterExcluded: "wait for other jobs",
	FilterRunner: "enrol a runner: engine provider start --tee KIND",
	FilterOutbid: "raise stake or health, or wait: the order is stake × health",
}

// Fix is what to do about a reason.
func Fix(name string) string {
	for _, f := range filters {
		if f.name == name {
			return f.fix
		}
	}
	return jobFixes[name]
}

// FilterNames lists all reasons in order.
func FilterNames() (out []string) {
	for _, f := range filters {
		out = append(out, f.name)
	}
	return append(out, FilterNoJob, FilterRegion, FilterAlgorithm, FilterPrice, FilterUnits, FilterExcluded, FilterRunner, FilterOutbid)
}

// Judge runs every filter.
func Judge(r *Row, staked aicf.Amount, term *epoch.Term, nowMS int64) []aicf.FilterState {
	out := make([]aicf.FilterState, len(filters))
	for i, f := range filters {
		ok, detail := f.pass(r, staked, term, nowMS)
		if out[i] = (aicf.FilterState{Name: f.name, OK: ok}); !ok {
			out[i].Detail = detail
		}
	}
	return out
}

// First is the first filter that fails, empty when none does.
func First(r *Row, staked aicf.Amount, term *epoch.Term, nowMS int64) string {
	for _, f := range filters {
		if ok, _ := f.pass(r, staked, term, nowMS); !ok {
			return f.name
		}
	}
	return ""
}

// noteEveryMS is how often the same reason is counted again.
const noteEveryMS = 60_000

const hourMS = 3_600_000

// Note records why a provider was not matched; empty: it was. The same reason
// counts once a minute, so that waiting writes nothing.
func Note(t *store.Tx, r *Row, reason string) error {
	if r.Reason == reason && t.NowMS()-r.ReasonMS < noteEveryMS && r.ReasonMS > 0 {
		return nil
	}
	r.Reason, r.ReasonMS = reason, t.NowMS()
	if _, err := t.Exec("UPDATE provider SET reason = ?, reason_ms = ? WHERE id = ?", reason, t.NowMS(), r.ID); err != nil || reason == "" {
		return err
	}
	_, err := t.Exec(`INSERT INTO reason (provider_id, hour, filter, count, first_ms, last_ms) VALUES (?, ?, ?, 1, ?, ?)
		ON CONFLICT (provider_id, hour, filter) DO UPDATE SET count = reason.count + 1, last_ms = excluded.last_ms`, r.ID, t.NowMS()/hourMS, reason, t.NowMS(), t.NowMS())
	return err
}

type reasonRow struct {
	_       struct{} `db:"reason"`
	Hour    int64    `db:"hour"`
	Filter  string   `db:"filter"`
	Count   uint64   `db:"count"`
	FirstMS int64    `db:"first_ms"`
	LastMS  int64    `db:"last_ms"`
}

// Reasons sums the last 24 hours, most frequent first.
func Reasons(t *store.Tx, id digest.Digest, nowMS int64) ([]aicf.Reason, error) {
	rows, err := store.Select[reasonRow](t, "WHERE provider_id = ? AND hour > ? ORDER BY hour, filter", id, nowMS/hourMS-24)
	if err != nil {
		return nil, err
	}
	out := []aicf.Reason{}
	for _, r := range rows {
		i := slices.IndexFunc(out, func(x aicf.Reason) bool { return x.Filter == r.Filter })
		if i < 0 {
			i = len(out)
			out = append(out, aicf.Reason{Filter: r.Filter, SinceMS: r.FirstMS, Fix: Fix(r.Filter)})
		}
		out[i].Count += r.Count
		out[i].LastMS = r.LastMS
	}
	slices.SortStableFunc(out, func(a, b aicf.Reason) int { return int(b.Count) - int(a.Count) })
	return out, nil
}

// ForgetReasons deletes reasons older than a day.
func ForgetReasons(t *store.Tx) error {
	_, err := t.Exec("DELETE FROM reason WHERE hour <= ?", t.NowMS()/hourMS-24)
	return err
}
