package main

import (
	"math"
	"strconv"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/stats"
)

// maxSeries bounds the windows or jobs of one case.
const maxSeries = 4096

type pAnswer struct {
	P     float64 `json:"p"`
	Log10 float64 `json:"log10"`
}

type processAnswer struct {
	FirstBad  int     `json:"first_bad"` // from 0; -1: none
	Bad       int     `json:"bad"`
	Global    float64 `json:"global,omitempty"` // nats
	Cusum     float64 `json:"cusum"`
	GlobalMax float64 `json:"global_limit,omitempty"`
	CusumMax  float64 `json:"cusum_limit"`
}

type epsAnswer struct {
	Markov float64 `json:"eps95_markov"`
	Hidden float64 `json:"eps95_hidden"`
}

type acceptAnswer struct {
	Accept uint64 `json:"accept"`
}

type tminAnswer struct {
	TMin *uint64 `json:"t_min"` // null: no number suffices
}

type layoutAnswer struct {
	Traps   uint64 `json:"traps"`
	Windows uint64 `json:"windows"`
}

type ratesAnswer struct {
	A       float64 `json:"pass_rate_a"`
	B       float64 `json:"pass_rate_b"`
	Floor   float64 `json:"parity_floor"`
	NoError float64 `json:"no_error"`
}

func init() {
	for name, op := range map[string]operation{
		"lower_tail": {[]string{"k", "n", "p"}, func(c *caseReader) any {
			k, n := c.counts(stats.MaxTrials)
			p := c.chance("p")
			if c.err != nil {
				return nil
			}
			return tailAnswer{lnRightTail(n-k, n, 1-p) / math.Ln10} // at least n-k failures
		}},
		"fisher": {[]string{"p"}, func(c *caseReader) any {
			p := c.chances("p")
			if c.err != nil {
				return nil
			}
			return combined(stats.Fisher(p...))
		}},
		"tippett": {[]string{"p"}, func(c *caseReader) any {
			p := c.chances("p")
			if c.err != nil {
				return nil
			}
			return combined(stats.Tippett(p...))
		}},
		"accept_threshold": {[]string{"n", "p0", "alpha"}, func(c *caseReader) any {
			n := c.below("n", stats.MaxTrials)
			p0, alpha := toPpb(c.chance("p0")), toPpb(c.chance("alpha"))
			if c.err != nil {
				return nil
			}
			return acceptAnswer{stats.AcceptThreshold(n, p0, alpha)}
		}},
		"eps95": {[]string{"shots", "traps", "fails"}, func(c *caseReader) any {
			shots, traps, fails := c.below("shots", stats.MaxTrials), c.below("traps", 1<<16), c.integer("fails")
			if c.err == nil && (traps > shots || fails > traps) {
				c.refuse(domainError, "%d fails of %d traps of %d shots", fails, traps, shots)
			}
			if c.err != nil {
				return nil
			}
			return epsAnswer{float64(stats.Eps95Markov(fails, traps)) / stats.Ppb, float64(stats.Eps95Hidden(shots, traps, fails, stats.Ppb/2)) / stats.Ppb}
		}},
		"finite_population": {[]string{"shots", "traps", "fails", "delta"}, func(c *caseReader) any {
			shots, traps, fails, delta := c.below("shots", stats.MaxTrials), c.below("traps", 1<<16), c.integer("fails"), toPpb(c.chance("delta"))
			if c.err == nil && (traps > shots || fails > traps) {
				c.refuse(domainError, "%d fails of %d traps of %d shots", fails, traps, shots)
			}
			if c.err != nil {
				return nil
			}
			return intervalAnswer{0, float64(stats.Eps95Hidden(shots, traps, fails, delta)) / stats.Ppb}
		}},
		"t_min": {[]string{"p_a", "p_b", "width", "mix_a"}, func(c *caseReader) any {
			a, b, w, mix := toPpb(c.chance("p_a")), toPpb(c.chance("p_b")), c.below("width", 4096), c.integer("mix_a")
			if c.err != nil {
				return nil
			}
			if n := stats.TMin(a, b, w, mix > 0); n != stats.NoTMin {
				return tminAnswer{&n}
			}
			return tminAnswer{}
		}},
		"layout": {[]string{"shots", "ratio_ppm"}, func(c *caseReader) any {
			shots, ppm := c.below("shots", stats.MaxTrials), c.integer("ratio_ppm")
			l := stats.NewLayout(shots, ppm)
			return layoutAnswer{l.Traps, l.Windows}
		}},
		"pass_rates": {[]string{"n1", "n2", "width", "p1", "p2", "ro"}, func(c *caseReader) any {
			n1, n2, w := c.integer("n1"), c.integer("n2"), c.below("width", 4096)
			p := stats.Policy{P1: toPpb(c.chance("p1")), P2: toPpb(c.chance("p2")), RO: toPpb(c.chance("ro"))}
			if c.err != nil {
				return nil
			}
			a, b := stats.PassRates(n1, n2, w, p)
			f := func(v uint64) float64 { return float64(v) / stats.Ppb }
			return ratesAnswer{f(a), f(b), f(stats.ParityFloor(n1, n2, w, p)), f(stats.NoError(n1, n2, w, p))}
		}},
		"e_process": {[]string{"p_a", "p_b", "alpha", "windows"}, eProcess},
		"cusum":     {[]string{"p_a", "p_b", "mean_jobs", "jobs"}, cusum},
	} {
		operations[name] = op
	}
}

func combined(p float64) any { return pAnswer{p, math.Log10(max(p, 1e-320))} }

// eProcess weighs the windows of one job, [kA, nA, kB, nB] each.
func eProcess(c *caseReader) any {
	a, b, alpha, rows := toPpb(c.chance("p_a")), toPpb(c.chance("p_b")), toPpb(c.chance("alpha")), c.series("windows")
	if c.err == nil && len(rows) > stats.MaxWindows {
		c.refuse(domainError, "%d windows, at most %d", len(rows), stats.MaxWindows)
	}
	if c.err != nil {
		return nil
	}
	e := stats.NewEProcess(a, b, alpha, uint64(len(rows)))
	for _, r := range rows {
		e.Add(r[0], r[1], r[2], r[3])
	}
	g, m := e.Evidence()
	hg, hc := e.Thresholds()
	return processAnswer{e.FirstBad(), e.BadWindows(), stats.EvidenceFloat(g), stats.EvidenceFloat(m), stats.EvidenceFloat(hg), stats.EvidenceFloat(hc)}
}

// cusum watches jobs, [kA, nA, kB, nB] each.
func cusum(c *caseReader) any {
	a, b, mean, rows := toPpb(c.chance("p_a")), toPpb(c.chance("p_b")), c.integer("mean_jobs"), c.series("jobs")
	if c.err != nil {
		return nil
	}
	w, bad := stats.NewCusum(mean), 0
	for _, r := range rows {
		if w.Add(a, b, r[0], r[1], r[2], r[3]) {
			bad++
		}
	}
	now, limit := w.Evidence()
	return processAnswer{FirstBad: w.FirstAlarm(), Bad: bad, Cusum: stats.EvidenceFloat(now), CusumMax: stats.EvidenceFloat(limit)}
}

// below reads an integer from 1 to limit.
func (c *caseReader) below(key string, limit uint64) uint64 {
	v := c.integer(key)
	if c.err == nil && (v < 1 || v > limit) {
		c.refuse(domainError, "%s is %d, allowed are 1..%d", key, v, limit)
	}
	return v
}

func (c *caseReader) items(key string) []strictjson.Node {
	for i := range c.node.Members {
		if m := &c.node.Members[i]; m.Key == key && m.Value.Kind == strictjson.Array {
			if len(m.Value.Items) < 1 || len(m.Value.Items) > maxSeries {
				c.refuse(domainError, "%s has %d entries, allowed are 1..%d", key, len(m.Value.Items), maxSeries)
			}
			return m.Value.Items
		}
	}
	c.refuse(invalidCase, "%s is missing or no array", key)
	return nil
}

// chances reads an array of probabilities, 0 excluded and 1 included.
func (c *caseReader) chances(key string) (out []float64) {
	for i, n := range c.items(key) {
		v, err := strconv.ParseFloat(n.Text, 64)
		if n.Kind != strictjson.Number || err != nil || !(v > 0 && v <= 1) {
			c.refuse(domainError, "%s[%d] is no probability above 0", key, i)
			return nil
		}
		out = append(out, v)
	}
	return out
}

// series reads an array of [kA, nA, kB, nB].
func (c *caseReader) series(key string) (out [][4]uint64) {
	for i, n := range c.items(key) {
		var r [4]uint64
		ok := n.Kind == strictjson.Array && len(n.Items) == 4
		for k := 0; ok && k < 4; k++ {
			var err error
			r[k], err = strconv.ParseUint(n.Items[k].Text, 10, 64)
			ok = err == nil && n.Items[k].Kind == strictjson.Number && r[k] <= stats.MaxTrials
		}
		if !ok || r[0] > r[1] || r[2] > r[3] {
			c.refuse(domainError, "%s[%d] is not [kA, nA, kB, nB] with passes up to the counts", key, i)
			return nil
		}
		out = append(out, r)
	}
	return out
}
