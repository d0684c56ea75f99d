//go:build services

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs"
)

// browser is a Chromium that is driven over a pipe with the DevTools protocol.
type browser struct {
	t       *testing.T
	in      *os.File
	out     *bufio.Reader
	session string
	id      atomic.Int64
}

type message struct {
	ID     int64           `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// chromium starts Debian's browser, or skips; with CI_STRICT an absent one fails.
func chromium(t *testing.T) *browser {
	exe, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI_STRICT") == "1" {
			t.Fatal(err)
		}
		t.Skip("chromium is not installed")
	}
	toBrowser, in, err := os.Pipe()
	require.NoError(t, err)
	out, fromBrowser, err := os.Pipe()
	require.NoError(t, err)
	cmd := exec.Command(exe, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // 3 and 4
	require.NoError(t, cmd.Start())
	toBrowser.Close()
	fromBrowser.Close()
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	require.NoError(t, out.SetReadDeadline(time.Now().Add(10*time.Minute)))
	return &browser{t: t, in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

// call sends a command and waits for its answer; events in between are dropped.
func (b *browser) call(method string, params any, to any) {
	b.t.Helper()
	id := b.id.Add(1)
	m := map[string]any{"id": id, "method": method, "params": params}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	raw, err := json.Marshal(m)
	require.NoError(b.t, err)
	_, err = b.in.Write(append(raw, 0))
	require.NoError(b.t, err)
	for {
		line, err := b.out.ReadBytes(0)
		require.NoError(b.t, err, method)
		var got message
		require.NoError(b.t, json.Unmarshal(line[:len(line)-1], &got))
		if got.ID != id {
			continue
		}
		require.Nil(b.t, got.Error, "%s: %+v", method, got.Error)
		if to != nil {
			require.NoError(b.t, json.Unmarshal(got.Result, to))
		}
		return
	}
}

// open shows a page in a tab without any network.
func (b *browser) open(url string) {
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	b.call("Network.enable", map[string]any{}, nil)
	b.call("Network.emulateNetworkConditions", map[string]any{"offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil)
	b.call("Page.enable", map[string]any{}, nil)
	b.call("Page.navigate", map[string]any{"url": url}, nil)
}

// eval returns the value of an expression, after it if it is a promise.
func (b *browser) eval(expression string, to any) {
	b.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &got)
	require.Empty(b.t, got.ExceptionDetails, "%s: %s", expression, got.ExceptionDetails)
	if to != nil {
		require.NoError(b.t, json.Unmarshal(got.Result.Value, to))
	}
}

// expect makes the page forget its last report; reported waits for the next one, or
// for the words that say why there is none.
func (b *browser) expect() { b.eval("window.lastReport = null; say(''); 1", nil) }

func (b *browser) reported() (a answer) {
	b.eval(`new Promise((done, failed) => {
		const look = () => {
			const text = $("verdict").textContent;
			if (window.lastReport) done(window.lastReport);
			else if (text.startsWith("Failed")) failed(text);
			else setTimeout(look, 5);
		};
		look();
	})`, &a)
	return a
}

// drop drags a file into the page.
func (b *browser) drop(path string) answer {
	b.expect()
	for _, kind := range []string{"dragEnter", "dragOver", "drop"} {
		b.call("Input.dispatchDragEvent", map[string]any{"type": kind, "x": 300, "y": 220, "data": map[string]any{"items": []any{}, "files": []string{path}, "dragOperationsMask": 1}}, nil)
	}
	return b.reported()
}

// choose picks files with one of the page's buttons.
func (b *browser) choose(selector string, paths ...string) {
	var doc struct{ Root struct{ NodeID int } }
	b.call("DOM.getDocument", map[string]any{}, &doc)
	var node struct{ NodeID int }
	b.call("DOM.querySelector", map[string]any{"nodeId": doc.Root.NodeID, "selector": selector}, &node)
	b.call("DOM.setFileInputFiles", map[string]any{"nodeId": node.NodeID, "files": paths}, nil)
}

// TestPageInChromium drops the guide's bundle and a hundred flipped ones into the
// page, which opens from a file and has no network: the verdicts are the native ones.
func TestPageInChromium(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "verifier.html")
	out, err := exec.Command("go", "run", "./page", page).CombinedOutput()
	require.NoError(t, err, string(out))
	b := chromium(t)
	b.open("file://" + page)
	b.eval("new Promise(ok => document.readyState === 'complete' ? ok() : addEventListener('load', ok)).then(() => ready)", nil)

	folder := runJob(t, "../../examples/jobs/guide.json")
	good, err := proofs.Load(folder)
	require.NoError(t, err)
	save := func(name string, x *proofs.Bundle) string {
		tar, err := x.Tar()
		require.NoError(t, err)
		path := filepath.Join(dir, name+".tar")
		require.NoError(t, os.WriteFile(path, tar, 0o600))
		return path
	}
	require.Equal(t, answer{Valid: true, Level: "none"}, b.drop(save("good", good)))
	b.expect()
	b.choose("#folder", folder)
	require.Equal(t, answer{Valid: true, Level: "none"}, b.reported(), "the folder itself")
	var shown string
	b.eval("document.getElementById('verdict').textContent", &shown)
	require.Equal(t, "Valid. Level: none", shown)

	list := flipped(t, good, 10)
	require.Len(t, list, 100)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		want := ask(t, &request{bundle: list[name]})
		require.False(t, want.Valid, name)
		require.Equal(t, want, b.drop(save("bad", list[name])), name)
	}
	b.eval("document.getElementById('verdict').textContent", &shown)
	require.Contains(t, shown, "Refused.")

	// The page's policy forbids connections even where there is a network.
	var refused string
	b.eval("fetch('https://example.com').then(() => 'connected', e => 'refused')", &refused)
	require.Equal(t, "refused", refused)
	fmt.Fprintln(t.Output(), "1 good bundle twice and", len(list), "flipped ones")
}
