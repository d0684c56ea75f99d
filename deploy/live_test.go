//go:build services

package deploy_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

func promtool(t *testing.T, args ...string) {
	exe, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI_STRICT") == "1" {
			t.Fatal(err)
		}
		t.Skip("promtool is not installed (Debian: prometheus)")
	}
	cmd := exec.Command(exe, args...)
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		cmd.Env = append(os.Environ(), "TMPDIR=/dev/shm") // it syncs a database for each test
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// TestPromtool: rules and configuration are valid, alerts fire as their tests say, and every
// expression of a dashboard is one.
func TestPromtool(t *testing.T) {
	promtool(t, "check", "config", "prometheus/prometheus.yaml")
	promtool(t, "test", "rules", "prometheus/alerts_test.yaml")
	promtool(t, "test", "rules", "prometheus/burn_test.yaml")
	var b bytes.Buffer
	fmt.Fprintln(&b, "groups:\n  - name: dashboards\n    rules:")
	n := 0
	for _, panels := range dashboards(t) {
		for _, p := range panels {
			for _, q := range p.Targets {
				raw, err := json.Marshal(q.Expr)
				require.NoError(t, err)
				fmt.Fprintf(&b, "      - record: dashboard:expression:%d\n        expr: %s\n", n, raw)
				n++
			}
		}
	}
	require.Greater(t, n, 100)
	file := filepath.Join(t.TempDir(), "dashboards.yaml")
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
	promtool(t, "check", "rules", file)
	require.NoError(t, os.WriteFile(file, bytes.Replace(b.Bytes(), []byte("sum("), []byte("sum(("), 1), 0o600))
	out, err := exec.Command("promtool", "check", "rules", file).CombinedOutput()
	require.Error(t, err, "a broken expression passes: %s", out)
}

// started is a program that has said its first line.
func started(t *testing.T, env []string, exe string, args ...string) map[string]string {
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), env...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", exe, log.String())
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err, log.String())
	var said map[string]string
	require.NoError(t, json.Unmarshal(line, &said), string(line))
	return said
}

func scrape(t *testing.T, url string) string {
	r, err := http.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.StatusCode, string(raw))
	return string(raw)
}

// optional have no series where the tests run: a driver with a certificate of its device.
var optional = map[string]bool{"engine_cert_expiry_timestamp_seconds": true, "engine_cert_valid": true}

// TestEveryNameIsServed runs a service on PostgreSQL and a provider that does a job, and
// looks for every metric that an alert or a dashboard asks for.
func TestEveryNameIsServed(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"omni", "engine"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), "../cmd/"+name)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	env := []string{"HOME=" + dir, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "XDG_CACHE_HOME="}
	omni := filepath.Join(dir, "omni")
	service := started(t, env, omni, "aicf", "serve", "--dev", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "net"), "--postgres", storetest.Database(t), "--json")["listen"]
	provider := started(t, env, filepath.Join(dir, "engine"), "provider", "start", "--endpoint", service, "--metrics", "127.0.0.1:0", "--allow-weak-sandbox", "--json")["metrics"]
	require.Contains(t, provider, "http://127.0.0.1:")
	submit := exec.Command(omni, "aicf", "submit", "../examples/jobs/guide.json", "--endpoint", service)
	submit.Env = append(os.Environ(), env...)
	out, err := submit.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Eventually(t, func() bool {
		return strings.Contains(scrape(t, service+"/metrics"), `aicf_jobs_total{outcome="completed"} 1`)
	}, 2*time.Minute, 100*time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.Contains(scrape(t, provider), `engine_provider_jobs_total{outcome="completed"} 1`)
	}, time.Minute, 50*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(scrape(t, provider), "engine_provider_eligible 1") }, time.Minute, 50*time.Millisecond)
	served := map[string]bool{}
	for _, page := range []string{scrape(t, service+"/metrics"), scrape(t, provider)} {
		for _, m := range regexp.MustCompile(`(?m)^[a-z_]+`).FindAllString(page, -1) {
			served[m] = true
		}
	}
	asked := map[string]bool{}
	for _, r := range rules(t) {
		for _, n := range names(r.Expr) {
			asked[n] = true
		}
	}
	for _, panels := range dashboards(t) {
		for _, p := range panels {
			for _, q := range p.Targets {
				for _, n := range names(q.Expr) {
					asked[n] = true
				}
			}
		}
	}
	for n := range asked {
		if !strings.Contains(n, ":") && !optional[n] {
			require.True(t, served[n], "%s is served by nobody", n)
		}
	}
	for n := range served { // and nothing is measured that nobody looks at, but what the runtime gives
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(n, "_bucket"), "_count"), "_sum")
		if strings.HasPrefix(n, "aicf_") || strings.HasPrefix(n, "engine_") {
			documented(t, base)
		}
	}
	require.Contains(t, scrape(t, service+"/ui/"), "<h1>Overview</h1>")
	require.Contains(t, scrape(t, strings.TrimSuffix(provider, "metrics")), "<h1>Waiting for work</h1>")
}

// documented wants a metric on its page.
func documented(t *testing.T, name string) {
	page, err := os.ReadFile("../docs/operating/metrics.md")
	require.NoError(t, err)
	require.Contains(t, string(page), "`"+name+"`")
}
