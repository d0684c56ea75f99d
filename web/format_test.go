package web

import (
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

func TestNumbersAndTimes(t *testing.T) {
	for v, want := range map[any]template.HTML{
		0: `<data value="0">0</data>`, aicf.Amount(1200): "<data value=\"1200\">1\u202f200</data>", uint64(9007199254740991): "<data value=\"9007199254740991\">9\u202f007\u202f199\u202f254\u202f740\u202f991</data>",
		int64(-1234567): "<data value=\"-1234567\">−1\u202f234\u202f567</data>", 999: `<data value="999">999</data>`,
	} {
		got, err := number(v)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := number("<b>")
	require.Error(t, err)
	for ms, want := range map[int64]string{-5: "0 ms", 0: "0 ms", 999: "999 ms", 1000: "1.0 s", 59_999: "59.9 s", 60_000: "1 min", 61_000: "1 min 1 s", 3_599_999: "59 min 59 s", 3_600_000: "1 h", 172_800_000: "2 d", 180_000_000: "2 d 2 h"} {
		require.Equal(t, want, duration(ms), ms)
	}
	require.Equal(t, template.HTML("–"), moment(0))
	require.Equal(t, template.HTML(`<time datetime="2027-01-15T08:00:00.000Z">2027-01-15 08:00:00</time>`), moment(1_800_000_000_000))
	for _, tc := range []struct {
		k, n any
		want string
	}{{0, 0, "–"}, {1, 3, "33.33 %"}, {aicf.Amount(5), aicf.Amount(5), "100.00 %"}} {
		got, err := share(tc.k, tc.n)
		require.NoError(t, err)
		require.Equal(t, tc.want, got)
	}
	require.Equal(t, "no sample", wilson(0, 0))
	require.Equal(t, "83.9–100.0 %", wilson(20, 20))
}

// TestEventsAreSaidInWords: ids are cut, numbers stay whole, nothing of another form comes
// through.
func TestEventsAreSaidInWords(t *testing.T) {
	id := digest.Sum(nil).String()
	for data, want := range map[string]string{
		`{"info":{"claim":"` + id + `","latency_ms":9007199254740991,"dev":true,"empty":"","deep":{"a":1}}}`: "claim " + id[:10] + "…, dev true, latency ms 9007199254740991",
		`{"info":null}`: "", `{}`: "", `{"info":[1]}`: "", `broken`: "",
	} {
		require.Equal(t, want, said(aicf.Event{Data: []byte(data)}))
	}
}

// TestABrokenLedgerShows: neither the overview nor the ledger's page passes over it.
func TestABrokenLedgerShows(t *testing.T) {
	s := newSite(Config{Now: time.Now})
	show := func(name string, data any) string {
		w := httptest.NewRecorder()
		s.write(w, 200, name, &view{Data: data})
		require.Equal(t, 200, w.Code, w.Body)
		return w.Body.String()
	}
	o := &overviewData{Overview: &aicf.Overview{Imbalance: 5}}
	require.Contains(t, show("overview", o), `class="alarm"`)
	require.Contains(t, show("overview", o), "the ledger does not add up")
	o.Imbalance = 0
	require.NotContains(t, show("overview", o), `class="alarm"`)
	d := &ledgerData{TrialBalance: &aicf.TrialBalance{}, Audit: &aicf.Audit{Invariants: []aicf.Invariant{{ID: "I1", OK: true, Detail: "x"}, {ID: "I2", Detail: "y: 1 row"}}}, Broken: 1}
	require.Contains(t, show("ledger", d), "1 of 2 invariants do not hold")
	require.Contains(t, show("ledger", d), `<span class="status bad">broken</span>`)
}

// TestAPolicyThatWaits shows what changes.
func TestAPolicyThatWaits(t *testing.T) {
	s := newSite(Config{Now: time.Now})
	now, err := aicf.DefaultPolicy()
	require.NoError(t, err)
	next, err := aicf.DefaultPolicy()
	require.NoError(t, err)
	next.Registry.StakeMin.Quantum = 7777
	w := httptest.NewRecorder()
	s.write(w, 200, "policy", &view{Data: &policyData{Next: next, Changes: aicf.Diff(now, next)}})
	require.Contains(t, w.Body.String(), `<th scope="row">registry.stake_min.quantum</th><td>5000</td><td>7777</td>`)
}

// TestTheChartLibraryIsTheReleased: the two files are those of uplot 1.6.32's dist folder.
func TestTheChartLibraryIsTheReleased(t *testing.T) {
	for name, want := range map[string]string{
		"uplot.js":  "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f", // uPlot.iife.min.js
		"uplot.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04", // uPlot.min.css
	} {
		body, err := files.ReadFile("static/" + name)
		require.NoError(t, err)
		sum := sha256.Sum256(body)
		require.Equal(t, want, hex.EncodeToString(sum[:]), name)
	}
}
