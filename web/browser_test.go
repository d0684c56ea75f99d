//go:build services

package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/devnet"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/chromium"
	"github.com/animicaorg/engine/web"
)

// quiet fails on what the console said, and on requests to any other host.
func quiet(t *testing.T, b *chromium.Browser, origin, where string) {
	t.Helper()
	for _, e := range b.Events() {
		var p struct {
			Type    string
			Entry   struct{ Level, Text, URL string }
			Request struct{ URL string }
		}
		_ = json.Unmarshal(e.Params, &p)
		switch e.Method {
		case "Runtime.exceptionThrown":
			t.Errorf("%s: %s", where, e.Params)
		case "Runtime.consoleAPICalled":
			t.Errorf("%s: console.%s: %s", where, p.Type, e.Params)
		case "Log.entryAdded":
			t.Errorf("%s: %s: %s %s", where, p.Entry.Level, p.Entry.Text, p.Entry.URL)
		case "Network.requestWillBeSent":
			u, err := url.Parse(p.Request.URL)
			require.NoError(t, err)
			if u.Scheme+"://"+u.Host != origin {
				t.Errorf("%s asks %s", where, p.Request.URL)
			}
		}
	}
}

// contrasts lists texts whose contrast against what is behind them is below WCAG's 4.5.
const contrasts = `(() => {
  const channel = (v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m[3] ?? 1 }; };
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const back = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a === 1) return c.rgb; } return [255, 255, 255]; };
  const out = [];
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest(".uplot, script") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const a = light(parse(getComputedStyle(e).color).rgb), b = light(back(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) out.push(e.tagName + "." + e.className + " " + ratio.toFixed(2) + " " + e.textContent.trim().slice(0, 30));
  }
  return out;
})()`

// painted counts the pixels of the first chart that have the colour of its line.
const painted = `(() => {
  const canvas = document.querySelector("figure.chart canvas");
  if (!canvas) return -1;
  const hex = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
  const want = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255 && want.every((v, k) => Math.abs(data[i + k] - v) < 3)) n++;
  return n;
})()`

func paths(n *devnet.Net, job string) []string {
	return []string{"/ui/", "/ui/providers", "/ui/providers/" + n.Held.ProviderID.String(), "/ui/jobs", "/ui/jobs/" + job, "/ui/queue", "/ui/settlements", "/ui/settlements/0", "/ui/ledger", "/ui/disputes", "/ui/policy", "/ui/events"}
}

// TestPagesInChromium shows every page of a network with history in a real browser: wide and
// narrow, light and dark, with scripts and without, by keyboard.
func TestPagesInChromium(t *testing.T) {
	n := start(t, 3)
	release(t, n, `<script>alert(1)</script>`)
	jobs := ask[aicf.Page[aicf.Job]](t, n, "/aicf/jobs?status=completed")
	require.NotEmpty(t, jobs.Items)
	b := chromium.Start(t)
	b.Tab()
	all := paths(n, jobs.Items[0].ID.String())
	axe := os.Getenv("AXE") // axe.min.js of axe-core, for who has it
	if axe != "" {
		script, err := os.ReadFile(axe)
		require.NoError(t, err)
		b.Call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": string(script)}, nil)
	}
	for _, width := range []int{1280, 360} {
		for _, scheme := range []string{"light", "dark"} {
			b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
			b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
			for _, path := range all {
				where := fmt.Sprintf("%s at %d, %s", path, width, scheme)
				b.Navigate(n.Endpoint + path)
				var wide int
				b.Eval("document.documentElement.scrollWidth", &wide)
				require.LessOrEqual(t, wide, width, "%s is wider than the window", where)
				var faint []string
				b.Eval(contrasts, &faint)
				require.Empty(t, faint, where)
				quiet(t, b, n.Endpoint, where)
				if axe != "" {
					var found []string
					b.Eval(`axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 120))))`, &found)
					require.Empty(t, found, where)
				}
			}
			b.Navigate(n.Endpoint + "/ui/")
			var pixels int
			b.Eval(painted, &pixels)
			require.Greater(t, pixels, 50, "the chart is not drawn at %d, %s", width, scheme)
		}
	}
	t.Run("the policy of the page holds", func(t *testing.T) { holds(t, b, n) })
	t.Run("keyboard", func(t *testing.T) { keyboard(t, b, n) })
	t.Run("live", func(t *testing.T) { live(t, b, n) })
	t.Run("without scripts", func(t *testing.T) { scriptless(t, b, n, all) })
	if dir := os.Getenv("SCREENSHOTS"); dir != "" {
		shots(t, b, n, dir, jobs.Items[0].ID.String())
		if os.Getenv("SCREENSHOTS_ALL") != "" {
			for i, path := range all {
				b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 360 + 740*(i%2), "height": 1000, "deviceScaleFactor": 1, "mobile": false}, nil)
				b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
				b.Navigate(n.Endpoint + path)
				require.NoError(t, os.WriteFile(fmt.Sprintf("%s/all-%d.png", dir, i), b.Screenshot(), 0o644))
			}
		}
	}
}

// holds: no script of a page's own text runs, no other host is reached, nothing frames it.
func holds(t *testing.T, b *chromium.Browser, n *devnet.Net) {
	b.Navigate(n.Endpoint + "/ui/")
	var refused []string
	b.Eval(`(async () => {
	  const seen = [];
	  addEventListener("securitypolicyviolation", (e) => seen.push(e.effectiveDirective));
	  const s = document.createElement("script");
	  s.textContent = "window.ran = true";
	  document.body.append(s);
	  const i = document.createElement("img");
	  i.src = "https://example.com/x.png";
	  document.body.append(i);
	  await fetch("https://example.com").catch(() => {});
	  document.body.setAttribute("onclick", "window.ran = true");
	  document.body.click();
	  await new Promise((ok) => setTimeout(ok));
	  return window.ran ? ["it ran"] : seen.sort();
	})()`, &refused)
	require.Equal(t, []string{"connect-src", "img-src", "script-src-attr", "script-src-elem"}, refused)
	b.Events() // says so in the console
}

// keyboard: the skip link comes first, focus is seen, and the order is that of the page.
func keyboard(t *testing.T, b *chromium.Browser, n *devnet.Net) {
	b.Navigate(n.Endpoint + "/ui/jobs")
	var got, want []string
	b.Eval(`[...document.querySelectorAll("a[href], button, select, [tabindex='0']")].map((e) => e.textContent.trim().slice(0, 20) + e.tagName)`, &want)
	for range want {
		b.Press("Tab", 9)
		var at string
		b.Eval(`(() => { const e = document.activeElement; return getComputedStyle(e).outlineStyle === "none" ? "not seen: " + e.outerHTML : e.textContent.trim().slice(0, 20) + e.tagName; })()`, &at)
		got = append(got, at)
	}
	require.Equal(t, want, got)
	require.Equal(t, "Skip to the contentA", got[0])
	quiet(t, b, n.Endpoint, "keyboard")
}

// live: a counter moves when a job is done, without a reload, to what the interface says.
func live(t *testing.T, b *chromium.Browser, n *devnet.Net) {
	b.Navigate(n.Endpoint + "/ui/")
	b.Eval(`new Promise((ok) => { const look = () => document.getElementById("live").textContent.startsWith("Live") ? ok() : setTimeout(look, 10); look(); })`, nil)
	b.Eval(`window.loadedOnce = true; window.moved = new Promise((ok) => {
	  const before = document.querySelector("#credited data").value;
	  new MutationObserver(() => { const now = document.querySelector("#credited data").value; if (now !== before) ok([before, now]); })
	    .observe(document.querySelector("[data-live=cards]"), { childList: true, subtree: true });
	}); 0`, nil)
	_, err := n.Run(t.Context(), []byte(smallJob), 1)
	require.NoError(t, err)
	var moved []string
	b.Eval("window.moved", &moved)
	o := ask[aicf.Overview](t, n, "/aicf/overview")
	require.Equal(t, []string{fmt.Sprint(o.Credited - 1), fmt.Sprint(o.Credited)}, moved)
	var same bool
	b.Eval("window.loadedOnce === true", &same)
	require.True(t, same)
	quiet(t, b, n.Endpoint, "live")
}

// TestDaemonInChromium shows a provider's page in a real browser, in both schemes and widths;
// it follows what the provider does without a reload, and says when the provider is gone.
func TestDaemonInChromium(t *testing.T) {
	lease := web.DaemonLease{Job: digest.Sum(nil), Lease: digest.Sum([]byte("l")), Fence: 3, State: "running", ForMS: 1500, UpdatedMS: 1_800_000_000_000, Reason: `<script>window.ran = true</script>`}
	var now atomic.Pointer[web.Daemon]
	show := func(running ...web.DaemonLease) {
		now.Store(&web.Daemon{ProviderID: digest.Sum(nil).String(), Endpoint: "http://127.0.0.1:1", Capacity: 2, LastError: lease.Reason, Heartbeat: &aicf.HeartbeatAnswer{Outcome: "counted"}, Running: running, Latest: running})
	}
	show()
	s := httptest.NewServer(web.NewDaemon(func(context.Context) (*web.Daemon, error) { return now.Load(), nil }, time.Now))
	defer s.Close()
	b := chromium.Start(t)
	b.Tab()
	for _, width := range []int{1280, 360} {
		for _, scheme := range []string{"light", "dark"} {
			where := fmt.Sprintf("the daemon's page at %d, %s", width, scheme)
			b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
			b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
			b.Navigate(s.URL)
			var wide int
			b.Eval("document.documentElement.scrollWidth", &wide)
			require.LessOrEqual(t, wide, width, where)
			var faint []string
			b.Eval(contrasts, &faint)
			require.Empty(t, faint, where)
			quiet(t, b, s.URL, where)
		}
	}
	b.Eval(`window.loadedOnce = true; window.moved = new Promise((ok) => {
	  new MutationObserver(() => { const at = document.querySelector("#running data").value; if (at === "1") ok([at, document.querySelector("h1").textContent, String(window.ran)]); })
	    .observe(document.getElementById("main"), { childList: true, subtree: true });
	}); 0`, nil)
	show(lease)
	var moved []string
	b.Eval("window.moved", &moved)
	require.Equal(t, []string{"1", "Working", "undefined"}, moved)
	var same bool
	b.Eval("window.loadedOnce === true", &same)
	require.True(t, same)
	quiet(t, b, s.URL, "live")
	s.Close()
	b.Eval(`new Promise((ok) => { const look = () => document.getElementById("live").textContent.startsWith("Not refreshed") ? ok() : setTimeout(look, 10); look(); })`, nil)
}

// scriptless: every table is there, and nothing waits for a script.
func scriptless(t *testing.T, b *chromium.Browser, n *devnet.Net, all []string) {
	b.Call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	defer b.Call("Emulation.setScriptExecutionDisabled", map[string]any{"value": false}, nil)
	for _, path := range all {
		b.Navigate(n.Endpoint + path)
		var text string
		b.Eval("document.getElementById('main').innerText", &text)
		require.Greater(t, len(text), 60, path)
		require.NotContains(t, strings.ToLower(text), "loading", path)
		var status string
		b.Eval("document.getElementById('live').textContent", &status)
		require.Contains(t, status, "reload for newer figures", path)
		var charts int
		b.Eval("[...document.querySelectorAll('figure.chart')].filter((f) => f.getClientRects().length).length", &charts)
		require.Zero(t, charts, "%s: an empty chart", path)
		quiet(t, b, n.Endpoint, path)
	}
	b.Navigate(n.Endpoint + "/ui/")
	var credited string
	b.Eval("document.querySelector('#credited data').value", &credited)
	require.Equal(t, fmt.Sprint(ask[aicf.Overview](t, n, "/aicf/overview").Credited), credited)
}

// shots writes pictures of two pages for the documentation.
func shots(t *testing.T, b *chromium.Browser, n *devnet.Net, dir, job string) {
	b.Call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "light"}}}, nil)
	b.Call("Emulation.setScrollbarsHidden", map[string]any{"hidden": true}, nil)
	for name, at := range map[string]struct {
		path   string
		height int
	}{"overview": {"/ui/", 920}, "job": {"/ui/jobs/" + job, 940}} {
		b.Call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1080, "height": at.height, "deviceScaleFactor": 1, "mobile": false}, nil)
		b.Navigate(n.Endpoint + at.path)
		b.Eval(`new Promise((ok) => { const look = () => document.getElementById("live").textContent.startsWith("Live") ? requestAnimationFrame(() => requestAnimationFrame(ok)) : setTimeout(look, 10); look(); })`, nil)
		require.NoError(t, os.WriteFile(dir+"/"+name+".png", b.Screenshot(), 0o644))
	}
}
