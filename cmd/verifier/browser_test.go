//go:build services

package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/internal/chromium"
	"github.com/animicaorg/engine/proofs"
)

// browser shows the verifier's page.
type browser struct{ *chromium.Browser }

// open shows a page in a tab without any network.
func (b browser) open(url string) {
	b.Tab()
	b.Call("Network.emulateNetworkConditions", map[string]any{"offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil)
	b.Navigate(url)
}

// expect makes the page forget its last report; reported waits for the next one, or
// for the words that say why there is none.
func (b browser) expect() { b.Eval("window.lastReport = null; say(''); 1", nil) }

func (b browser) reported() (a answer) {
	b.Eval(`new Promise((done, failed) => {
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
func (b browser) drop(path string) answer {
	b.expect()
	for _, kind := range []string{"dragEnter", "dragOver", "drop"} {
		b.Call("Input.dispatchDragEvent", map[string]any{"type": kind, "x": 300, "y": 220, "data": map[string]any{"items": []any{}, "files": []string{path}, "dragOperationsMask": 1}}, nil)
	}
	return b.reported()
}

// choose picks files with one of the page's buttons.
func (b browser) choose(selector string, paths ...string) {
	var doc struct{ Root struct{ NodeID int } }
	b.Call("DOM.getDocument", map[string]any{}, &doc)
	var node struct{ NodeID int }
	b.Call("DOM.querySelector", map[string]any{"nodeId": doc.Root.NodeID, "selector": selector}, &node)
	b.Call("DOM.setFileInputFiles", map[string]any{"nodeId": node.NodeID, "files": paths}, nil)
}

// TestPageInChromium drops the guide's bundle and a hundred flipped ones into the
// page, which opens from a file and has no network: the verdicts are the native ones.
func TestPageInChromium(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "verifier.html")
	out, err := exec.Command("go", "run", "./page", page).CombinedOutput()
	require.NoError(t, err, string(out))
	b := browser{chromium.Start(t)}
	b.open("file://" + page)
	b.Eval("new Promise(ok => document.readyState === 'complete' ? ok() : addEventListener('load', ok)).then(() => ready)", nil)

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
	b.Eval("document.getElementById('verdict').textContent", &shown)
	require.Equal(t, "Valid. Level: none", shown)

	list := flipped(t, good, 10)
	require.Len(t, list, 100)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		want := ask(t, &request{bundle: list[name]})
		require.False(t, want.Valid, name)
		require.Equal(t, want, b.drop(save("bad", list[name])), name)
	}
	b.Eval("document.getElementById('verdict').textContent", &shown)
	require.Contains(t, shown, "Refused.")

	// The page's policy forbids connections even where there is a network.
	var refused string
	b.Eval("fetch('https://example.com').then(() => 'connected', e => 'refused')", &refused)
	require.Equal(t, "refused", refused)
	fmt.Fprintln(t.Output(), "1 good bundle twice and", len(list), "flipped ones")
}
