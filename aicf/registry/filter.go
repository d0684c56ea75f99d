package registry

import (
	"fmt"
	"slices"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// look is what a filter judges.
type look struct {
	*Row
	staked aicf.Amount
	term   *epoch.Term
	nowMS  int64
}

// filter is one reason for which a provider gets no work.
type filter struct {
	name string
	fix  string
	pass func(l *look) bool
	says func(l *look) string // of a look that did not pass
}

// filters in their order: the first that fails is the recorded reason.
var filters = []filter{
	{"retired", "register again: omni aicf provider_register --bundle FILE",
		func(l *look) bool { return l.State != aicf.Retired },
		func(*look) string { return "the provider retired" }},
	{"suspended", "register a bundle with fresh evidence",
		func(l *look) bool { return l.State != aicf.Suspended },
		func(*look) string { return "the evidence is not valid any more" }},
	{"jailed", "wait for the round named, or appeal: omni aicf dispute",
		func(l *look) bool { return l.JailedUntil <= l.term.Round },
		func(l *look) string {
			return fmt.Sprintf("jailed until round %d, this is round %d", l.JailedUntil, l.term.Round)
		}},
	{"cooldown", "wait for the round named",
		func(l *look) bool { return l.CooldownUntil <= l.term.Round },
		func(l *look) string {
			return fmt.Sprintf("cooling down until round %d, this is round %d", l.CooldownUntil, l.term.Round)
		}},
	{"lists", "ask the network's operators",
		func(l *look) bool { return listed(l.term.Policy, l.ID) },
		func(*look) string { return "the policy's lists do not admit the provider" }},
	{"region", "register with one of the regions of the policy",
		func(l *look) bool {
			want := l.term.Policy.Registry.Regions.RequireAnyOf
			return len(want) == 0 || slices.ContainsFunc(l.RegionList(), func(s string) bool { return slices.Contains(want, s) })
		},
		func(l *look) string {
			return fmt.Sprintf("regions %v, the policy wants one of %v", l.RegionList(), l.term.Policy.Registry.Regions.RequireAnyOf)
		}},
	{"stake", "omni aicf provider_stake --amount N",
		func(l *look) bool { return uint64(l.staked) >= l.term.Policy.Registry.StakeMin.Quantum },
		func(l *look) string {
			return fmt.Sprintf("staked %d, the policy wants %d", l.staked, l.term.Policy.Registry.StakeMin.Quantum)
		}},
	{"evidence", "register a bundle with evidence of that level",
		func(l *look) bool { return levelRank[l.Level] >= levelRank[l.term.Rules.MinLevel] },
		func(l *look) string {
			return fmt.Sprintf("level %q, the policy wants %q", l.Level, l.term.Rules.MinLevel)
		}},
	{"heartbeat", "omni aicf provider_heartbeat, or start engine provider",
		func(l *look) bool {
			return l.BeatMS > 0 && l.Missed < max(1, l.term.Policy.Slashing.Grace.MissedHeartbeatSoft)
		},
		func(l *look) string {
			if l.BeatMS == 0 {
				return "no heartbeat yet"
			}
			return fmt.Sprintf("%d heartbeats missed, the last came %d ms ago", l.Missed, l.nowMS-l.BeatMS)
		}},
	{"health", "send heartbeats every 30 s; the score recovers with each",
		func(l *look) bool { return l.HealthPPM > 0 },
		func(*look) string { return "health is 0" }},
	{"draining", "send a heartbeat with qos normal",
		func(l *look) bool { return l.QoS != "draining" },
		func(*look) string { return "the provider drains" }},
	{"capacity", "finish or release a lease, or raise capacity in the heartbeat",
		func(l *look) bool { return l.Running < l.Capacity },
		func(l *look) string { return fmt.Sprintf("%d leases of capacity %d", l.Running, l.Capacity) }},
	{"quota_leases", "finish or release a lease",
		func(l *look) bool { return l.Running < l.term.Policy.Quotas.LeasesMaxConcurrent.Quantum },
		func(l *look) string {
			return fmt.Sprintf("%d leases, the policy allows %d", l.Running, l.term.Policy.Quotas.LeasesMaxConcurrent.Quantum)
		}},
	{"quota_units", "wait for the next epoch",
		func(l *look) bool { return l.UnitsIn(l.term.Epoch) < l.term.Policy.Quotas.UnitsPerEpochMax.Quantum },
		func(l *look) string {
			return fmt.Sprintf("%d units of %d in epoch %d", l.UnitsIn(l.term.Epoch), l.term.Policy.Quotas.UnitsPerEpochMax.Quantum, l.term.Epoch)
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
	l := &look{r, staked, term, nowMS}
	out := make([]aicf.FilterState, len(filters))
	for i, f := range filters {
		if out[i] = (aicf.FilterState{Name: f.name, OK: f.pass(l)}); !out[i].OK {
			out[i].Detail = f.says(l)
		}
	}
	return out
}

// First is the first filter that fails, empty when none does.
func First(r *Row, staked aicf.Amount, term *epoch.Term, nowMS int64) string {
	l := &look{r, staked, term, nowMS}
	for i := range filters {
		if !filters[i].pass(l) {
			return filters[i].name
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
