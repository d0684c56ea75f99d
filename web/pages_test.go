package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/devnet"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	_ "github.com/animicaorg/engine/host/wazerort" // the WebAssembly runtime of workers
)

func TestMain(m *testing.M) {
	host.MaybeWorker()
	os.Exit(m.Run())
}

const smallJob = `{"job_id":"6a0b1f4e2d3c5968778695a4b3c2d1e0f00112233445566778899aabbccddeef","kind":"quantum",
"spec":{"circuit_id":"animica.quantum.trapset.v1","width":6,"depth":8,"shots":800,"trap_ratio":0.3,"seed":"00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"},
"max_latency_ms":60000,"price":{"units":12}}`

// start starts a devnet and has it pay for jobs.
func start(t *testing.T, jobs int) *devnet.Net {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	n, err := devnet.Start(t.Context(), devnet.Config{Dir: t.TempDir(), Host: h, Backend: sim.New(), Version: "engine/0.1.0 numeric/1 meter/1"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	if jobs > 0 {
		_, err = n.Run(t.Context(), []byte(smallJob), jobs)
		require.NoError(t, err)
	}
	return n
}

// get reads a page as an operator on this machine.
func get(t *testing.T, n *devnet.Net, path string) (*http.Response, string) {
	r, err := http.Get(n.Endpoint + path)
	require.NoError(t, err)
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return r, string(raw)
}

func ask[T any](t *testing.T, n *devnet.Net, path string) (out T) {
	r, body := get(t, n, path)
	require.Equal(t, http.StatusOK, r.StatusCode, body)
	require.NoError(t, json.Unmarshal([]byte(body), &out))
	return out
}

// node is a page's element.
type node struct{ *html.Node }

func parse(t *testing.T, page string) node {
	n, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	return node{n}
}

// each visits every element.
func (n node) each(fn func(node)) {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode {
			fn(node{d})
		}
	}
}

func (n node) all(tag string) (out []node) {
	n.each(func(e node) {
		if e.Data == tag {
			out = append(out, e)
		}
	})
	return out
}

func (n node) get(name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func (n node) byID(t *testing.T, id string) (out node) {
	n.each(func(e node) {
		if v, _ := e.get("id"); v == id {
			out = e
		}
	})
	require.NotNil(t, out.Node, "no element has the id %s", id)
	return out
}

func (n node) text() string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// value is the number of the first data element within.
func (n node) value(t *testing.T) string {
	list := n.all("data")
	require.NotEmpty(t, list, n.text())
	v, _ := list[0].get("value")
	return v
}

// TestEveryPage walks along every link from the overview of a network with history, and
// holds each page against what all of them promise.
func TestEveryPage(t *testing.T) {
	n := start(t, 2)
	release(t, n, "ok")
	seen, todo := map[string]bool{}, []string{"/ui/"}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		r, body := get(t, n, path)
		require.Equal(t, http.StatusOK, r.StatusCode, "%s: %s", path, body)
		page := parse(t, body)
		secure(t, path, r, page)
		accessible(t, path, page)
		for _, a := range page.all("a") {
			if to, _ := a.get("href"); strings.HasPrefix(to, "/ui/") && !strings.HasPrefix(to, "/ui/static/") {
				todo = append(todo, to)
			}
		}
	}
	kinds := map[string]bool{}
	for path := range seen {
		u, err := url.Parse(path)
		require.NoError(t, err)
		kinds[regexp.MustCompile(`[0-9a-f]{64}|/\d+$`).ReplaceAllString(u.Path, "*")] = true
	}
	for _, want := range []string{"/ui/", "/ui/providers", "/ui/providers/*", "/ui/jobs", "/ui/jobs/*", "/ui/queue", "/ui/settlements", "/ui/settlements*", "/ui/ledger", "/ui/disputes", "/ui/policy", "/ui/events"} {
		require.True(t, kinds[want], "no link leads to %s: %v", want, kinds)
	}
}

// secure: what a page may load and do.
func secure(t *testing.T, path string, r *http.Response, page node) {
	require.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'", r.Header.Get("Content-Security-Policy"), path)
	require.Equal(t, "no-store", r.Header.Get("Cache-Control"), path)
	require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"), path)
	require.Len(t, page.all("script"), 2, path)
	for _, s := range page.all("script") {
		src, has := s.get("src")
		require.True(t, has && strings.HasPrefix(src, "/ui/static/"), path)
		require.Empty(t, s.text(), "%s: a script in the page", path)
	}
	require.Empty(t, page.all("style"), path)
	page.each(func(e node) {
		for _, a := range e.Attr {
			require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "style", "%s: <%s %s>", path, e.Data, a.Key)
			if a.Key == "href" || a.Key == "src" || a.Key == "action" {
				require.Regexp(t, `^(/[^/]|/$|#)`, a.Val, "%s: <%s> leads elsewhere", path, e.Data)
			}
		}
	})
}

// accessible: what readers of all kinds need.
func accessible(t *testing.T, path string, page node) {
	for tag, n := range map[string]int{"main": 1, "header": 1, "nav": 1, "footer": 1, "h1": 1, "title": 1} {
		require.Len(t, page.all(tag), n, "%s: <%s>", path, tag)
	}
	lang, _ := page.all("html")[0].get("lang")
	require.Equal(t, "en", lang, path)
	require.NotEmpty(t, page.all("title")[0].text(), path)
	ids, level := map[string]bool{}, 0
	page.each(func(e node) {
		if id, has := e.get("id"); has {
			require.False(t, ids[id], "%s: two elements have the id %s", path, id)
			ids[id] = true
		}
		if len(e.Data) == 2 && e.Data[0] == 'h' && e.Data[1] >= '1' && e.Data[1] <= '6' {
			next := int(e.Data[1] - '0')
			require.LessOrEqual(t, next, level+1, "%s: heading %q skips a level", path, e.text())
			level = next
		}
	})
	page.each(func(e node) {
		for _, a := range e.Attr {
			if a.Key == "aria-labelledby" || a.Key == "for" || a.Key == "data-from" {
				require.True(t, ids[a.Val], "%s: %s=%q names nothing", path, a.Key, a.Val)
			}
		}
		role, _ := e.get("role")
		label, _ := e.get("aria-label")
		switch e.Data {
		case "a", "button":
			require.NotEmpty(t, e.text()+label, "%s: <%s> says nothing", path, e.Data)
		case "img":
			_, has := e.get("alt")
			require.True(t, has, path)
		case "table":
			require.Len(t, e.all("caption"), 1, "%s: a table without caption", path)
			require.NotEmpty(t, e.all("caption")[0].text(), path)
		case "th":
			_, has := e.get("scope")
			require.True(t, has, "%s: <th>%s", path, e.text())
		case "select", "input":
			id, _ := e.get("id")
			labelled := false
			for _, l := range page.all("label") {
				to, _ := l.get("for")
				labelled = labelled || to == id
			}
			require.True(t, labelled, "%s: <%s> has no label", path, e.Data)
		}
		if role == "region" {
			at, _ := e.get("tabindex")
			require.Equal(t, "0", at, "%s: a region that scrolls must take the keyboard", path)
			require.NotEmpty(t, label, path)
		}
	})
}

// TestNumbersAreTheInterfaces compares what the pages show with what the routes answer.
func TestNumbersAreTheInterfaces(t *testing.T) {
	n := start(t, 2)
	page := func(path string) node {
		_, body := get(t, n, path)
		return parse(t, body)
	}
	o := ask[aicf.Overview](t, n, "/aicf/overview")
	require.EqualValues(t, 2, o.Credited)
	p := page("/ui/")
	for id, want := range map[string]any{"credited": o.Credited, "waiting": o.Queued + o.Delayed, "leases": o.Leased + o.Offered + o.Verifying, "active": o.Providers[aicf.Active], "imbalance": o.Imbalance} {
		require.Equal(t, fmt.Sprint(want), p.byID(t, id).value(t), id)
	}
	ledger := ask[aicf.TrialBalance](t, n, "/aicf/ledger")
	p = page("/ui/ledger")
	require.Equal(t, fmt.Sprint(ledger.Debits), p.byID(t, "debits").value(t))
	require.Equal(t, fmt.Sprint(ledger.Credits), p.byID(t, "credits").value(t))
	require.Contains(t, p.text(), "all 18 invariants hold")
	require.Equal(t, ledger.Debits, ledger.Credits)
	id := n.Held.ProviderID.String()
	provider, balance := ask[aicf.Provider](t, n, "/aicf/providers/"+id), ask[aicf.Balance](t, n, "/aicf/balance/"+id)
	p = page("/ui/providers/" + id)
	require.Equal(t, fmt.Sprint(provider.Staked), p.byID(t, "staked").value(t))
	require.Equal(t, fmt.Sprint(balance.Available), p.byID(t, "available").value(t))
	jobs := ask[aicf.Page[aicf.Job]](t, n, "/aicf/jobs?order=newest")
	require.Len(t, jobs.Items, 2)
	require.Greater(t, jobs.Items[0].SubmittedMS, jobs.Items[1].SubmittedMS)
	line := ask[aicf.StatementLine](t, n, "/aicf/jobs/"+jobs.Items[0].ID.String()+"/explain")
	p = page("/ui/jobs/" + jobs.Items[0].ID.String())
	require.Equal(t, fmt.Sprint(line.Gross), p.byID(t, "gross").value(t))
	require.Contains(t, p.text(), line.Formula)
	require.Contains(t, p.text(), line.Claim.String())
	require.Contains(t, p.text(), line.Nullifier.String())
	policy := ask[struct{ Hash string }](t, n, "/aicf/policy")
	require.Equal(t, policy.Hash, page("/ui/policy").byID(t, "hash").text())
}

// release queues a job and gives its offer back with a reason of the provider's choice.
func release(t *testing.T, n *devnet.Net, reason string) digest.Digest {
	call := func() aicf.Call { return aicf.Call{NowMS: time.Now().UnixMilli(), Unsigned: true} }
	id := digest.Sum([]byte(reason))
	doc := strings.Replace(smallJob, "6a0b1f4e2d3c5968778695a4b3c2d1e0f00112233445566778899aabbccddeef", id.String(), 1)
	_, err := n.Service.Submit(t.Context(), call(), aicf.JobSubmission{Job: json.RawMessage(doc)})
	require.NoError(t, err)
	o, err := n.Service.Next(t.Context(), call(), n.Held.ProviderID)
	require.NoError(t, err)
	require.NotNil(t, o)
	_, err = n.Service.Release(t.Context(), call(), aicf.ReleaseRequest{LeaseRef: aicf.LeaseRef{LeaseID: o.LeaseID}, Reason: reason})
	require.NoError(t, err)
	return o.JobID
}

// TestWordsOfMembersAreEscaped: what a provider writes is shown as it is and never becomes
// part of the page.
func TestWordsOfMembersAreEscaped(t *testing.T) {
	n := start(t, 0)
	evil := `"'></td><script>alert(1)</script><img src=x onerror=alert(2)><a href="javascript:alert(3)">`
	job := release(t, n, evil)
	for _, path := range []string{"/ui/jobs/" + job.String(), "/ui/queue", "/ui/", "/ui/events", "/ui/jobs"} {
		r, body := get(t, n, path)
		require.Equal(t, http.StatusOK, r.StatusCode, path)
		page := parse(t, body)
		secure(t, path, r, page)
		accessible(t, path, page)
		require.Len(t, page.all("img"), 1, path) // the mark of the site
		if path == "/ui/jobs/"+job.String() || path == "/ui/queue" {
			require.Contains(t, page.text(), evil, path)
		}
	}
	// A request's own words come back in an error page alone.
	r, body := get(t, n, "/ui/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
	require.Equal(t, http.StatusNotFound, r.StatusCode)
	require.Len(t, parse(t, body).all("script"), 2)
	require.Contains(t, parse(t, body).text(), "<script>alert(1)</script>")
}

// TestWhoMayLook: this machine alone, by a name of its own, and only reading.
func TestWhoMayLook(t *testing.T) {
	n := start(t, 0)
	for name, tc := range map[string]struct {
		method, path, host string
		want               int
	}{
		"this machine":       {"GET", "/ui/", "", 200},
		"its name":           {"GET", "/ui/", "localhost:1", 200},
		"another name":       {"GET", "/ui/", "evil.example.org", 403},
		"no id":              {"GET", "/ui/jobs/xyz", "", 422},
		"no such job":        {"GET", "/ui/jobs/" + strings.Repeat("0a", 32), "", 404},
		"no such provider":   {"GET", "/ui/providers/" + strings.Repeat("0a", 32), "", 404},
		"no such dispute":    {"GET", "/ui/disputes/" + strings.Repeat("0a", 32), "", 404},
		"no such epoch":      {"GET", "/ui/settlements/99", "", 404},
		"no number":          {"GET", "/ui/ledger?before=-1", "", 422},
		"no such status":     {"GET", "/ui/jobs?status=lost", "", 422},
		"no such file":       {"GET", "/ui/static/..%2fhandler.go", "", 404},
		"writing":            {"POST", "/ui/jobs", "", 404},
		"a file of the site": {"GET", "/ui/static/site.js", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequest(tc.method, n.Endpoint+tc.path, nil)
			require.NoError(t, err)
			r.Host = tc.host
			a, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer a.Body.Close()
			require.Equal(t, tc.want, a.StatusCode)
		})
	}
}

// TestFilesAreAskedOnce: a file is not sent again while it is the same.
func TestFilesAreAskedOnce(t *testing.T) {
	n := start(t, 0)
	for _, name := range []string{"site.js", "site.css", "uplot.js", "uplot.css", "icon.svg", "uplot.LICENSE.txt"} {
		r, _ := get(t, n, "/ui/static/"+name)
		require.Equal(t, http.StatusOK, r.StatusCode, name)
		again, err := http.NewRequest(http.MethodGet, n.Endpoint+"/ui/static/"+name, nil)
		require.NoError(t, err)
		again.Header.Set("If-None-Match", r.Header.Get("ETag"))
		a, err := http.DefaultClient.Do(again)
		require.NoError(t, err)
		a.Body.Close()
		require.Equal(t, http.StatusNotModified, a.StatusCode, name)
	}
}
