package main

import (
	"github.com/animicaorg/engine/aicf/sla"
	"github.com/animicaorg/engine/internal/strictjson"
)

// names of a dimension in a table and in metrics.
var dimensions = map[sla.Dimension]struct{ threshold, metric, value, bound string }{
	sla.Traps:        {"traps_ratio_max", "traps", "fail_ratio", "gt_ratio"},
	sla.QoS:          {"qos_min", "qos", "score", "lt_score"},
	sla.Latency:      {"latency_p95_ms_max", "latency_p95_ms", "value", "gt_ms"},
	sla.Availability: {"availability_min", "availability", "ratio", "lt_ratio"},
}

func evaluate(f fields) (any, error) {
	table := sla.Default()
	if n := f.get("table"); n != nil && n.Kind == strictjson.String {
		if n.Text != "default" && n.Text != "lineage" {
			f.refuse(invalidCase, "table %.40q is not known", n.Text)
		}
	} else if n != nil {
		readTable(f.object("table", "thresholds", "min_samples", "severity_base", "dimension_to_severity", "escalation"), table)
	}
	stake, offenses := f.uint("stake"), f.uintOr("recent_offenses", 0)
	metrics := f.object("metrics", "traps", "qos", "latency_p95_ms", "availability")
	measured := map[sla.Dimension]sla.Measurement{}
	for _, d := range sla.Dimensions {
		if n := dimensions[d]; metrics.has(n.metric) {
			m := metrics.object(n.metric, n.value, "samples")
			measured[d] = sla.Measurement{Value: m.rat(n.value), Samples: m.uint("samples")}
		}
	}
	if f.failed() {
		return nil, errStuck
	}
	v, err := table.Evaluate(stake, offenses, measured)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"decision": v.Decision, "severity": nil, "slash": v.Slash, "cooldown_epochs": v.CooldownEpochs, "jail_epochs": v.JailEpochs, "stake_after": v.StakeAfter}
	if v.Severity != sla.None {
		out["severity"] = v.Severity.String()
	}
	return out, nil
}

// readTable replaces the parts of t that the case gives.
func readTable(f fields, t *sla.Table) {
	if f.has("thresholds") {
		o := f.object("thresholds", "traps_ratio_max", "qos_min", "latency_p95_ms_max", "availability_min")
		for _, d := range sla.Dimensions {
			t.Thresholds[d] = o.maybeRat(dimensions[d].threshold)
		}
	}
	if f.has("min_samples") {
		o := f.object("min_samples", "traps", "qos", "latency", "availability")
		for _, d := range sla.Dimensions {
			t.MinSamples[d] = o.uintOr(string(d), t.MinSamples[d])
		}
	}
	if f.has("severity_base") {
		o := f.object("severity_base", "minor", "major", "critical")
		for _, s := range []sla.Severity{sla.Minor, sla.Major, sla.Critical} {
			if o.has(s.String()) {
				b := o.object(s.String(), "slash_tokens", "cooldown_epochs", "jail_epochs")
				t.Base[s] = sla.Base{Slash: b.uint("slash_tokens"), CooldownEpochs: b.uint("cooldown_epochs"), JailEpochs: b.uint("jail_epochs")}
			}
		}
	}
	if f.has("dimension_to_severity") {
		readBands(f.object("dimension_to_severity", "traps", "qos", "latency", "availability"), t)
	}
	if f.has("escalation") {
		readEscalation(f.object("escalation", "window_epochs", "multipliers"), t)
	}
}

func readBands(f fields, t *sla.Table) {
	for _, d := range sla.Dimensions {
		if !f.has(string(d)) {
			continue
		}
		t.Bands[d] = nil
		bound := dimensions[d].bound
		for _, b := range f.object(string(d), "bands").list("bands", bound, "severity") {
			s, err := sla.ParseSeverity(b.text("severity"))
			if err != nil {
				f.refuse(invalidCase, "%v", err)
			}
			t.Bands[d] = append(t.Bands[d], sla.Band{Bound: b.rat(bound), Severity: s})
		}
	}
}

func readEscalation(f fields, t *sla.Table) {
	items := f.need("multipliers", strictjson.Array).Items
	if len(items) == 0 {
		f.refuse(invalidCase, "multipliers are missing")
	}
	t.Multipliers = nil
	for i := range items {
		one := fields{&strictjson.Node{Kind: strictjson.Object, Members: []strictjson.Member{{Key: "multipliers", Value: items[i]}}}, f.path, f.err}
		m := one.rat("multipliers")
		if m.Sign() < 0 {
			f.refuse(domainError, "multipliers[%d] is negative", i)
		}
		t.Multipliers = append(t.Multipliers, m)
	}
}

func heartbeat(f fields) (any, error) {
	f.need("events", strictjson.Array)
	h := sla.NewHealth()
	steps := []any{}
	for _, e := range f.list("events", "t", "ok", "latency_ms") {
		b := sla.Beat{T: e.rat("t"), OK: e.flag("ok"), LatencyMS: e.maybeRat("latency_ms")}
		if f.failed() {
			return nil, errStuck
		}
		switch h.Add(b) {
		case sla.Refused:
			steps = append(steps, map[string]any{"refused": "negative, or another beat of that time is known"})
		case sla.Ignored:
			steps = append(steps, map[string]any{"ignored": "not newer than the last beat"})
		default:
			steps = append(steps, map[string]any{"score": number(h.Score()), "status": h.Status()})
		}
	}
	return map[string]any{"steps": steps}, nil
}
