// Package deploy_test holds the alert rules and dashboards of this folder against their
// documentation, their tests, and what a service and a provider serve.
package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) (out []rule) {
	raw, err := os.ReadFile("prometheus/alerts.yaml")
	require.NoError(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []rule
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &file))
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	require.NotEmpty(t, out)
	return out
}

// shipped are the alerts that operators were promised.
var shipped = []string{"NoWork", "HeartbeatLate", "LeaseExpirySpike", "FencedWrites", "TrapDrop", "ProofRejects", "OutboxStuck", "ClaimableUnclaimed", "StakeNearMinimum", "Jailed", "CapacityOver85",
	"RestartLoop", "ClockSkew", "CertExpires", "DiskFree", "FsyncSlow", "WriterQueueFull", "ReplicaLag", "SettleLate", "FundCapOver90", "LedgerImbalance",
	"ErrorsBurnFast", "ErrorsBurnMedium", "ErrorsBurnSlow", "ErrorsBurnCreeping", "SlowBurnFast", "SlowBurnMedium", "SlowBurnSlow", "SlowBurnCreeping"}

// TestEveryAlertIsExplainedAndTested: a severity, a runbook that exists, a test in which it
// fires and one in which it does not.
func TestEveryAlertIsExplainedAndTested(t *testing.T) {
	page, err := os.ReadFile("../docs/operating/alerts.md")
	require.NoError(t, err)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, name := range []string{"alerts_test.yaml", "burn_test.yaml"} {
		raw, err := os.ReadFile("prometheus/" + name)
		require.NoError(t, err)
		var file struct {
			Tests []struct {
				Alerts []struct {
					Alertname string
					Exp       []struct {
						Annotations map[string]string `yaml:"exp_annotations"`
					} `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		require.NoError(t, yaml.Unmarshal(raw, &file))
		for _, x := range file.Tests {
			for _, a := range x.Alerts {
				if len(a.Exp) == 0 {
					quiet[a.Alertname] = true
					continue
				}
				fires[a.Alertname] = true
				require.NotEmpty(t, a.Exp[0].Annotations["summary"], a.Alertname)
			}
		}
	}
	have := map[string]bool{}
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		have[r.Alert] = true
		require.Contains(t, []string{"page", "ticket"}, r.Labels["severity"], r.Alert)
		anchor, ok := strings.CutPrefix(r.Annotations["runbook"], "docs/operating/alerts.md#")
		require.True(t, ok, r.Alert)
		require.Regexp(t, regexp.MustCompile(`(?im)^## `+regexp.QuoteMeta(anchor)+`$`), string(page), r.Alert)
		require.True(t, fires[r.Alert], "%s fires in no test", r.Alert)
		require.True(t, quiet[r.Alert], "%s is quiet in no test", r.Alert)
	}
	for _, name := range shipped {
		require.True(t, have[name], "%s is not there", name)
	}
}

type target struct{ Expr string }

type panel struct {
	ID      int
	Title   string
	Type    string
	GridPos struct{ X, Y, W, H int }
	Targets []target
}

func dashboards(t *testing.T) map[string][]panel {
	out := map[string][]panel{}
	files, err := filepath.Glob("grafana/*.json")
	require.NoError(t, err)
	require.Len(t, files, 4)
	uids := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var d struct {
			UID, Title string
			Panels     []panel
		}
		require.NoError(t, json.Unmarshal(raw, &d), file)
		require.False(t, uids[d.UID], file)
		uids[d.UID] = true
		require.NotEmpty(t, d.Title)
		out[file] = d.Panels
	}
	return out
}

// TestDashboardsAreWhole: panels have a name and a question, and none covers another.
func TestDashboardsAreWhole(t *testing.T) {
	for file, panels := range dashboards(t) {
		taken, ids := map[[2]int]string{}, map[int]bool{}
		for _, p := range panels {
			require.NotEmpty(t, p.Title, file)
			require.NotEmpty(t, p.Targets, "%s: %s", file, p.Title)
			require.False(t, ids[p.ID], "%s: %s", file, p.Title)
			ids[p.ID] = true
			require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, "%s: %s", file, p.Title)
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					require.Empty(t, taken[[2]int{x, y}], "%s: %s", file, p.Title)
					taken[[2]int{x, y}] = p.Title
				}
			}
			for _, q := range p.Targets {
				require.NotEmpty(t, names(q.Expr), "%s: %s: %s", file, p.Title, q.Expr)
			}
		}
	}
}

var metric = regexp.MustCompile(`\b(aicf|engine|process)[_:][a-z0-9_:]+`)

// names are the metrics of an expression.
func names(expr string) []string {
	return metric.FindAllString(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expr, `""`), -1)
}

// TestNothingIsRecordedInVain: a recorded series is asked for, and what is asked for under
// such a name is recorded.
func TestNothingIsRecordedInVain(t *testing.T) {
	recorded, asked := map[string]bool{}, map[string]bool{}
	note := func(expr string) {
		for _, n := range names(expr) {
			if strings.Contains(n, ":") {
				asked[n] = true
			}
		}
	}
	for _, r := range rules(t) {
		if r.Record != "" {
			recorded[r.Record] = true
		} else {
			note(r.Expr)
		}
	}
	for _, panels := range dashboards(t) {
		for _, p := range panels {
			for _, q := range p.Targets {
				note(q.Expr)
			}
		}
	}
	for n := range asked {
		require.True(t, recorded[n], "%s is not recorded", n)
	}
	for n := range recorded {
		if strings.HasPrefix(n, "aicf:calls:") { // a guard for each window, also those no alert uses
			continue
		}
		require.True(t, asked[n], "%s is recorded for nobody", n)
	}
}
