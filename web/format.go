package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"strconv"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/stats"
)

// functions are what templates may call.
var functions = template.FuncMap{
	"num": number, "time": moment, "age": age, "dur": duration, "short": short, "id": identity, "ppm": ppm, "share": share,
	"wilson": wilson, "pretty": pretty, "sub": func(a, b int64) int64 { return a - b }, "add": add, "tone": tone, "zero": digest.Digest.IsZero, "ratio": ratio, "said": said, "nav": func() []navItem { return navigation },
}

// number shows an integer in groups; its value stands in the element for scripts.
func number(v any) (template.HTML, error) {
	s := fmt.Sprint(v)
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return "", fmt.Errorf("%q is no integer", s)
	}
	return template.HTML(fmt.Sprintf(`<data value="%d">%s</data>`, n, grouped(n))), nil
}

// grouped has a narrow no-break space before every third digit.
func grouped(n int64) string {
	s, sign := strconv.FormatInt(n, 10), ""
	if n < 0 {
		s, sign = s[1:], "−"
	}
	out := ""
	for len(s) > 3 {
		out, s = "\u202f"+s[len(s)-3:]+out, s[:len(s)-3]
	}
	return sign + s + out
}

// moment shows Unix milliseconds; 0 is a dash.
func moment(ms int64) template.HTML {
	if ms == 0 {
		return "–"
	}
	t := time.UnixMilli(ms).UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, t.Format("2006-01-02T15:04:05.000Z"), t.Format("2006-01-02 15:04:05")))
}

// age is the time from a moment to now; 0 is a dash.
func age(now, ms int64) string {
	if ms == 0 {
		return "–"
	}
	return duration(now - ms)
}

// duration is milliseconds in the largest two units that say something.
func duration(ms int64) string {
	if ms < 0 {
		ms = 0
	}
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", ms)
	case d < time.Minute:
		return fmt.Sprintf("%d.%d s", ms/1000, ms%1000/100)
	case d < time.Hour:
		return units(ms/60_000, "min", ms/1000%60, "s")
	case d < 48*time.Hour:
		return units(ms/3_600_000, "h", ms/60_000%60, "min")
	}
	return units(ms/86_400_000, "d", ms/3_600_000%24, "h")
}

// units leaves out a smaller unit of which there is nothing.
func units(n int64, unit string, rest int64, smaller string) string {
	if rest == 0 {
		return fmt.Sprintf("%d %s", n, unit)
	}
	return fmt.Sprintf("%d %s %d %s", n, unit, rest, smaller)
}

func short(d digest.Digest) string { return d.String()[:10] }

// identity shows the head of an id; the whole of it is in the title. Zero is a dash.
func identity(d digest.Digest) template.HTML {
	if d.IsZero() {
		return "–"
	}
	s := d.String()
	return template.HTML(`<code title="` + s + `">` + s[:10] + `…</code>`)
}

func ppm(n uint64) string { return fmt.Sprintf("%d.%02d %%", n/10_000, n%10_000/100) }

// share is k of n in per cent, both of one integer type; any of none is a dash.
func share(k, n any) (string, error) {
	part, err := strconv.ParseUint(fmt.Sprint(k), 10, 63)
	if err != nil {
		return "", err
	}
	whole, err := strconv.ParseUint(fmt.Sprint(n), 10, 63)
	if err != nil || whole == 0 {
		return "–", err
	}
	return ppm(uint64(ratio(part, whole))), nil
}

// ratio is k of n in ppm, for charts; 0 of none.
func ratio(k, n uint64) int64 {
	if n == 0 {
		return 0
	}
	return int64(float64(k) / float64(n) * 1e6)
}

// wilson is the 95 % confidence band of k of n units: jobs, leases or heartbeats.
func wilson(k, n uint64) string {
	if n == 0 {
		return "no sample"
	}
	lo, hi := stats.Wilson(k, n, 0.05)
	return fmt.Sprintf("%.1f–%.1f %%", 100*lo, 100*hi)
}

func add(list ...uint64) (sum uint64) {
	for _, v := range list {
		sum += v
	}
	return sum
}

// pretty indents JSON; what is none is shown as it is.
func pretty(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return string(raw)
	}
	return b.String()
}

// tones are the words that need a look, and those that are well.
var tones = map[string]string{
	"active": "good", "eligible": "good", "completed": "good", "paid": "good", "settled": "good", "claimable": "good", "reversed": "good", "HEALTHY": "good",
	"jailed": "bad", "suspended": "bad", "failed": "bad", "rejected": "bad", "expired": "bad", "executed": "bad", "refused": "bad", "UNRESPONSIVE": "bad",
	"held": "warn", "appealed": "warn", "lapsed": "warn", "released": "warn", "carried": "warn", "DEGRADED": "warn", "cancelled": "warn", "draining": "warn",
}

// tone is the class of a status; the word itself is always shown besides.
func tone(status any) string {
	if t := tones[fmt.Sprint(status)]; t != "" {
		return t
	}
	return "plain"
}

type navItem struct{ Path, Title string }

// navigation is the order of the sections.
var navigation = []navItem{{"", "Overview"}, {"providers", "Providers"}, {"jobs", "Jobs"}, {"queue", "Queue"}, {"settlements", "Settlements"}, {"ledger", "Ledger"}, {"disputes", "Disputes"}, {"policy", "Policy"}}
